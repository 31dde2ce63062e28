"""Start and cancel training runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core import audit
from annotator.core.errors import IllegalTransition, InvalidInput, Unprocessable
from annotator.core.tasks import send_on_commit
from annotator.core.transitions import transition
from annotator.datasets.models import DatasetItem, DatasetVersion, Split, VersionStatus
from annotator.datasets.selectors import latest_version, new_accepted_cines
from annotator.datasets.services import freeze_dataset_version
from annotator.registry.models import ModelVersion, RunStatus, TrainingRun, Trigger
from annotator.registry.selectors import current_model, live_run
from workers.protocol.messages import ModelRef, TrainingCancel, TrainingRequest

from .announce import announce_run
from .config import clean_config, with_method
from .register import register_bundled_model

TRAINING_QUEUE = "training"


def start_training_run(
    *,
    campaign: Campaign,
    actor: User | None,
    dataset_version: DatasetVersion | None = None,
    config: Mapping[str, Any] | None = None,
    trigger: str = Trigger.BUTTON,
) -> TrainingRun:
    """Train the current model of a campaign further on a dataset version.

    Parameters
    ----------
    campaign : Campaign
    actor : User or None
        None when the training policy starts it.
    dataset_version : DatasetVersion, optional
        Without one, what has been accepted since the newest version is frozen first; when nothing has, the newest
        version is used.
    config : mapping, optional
        Settings that replace those of the campaign for this run.
    trigger : {"button", "policy"}

    Returns
    -------
    TrainingRun
        Queued; the request is sent when the transaction commits.

    Raises
    ------
    IllegalTransition
        `training_already_running`: one run at a time. `version_not_frozen`: the version cannot be trained on.
    InvalidInput
        `version_of_other_campaign`, or a bad setting.
    Unprocessable
        `family_not_trainable` or `method_not_offered`: the current model cannot be trained so. `nothing_accepted`, or
        `nothing_to_learn`: no cine of the version stands in the train part.
    """
    settings = clean_config(campaign.training_config, config)
    _refuse_second(campaign)
    if campaign.current_model_id is None:
        register_bundled_model()
        campaign.refresh_from_db()
    with_method(settings, _base_of(campaign))
    version = dataset_version or _newest_version(campaign=campaign, actor=actor)
    _check_version(campaign=campaign, version=version)
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        _refuse_second(campaign)
        base = _base_of(campaign)
        settings = with_method(settings, base)
        run = TrainingRun.objects.create(
            campaign=campaign,
            dataset_version=version,
            base=base,
            config=settings,
            seed=TrainingRun.objects.filter(campaign=campaign).count() + 1,
            trigger=trigger,
            started_by=actor,
            progress={"step": 0, "total_steps": settings.get("steps"), "loss": None, "elapsed_s": 0.0},
        )
        audit.record(
            actor=actor,
            action="registry.training_started",
            target=run,
            data={"dataset_version": str(version.pk), "base": str(base.pk), "trigger": str(trigger)},
        )
        send_request(run)
        announce_run(run)
    return run


def send_request(run: TrainingRun) -> None:
    """Send the training request of a run to the training queue when the transaction commits."""
    base = ModelRef(digest=run.base.checkpoint, family=run.base.family)
    request = TrainingRequest(
        run_id=str(run.pk),
        manifest=run.dataset_version.manifest_digest,
        base=base,
        config=run.config,
        seed=run.seed,
        evaluate=[base],
    )
    send_on_commit("training.run", request.to_dict(), queue=TRAINING_QUEUE)


def cancel_training_run(*, run: TrainingRun, actor: User) -> TrainingRun:
    """Stop a queued or running training; what it has learnt is thrown away.

    Raises
    ------
    IllegalTransition
        `training_has_ended`: there is nothing to stop.
    """
    with transaction.atomic():
        run = TrainingRun.objects.select_for_update().get(pk=run.pk)
        if not run.is_live:
            raise IllegalTransition(
                f"This training has already ended: it {_ENDED[run.status]}.",
                code="training_has_ended",
                details={"status": run.status},
            )
        run = transition(run, RunStatus.CANCELLED, actor=actor, reason="cancelled by a user")
        run.cancel_requested_at = run.finished_at = timezone.now()
        run.save(update_fields=["cancel_requested_at", "finished_at", "updated_at"])
        send_cancel(run)
        announce_run(run)
    return run


def send_cancel(run: TrainingRun) -> None:
    """Ask the training worker to stop a run when the transaction commits."""
    send_on_commit("training.cancel", TrainingCancel(run_id=str(run.pk)).to_dict(), queue=TRAINING_QUEUE)


_ENDED: dict[str, str] = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "was cancelled",
}


def _refuse_second(campaign: Campaign) -> None:
    """Refuse to train beside a live run of the same campaign."""
    running = live_run(campaign)
    if running is not None:
        raise IllegalTransition(
            f"A training of {campaign.name} is {running.get_status_display().lower()}; there is one at a time.",
            code="training_already_running",
            details={"training_run": str(running.pk)},
        )


def _base_of(campaign: Campaign) -> ModelVersion:
    base = current_model(campaign)
    if base is None:
        raise AssertionError("a campaign that has just been given a model has one")
    return base


def _newest_version(*, campaign: Campaign, actor: User | None) -> DatasetVersion:
    """Freeze what is new, or return the newest version."""
    latest = latest_version(campaign)
    if latest is None or new_accepted_cines(campaign):
        try:
            return freeze_dataset_version(campaign=campaign, actor=actor, reason="before a training run")
        except IllegalTransition as refusal:
            if refusal.code != "nothing_new" or latest is None:
                raise
    assert latest is not None
    return latest


def _check_version(*, campaign: Campaign, version: DatasetVersion) -> None:
    """Refuse a version that this campaign cannot train on."""
    if version.campaign_id != campaign.pk:
        raise InvalidInput("This dataset version belongs to another campaign.", code="version_of_other_campaign")
    if version.status != VersionStatus.FROZEN:
        raise IllegalTransition(
            f"Version {version.number} is not frozen, so nothing can be trained on it.", code="version_not_frozen"
        )
    if not DatasetItem.objects.filter(version=version, split=Split.TRAIN).exists():
        raise Unprocessable(
            f"No cine of version {version.number} stands in the train part; accept readings of more patients.",
            code="nothing_to_learn",
        )
