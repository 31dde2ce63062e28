"""The policy: train when N cines were accepted since the last version."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.datasets.models import DatasetVersion
from annotator.readings.services import reopen_reading, submit_reading
from annotator.registry.models import TrainingRun
from annotator.registry.services import evaluate_training_policy
from annotator.registry.tasks import evaluate_policy
from tests.factories.datasets import accept_new, accepted_campaign, reader_of
from tests.factories.registry import finish, make_model, tell

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, dict[str, Any], str]]


def test_it_trains_at_the_number_and_not_before() -> None:
    """The third accepted cine starts a training on a version of all three."""
    campaign = accepted_campaign(patients=2, train_after=3)
    make_model(campaign)
    assert evaluate_training_policy(campaign=campaign) is None
    assert not DatasetVersion.objects.exists()
    accept_new(campaign, patient="P-3", seed=30)
    run = evaluate_training_policy(campaign=campaign)
    assert run is not None
    assert (run.trigger, run.started_by) == ("policy", None)
    assert run.dataset_version.counts["cines"] == 3
    assert run.dataset_version.reason == "policy: 3 newly accepted cines"


def test_asking_twice_starts_one_training() -> None:
    """The task may be delivered again."""
    campaign = accepted_campaign(patients=3, train_after=3)
    make_model(campaign)
    evaluate_policy({"campaign": campaign.slug})
    evaluate_policy({"campaign": campaign.slug})
    assert TrainingRun.objects.count() == DatasetVersion.objects.count() == 1


def test_it_waits_for_the_training_under_way_and_asks_again_when_it_ends(sent_tasks: Sent) -> None:
    """Work accepted meanwhile is not forgotten."""
    campaign = accepted_campaign(patients=2, train_after=2)
    make_model(campaign)
    run = evaluate_training_policy(campaign=campaign)
    assert run is not None
    for index in (3, 4):
        accept_new(campaign, patient=f"P-{index}", seed=10 * index)
    assert evaluate_training_policy(campaign=campaign) is None
    sent_tasks.clear()
    finish(run)
    assert ("registry.evaluate_policy", {"campaign": campaign.slug}, "default") in sent_tasks
    second = evaluate_training_policy(campaign=campaign)
    assert second is not None
    assert second.dataset_version.number == 2


def test_a_failed_training_is_not_repeated_without_new_work() -> None:
    """The policy does not train the same version for ever."""
    campaign = accepted_campaign(patients=2, train_after=2)
    make_model(campaign)
    run = evaluate_training_policy(campaign=campaign)
    assert run is not None
    tell(run, "error", code="out_of_memory", message="The worker ran out of memory.")
    assert evaluate_training_policy(campaign=campaign) is None


def test_work_that_cannot_be_trained_on_starts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is logged with its sentence and breaks nothing."""
    campaign = accepted_campaign(patients=2, train_after=2, training_config={"nonsense": 1})
    make_model(campaign)
    assert evaluate_training_policy(campaign=campaign) is None
    assert "nonsense" in caplog.text


def test_submitting_a_reading_asks_the_policy(sent_tasks: Sent) -> None:
    """The follower sends the task by name."""
    campaign = accepted_campaign(patients=1)
    reading = accept_new(campaign, patient="P-2", seed=20)
    reader = reader_of(campaign)
    reopened = reopen_reading(reading=reading, actor=reader)
    sent_tasks.clear()
    submit_reading(reading=reopened, actor=reader, base_revision=reopened.revision)
    assert sent_tasks == [("registry.evaluate_policy", {"campaign": campaign.slug}, "default")]
