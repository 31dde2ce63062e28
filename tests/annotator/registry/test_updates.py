"""Updates of a run: progress and curve, twice, out of order, late; the ends of a run."""

from __future__ import annotations

import random
from typing import Any

import pytest

from annotator.campaigns.models import Campaign
from annotator.core.models import AuditEntry
from annotator.datasets.services import freeze_dataset_version
from annotator.registry.models import Evaluation, ModelStatus, ModelVersion, RunStatus, TrainingRun
from annotator.registry.services import cancel_training_run, record_training_update, updates
from annotator.registry.tasks import record_training
from tests.factories.datasets import accepted_campaign, manager_of
from tests.factories.registry import figures, finish, make_model, queued_run, store_checkpoint, tell
from workers.protocol.messages import TrainingUpdate

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """Return a campaign with accepted readings of three patients."""
    return accepted_campaign(patients=3)


@pytest.fixture
def run(campaign: Campaign) -> TrainingRun:
    """Return a queued run."""
    return queued_run(campaign)


def progress(step: int, loss: float | None = 1.0) -> dict[str, Any]:
    """Return the data of a progress report."""
    return {"step": step, "total_steps": 100, "loss": loss, "elapsed_s": step / 10}


def test_started_runs(run: TrainingRun) -> None:
    """The worker's first word starts the run; saying it twice changes nothing."""
    tell(run, "started")
    assert run.status == RunStatus.RUNNING
    started = run.started_at
    tell(run, "started")
    assert run.status == RunStatus.RUNNING
    assert run.started_at == started


def test_progress_draws_the_curve(run: TrainingRun) -> None:
    """Each report moves the progress and adds a point; one without a loss adds none."""
    tell(run, "progress", **progress(0, None))
    tell(run, "progress", **progress(5, 2.0))
    tell(run, "progress", **progress(10, 1.5), val_iou=0.3)
    assert run.curve == [[5, 2.0, None], [10, 1.5, 0.3]]
    assert run.progress == {"step": 10, "total_steps": 100, "loss": 1.5, "elapsed_s": 1.0}
    assert run.status == RunStatus.RUNNING


def test_duplicates_and_disorder_give_the_same_curve(campaign: Campaign) -> None:
    """However the reports arrive, curve and progress are those of the ordered ones."""
    reports = [progress(step, 10 / step) for step in range(1, 12)]
    run = queued_run(campaign)
    mixed = reports * 2
    random.Random(5).shuffle(mixed)
    for report in mixed:
        tell(run, "progress", **report)
    assert run.curve == [[report["step"], report["loss"], None] for report in reports]
    assert run.progress["step"] == 11


@pytest.mark.parametrize(
    "bad", [{}, {"step": "x"}, {"step": -3, "loss": 1.0}, {"step": 4, "loss": float("nan")}, {"step": True}]
)
def test_malformed_progress_is_passed_over(run: TrainingRun, bad: dict[str, Any]) -> None:
    """A report without sense neither breaks the run nor enters the curve."""
    updates.record_training_update(update=TrainingUpdate(run_id=str(run.pk), event="progress", data=bad))
    run.refresh_from_db()
    assert run.curve == []
    assert run.status == RunStatus.RUNNING


