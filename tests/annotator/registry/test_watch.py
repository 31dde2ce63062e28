"""Trainings whose worker has died are noticed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotator.inference.models import WorkerNode
from annotator.registry.models import RunStatus, TrainingRun
from annotator.registry.services import recover_training_runs, watch_training_runs
from annotator.registry.services.watch import LOST_AFTER, STALLED_AFTER
from tests.factories.datasets import accepted_campaign
from tests.factories.registry import finish, queued_run, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> TrainingRun:
    """Return a running training."""
    return tell(queued_run(accepted_campaign(patients=2)), "started")


def heartbeat(at: datetime, kind: str = "training") -> None:
    """Note that a worker was alive at a moment."""
    WorkerNode.objects.update_or_create(
        name=f"{kind}-1", defaults={"kind": kind, "queue": kind, "started_ms": 0.0, "last_seen": at}
    )


def test_a_silent_worker_loses_its_training(run: TrainingRun) -> None:
    """After the time is over, and not before; a later judgement changes nothing."""
    now = timezone.now()
    assert watch_training_runs(now=now + LOST_AFTER - timedelta(seconds=5)) == []
    assert [lost.pk for lost in watch_training_runs(now=now + LOST_AFTER + timedelta(seconds=5))] == [run.pk]
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "worker_lost")
    assert watch_training_runs(now=now + LOST_AFTER + timedelta(seconds=9)) == []


def test_a_living_worker_keeps_its_training(run: TrainingRun) -> None:
    """A long evaluation says nothing for minutes; the heartbeat is enough."""
    now = timezone.now() + timedelta(minutes=5)
    heartbeat(now)
    assert watch_training_runs(now=now) == []


def test_a_worker_of_another_kind_does_not_count(run: TrainingRun) -> None:
    """GPU workers train nothing."""
    now = timezone.now() + LOST_AFTER + timedelta(seconds=5)
    heartbeat(now, kind="gpu")
    assert len(watch_training_runs(now=now)) == 1


def test_a_training_that_stands_still_is_ended(run: TrainingRun, sent_tasks: list[tuple[str, Any, str]]) -> None:
    """Beside a living worker too, and the worker is told to stop."""
    now = timezone.now() + STALLED_AFTER + timedelta(seconds=5)
    heartbeat(now)
    sent_tasks.clear()
    assert len(watch_training_runs(now=now)) == 1
    run.refresh_from_db()
    assert run.error_code == "training_stalled"
    assert [name for name, _, _ in sent_tasks] == ["training.cancel"]


def test_a_queued_training_waits() -> None:
    """Its request lies in the broker until a worker comes."""
    queued_run(accepted_campaign(patients=2))
    assert watch_training_runs(now=timezone.now() + timedelta(days=1)) == []


def test_the_embedded_mode_puts_things_right_at_its_start(
    run: TrainingRun, sent_tasks: list[tuple[str, Any, str]]
) -> None:
    """What ran has died with the process; what waited is sent again; what has ended is left alone."""
    queued = queued_run(accepted_campaign(patients=2, slug="queued"))
    done = finish(queued_run(accepted_campaign(patients=2, slug="done")), tag="done")
    sent_tasks.clear()
    assert {touched.pk for touched in recover_training_runs()} == {run.pk, queued.pk}
    for row in (run, queued, done):
        row.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "worker_lost")
    assert (queued.status, queued.deliveries) == (RunStatus.QUEUED, 2)
    assert done.status == RunStatus.SUCCEEDED
    assert [(name, payload["run_id"]) for name, payload, _ in sent_tasks] == [("training.run", str(queued.pk))]
