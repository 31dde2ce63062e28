"""Starting and cancelling trainings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from annotator.campaigns.models import Campaign
from annotator.core.errors import DomainError, IllegalTransition, InvalidInput, Unprocessable
from annotator.datasets.models import DatasetVersion, VersionStatus
from annotator.datasets.services import freeze_dataset_version, place_patients
from annotator.registry.models import ModelVersion, RunStatus, TrainingRun
from annotator.registry.services import cancel_training_run, start_training_run
from tests.factories.datasets import accept_new, accepted_campaign, make_campaign, manager_of
from tests.factories.registry import finish, make_model, queued_run, tell
from workers.protocol.families import FAMILIES
from workers.protocol.messages import TrainingCancel, TrainingRequest

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, dict[str, Any], str]]


@pytest.fixture
def campaign() -> Campaign:
    """Return a campaign with a model and accepted readings of three patients."""
    made = accepted_campaign(patients=3, training_config={"steps": 30})
    make_model(made)
    return made


def test_the_request_carries_all_that_the_trainer_needs(campaign: Campaign, sent_tasks: Sent) -> None:
    """Manifest, base model, settings and seed; the current model is measured beside the new one."""
    version = freeze_dataset_version(campaign=campaign, actor=None)
    sent_tasks.clear()
    run = start_training_run(
        campaign=campaign, actor=manager_of(campaign), dataset_version=version, config={"strength": 0.5}
    )
    assert (run.status, run.trigger, run.config) == (
        RunStatus.QUEUED,
        "button",
        {"steps": 30, "strength": 0.5, "method": "full"},
    )
    ((name, payload, queue),) = sent_tasks
    assert (name, queue) == ("training.run", "training")
    request = TrainingRequest.from_dict(payload)
    assert request.run_id == str(run.pk)
    assert request.manifest == version.manifest_digest
    assert request.base.digest == campaign.current_checkpoint
    assert [model.digest for model in request.evaluate] == [campaign.current_checkpoint]
    assert request.config == run.config
    assert request.seed == run.seed == 1


def test_without_a_version_new_work_is_frozen_first(campaign: Campaign) -> None:
    """The button needs no second button; without new work the newest version is used again."""
    run = start_training_run(campaign=campaign, actor=None)
    version = DatasetVersion.objects.get()
    assert run.dataset_version == version
    finish(run)
    again = start_training_run(campaign=campaign, actor=None)
    assert again.dataset_version == version
    assert again.seed == 2
    finish(again, tag="again")
    accept_new(campaign, patient="P-9", seed=90)
    assert start_training_run(campaign=campaign, actor=None).dataset_version.number == 2


def test_one_training_at_a_time(campaign: Campaign) -> None:
    """A second one is refused and names the first; the database refuses it as well."""
    run = queued_run(campaign)
    with pytest.raises(IllegalTransition) as refusal:
        start_training_run(campaign=campaign, actor=None)
    assert refusal.value.code == "training_already_running"
    assert refusal.value.details == {"training_run": str(run.pk)}
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(
            campaign=campaign, dataset_version=run.dataset_version, base=run.base, seed=9, trigger="button"
        )


def test_another_campaign_trains_beside(campaign: Campaign) -> None:
    """The limit is the campaign's own."""
    queued_run(campaign)
    other = accepted_campaign(patients=2, slug="other")
    make_model(other, tag="other")
    assert queued_run(other).status == RunStatus.QUEUED


def refusal_of(**arguments: Any) -> DomainError:
    """Return the refusal of a start, which must leave no run."""
    before = TrainingRun.objects.count()
    with pytest.raises(DomainError) as refusal:
        start_training_run(actor=None, **arguments)
    assert TrainingRun.objects.count() == before
    return refusal.value