def test_the_curve_stays_short(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long training does not make an endless row; first and last point remain."""
    monkeypatch.setattr(updates, "LONGEST_CURVE", 10)
    for step in range(1, 40):
        tell(run, "progress", **progress(step))
    assert len(run.curve) <= 10
    assert run.curve[0][0] == 1
    assert run.curve[-1][0] == 39


def test_done_makes_an_evaluated_model_beside_the_current_one(run: TrainingRun, campaign: Campaign) -> None:
    """The model names its run, version and parent; both models are measured on the same part."""
    finish(run, before=0.4, after=0.6)
    assert run.status == RunStatus.SUCCEEDED
    model = ModelVersion.objects.get(training_run=run)
    assert model.status == ModelStatus.EVALUATED
    assert model.parent == run.base
    assert model.dataset_version == run.dataset_version
    assert model.number == run.base.number + 1
    assert Evaluation.objects.get(model=model).iou == pytest.approx(0.6)
    assert Evaluation.objects.get(model=run.base).iou == pytest.approx(0.4)
    campaign.refresh_from_db()
    assert campaign.current_model_id == run.base_id, "nothing is promoted unless the campaign allows it"


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_came_of_published_weights_keeps_family_and_licence_and_is_promoted(method: str) -> None:
    """By the rule of the campaign, as any other model."""
    campaign = accepted_campaign(patients=3, auto_promote=True)
    described = {"family": "medsam2", "preprocess_id": "medsam2-512-v1", "licence": "CC BY-SA 4.0"}
    base = make_model(campaign, "published", **described)
    run = queued_run(campaign, config={"method": method})
    learnt = store_checkpoint(method, **described)
    scores = {learnt: figures(0.6), base.checkpoint: figures(0.4)}
    model = tell(run, "done", checkpoint=learnt, evaluations=scores, metrics={}).model
    assert {name: getattr(model, name) for name in described} == described
    assert (model.parent, model.status) == (base, ModelStatus.PROMOTED)
    campaign.refresh_from_db()
    assert (campaign.current_checkpoint, campaign.current_family) == (learnt, "medsam2")


def test_done_twice_changes_nothing(run: TrainingRun) -> None:
    """A message delivered again finds the run ended."""
    finish(run)
    before = (ModelVersion.objects.count(), Evaluation.objects.count(), AuditEntry.objects.count())
    finish(run)
    assert (ModelVersion.objects.count(), Evaluation.objects.count(), AuditEntry.objects.count()) == before


def test_late_progress_is_dropped_and_the_worker_told_to_stop(
    run: TrainingRun, sent_tasks: list[tuple[str, dict[str, Any], str]]
) -> None:
    """A cancelled run hears nothing any more."""
    cancel_training_run(run=run, actor=manager_of(run.campaign))
    sent_tasks.clear()
    tell(run, "progress", **progress(5))
    assert run.status == RunStatus.CANCELLED
    assert run.curve == []
    assert [(name, payload["run_id"]) for name, payload, _ in sent_tasks] == [("training.cancel", str(run.pk))]


def test_an_error_ends_the_run_with_its_code(run: TrainingRun) -> None:
    """The worker's code and sentence are shown; saying it twice keeps the first."""
    tell(run, "error", code="nothing_to_learn", message="The training split holds no mask.")
    tell(run, "error", code="other", message="Another one.")
    assert run.status == RunStatus.FAILED
    assert (run.error_code, run.error_message) == ("nothing_to_learn", "The training split holds no mask.")
    assert run.finished_at is not None
    assert not ModelVersion.objects.filter(training_run=run).exists()


def test_an_error_without_words_still_has_a_code(run: TrainingRun) -> None:
    """Nobody reads an empty error."""
    tell(run, "error")
    assert run.error_code == "training_failed"
    assert run.error_message.endswith(".")


def test_cancelled_by_the_worker(run: TrainingRun) -> None:
    """A worker that stopped a run ends it."""
    tell(run, "started")
    tell(run, "cancelled")
    assert run.status == RunStatus.CANCELLED


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "malformed_result"),
        ({"checkpoint": 7}, "malformed_result"),
        ({"checkpoint": "a" * 64, "evaluations": {}}, "checkpoint_missing"),
        ({"checkpoint": "junk", "evaluations": []}, "malformed_result"),
    ],
)
def test_a_useless_result_fails_the_run(run: TrainingRun, data: dict[str, Any], code: str) -> None:
    """A `done` that names no usable checkpoint is a failure, not an exception that comes again for ever."""
    tell(run, "done", **data)
    assert (run.status, run.error_code) == (RunStatus.FAILED, code)


def test_a_checkpoint_digest_that_is_no_digest_fails_the_run(run: TrainingRun) -> None:
    """A name that could reach another file is refused."""
    tell(run, "done", checkpoint="../../etc/passwd", evaluations={})
    assert run.status == RunStatus.FAILED


def test_figures_out_of_range_are_not_recorded(run: TrainingRun) -> None:
    """A model whose figures are nonsense stays a candidate: it cannot be promoted."""
    checkpoint = store_checkpoint("odd")
    tell(run, "done", checkpoint=checkpoint, evaluations={checkpoint: figures(0.5) | {"iou": 7}})
    assert run.status == RunStatus.SUCCEEDED
    assert run.model.status == ModelStatus.CANDIDATE
    assert not Evaluation.objects.exists()


def test_the_same_checkpoint_again_is_the_same_model(campaign: Campaign, run: TrainingRun) -> None:
    """Equal weights are one model; the second run points to it."""
    finish(run, tag="equal")
    model = ModelVersion.objects.get(training_run=run)
    second = queued_run(campaign, dataset_version=run.dataset_version)
    finish(second, tag="equal")
    assert second.status == RunStatus.SUCCEEDED
    assert second.metrics["same_as"] == str(model.pk)
    assert ModelVersion.objects.filter(checkpoint=model.checkpoint).count() == 1


@pytest.mark.parametrize("run_id", ["5f0c2a64-8f0e-4c39-9d5b-6a5f2f8d1c77", "not-an-id"])
def test_an_unknown_run_is_passed_over(run_id: str) -> None:
    """A message for another database harms nothing."""
    assert record_training_update(update=TrainingUpdate(run_id=run_id, event="started", data={})) is None


def test_a_single_patient_is_measured_on_the_train_part() -> None:
    """Without a test patient the evaluation says what it is."""
    campaign = accepted_campaign(patients=1)
    run = queued_run(campaign)
    checkpoint = store_checkpoint("alone")
    data = {checkpoint: figures(0.9, split=None), run.base.checkpoint: figures(0.1, split=None)}
    tell(run, "done", checkpoint=checkpoint, evaluations=data)
    assert set(Evaluation.objects.values_list("split", flat=True)) == {"train"}
    assert run.model.status == ModelStatus.EVALUATED


def test_the_task_takes_the_wire_form_twice(run: TrainingRun) -> None:
    """The task parses the strict message and is idempotent."""
    update = TrainingUpdate(run_id=str(run.pk), event="progress", data=progress(3))
    record_training(update.to_dict())
    record_training(update.to_dict())
    run.refresh_from_db()
    assert run.curve == [[3, 1.0, None]]


def test_a_version_is_measured_once(campaign: Campaign, run: TrainingRun) -> None:
    """A second run on the same version keeps the first figures of the model they share."""
    finish(run, before=0.4)
    base = run.base
    again = queued_run(campaign, dataset_version=run.dataset_version)
    finish(again, tag="second", before=0.45)
    assert Evaluation.objects.get(model=base).iou == pytest.approx(0.4)
    with pytest.raises(Exception, match="nothing new"):
        freeze_dataset_version(campaign=campaign, actor=None)