def test_refusals(campaign: Campaign) -> None:
    """Each has its code."""
    other = accepted_campaign(patients=2, slug="other")
    foreign = freeze_dataset_version(campaign=other, actor=None)
    building = DatasetVersion.objects.create(campaign=campaign, number=50, manifest_digest="c" * 64)
    error = refusal_of(campaign=campaign, dataset_version=foreign)
    assert isinstance(error, InvalidInput)
    assert error.code == "version_of_other_campaign"
    assert refusal_of(campaign=campaign, dataset_version=building).code == "version_not_frozen"
    assert building.status == VersionStatus.BUILDING
    assert refusal_of(campaign=campaign, config={"stepz": 1}).code == "unknown_training_setting"
    empty = make_campaign("empty")
    make_model(empty, tag="empty")
    error = refusal_of(campaign=empty)
    assert isinstance(error, Unprocessable)
    assert error.code == "nothing_accepted"


@pytest.mark.parametrize("family", ["sam2.1-tiny", "medsam2", "sam3"])
def test_published_weights_learn_by_an_adapter_unless_something_else_is_asked_for(
    campaign: Campaign, family: str, sent_tasks: Sent
) -> None:
    """The request names the family, which the files do not."""
    make_model(campaign, tag=family, family=family)
    run = start_training_run(campaign=campaign, actor=None)
    assert run.config["method"] == "lora"
    request = TrainingRequest.from_dict(sent_tasks[-1][1])
    assert (request.base.family, [model.family for model in request.evaluate]) == (family, [family])
    finish(run)
    assert start_training_run(campaign=campaign, actor=None, config={"method": "full"}).config["method"] == "full"


def test_what_cannot_be_trained_is_refused_before_anything_is_frozen(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A family that this CineLoop does not know, and a method that a family does not offer."""
    make_model(campaign, tag="strange", family="sam9")
    error = refusal_of(campaign=campaign)
    assert (error.code, "'sam9'" in str(error)) == ("family_not_trainable", True)
    make_model(campaign, tag="large", family="sam3")
    monkeypatch.setitem(FAMILIES, "sam3", replace(FAMILIES["sam3"], methods=("lora", "decoder")))  # type: ignore[arg-type]
    error = refusal_of(campaign=campaign, config={"method": "full"})
    assert (error.code, error.details) == ("method_not_offered", {"setting": "method"})
    assert str(error) == "Models of the family sam3 are not trained by 'full' but by lora, decoder."
    assert not DatasetVersion.objects.exists()


def test_without_a_train_patient_there_is_nothing_to_learn(campaign: Campaign) -> None:
    """A given partition may leave the train part empty; the refusal comes before the queue."""
    place_patients(campaign=campaign, patient_keys=[], wanted={"P-1": "test", "P-2": "test", "P-3": "val"})
    assert refusal_of(campaign=campaign).code == "nothing_to_learn"


def test_cancel_a_queued_and_a_running_training(campaign: Campaign, sent_tasks: Sent) -> None:
    """Both end at once for the reader; the worker is told."""
    for event in (None, "started"):
        run = queued_run(campaign, dataset_version=DatasetVersion.objects.first())
        if event:
            tell(run, event)
        sent_tasks.clear()
        run = cancel_training_run(run=run, actor=manager_of(campaign))
        assert run.status == RunStatus.CANCELLED
        assert run.finished_at is not None
        ((name, payload, queue),) = sent_tasks
        assert (name, queue) == ("training.cancel", "training")
        assert TrainingCancel.from_dict(payload).run_id == str(run.pk)
    finish(run)
    assert run.status == RunStatus.CANCELLED, "a result that comes too late is thrown away"
    assert not ModelVersion.objects.filter(training_run=run).exists()


def test_what_has_ended_cannot_be_cancelled(campaign: Campaign) -> None:
    """The refusal says how it ended."""
    run = queued_run(campaign)
    finish(run)
    with pytest.raises(IllegalTransition) as refusal:
        cancel_training_run(run=run, actor=manager_of(campaign))
    assert refusal.value.code == "training_has_ended"
    assert refusal.value.details == {"status": "SUCCEEDED"}
