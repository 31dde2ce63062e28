"""The tasks at the edge: their names, their delivery, and how often they try."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from django.db import IntegrityError, OperationalError

from annotator.inference import retry, tasks
from annotator.inference.models import WorkerNode
from workers.protocol.messages import Heartbeat

NAMES = {
    "inference.record_mask": tasks.record_mask,
    "inference.record_done": tasks.record_done,
    "inference.record_failed": tasks.record_failed,
    "inference.record_heartbeat": tasks.record_heartbeat,
}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the pauses instead of making them."""
    made: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", made.append)
    monkeypatch.setattr(retry, "close_old_connections", lambda: None)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_workers_call_the_tasks_by_these_names(name: str) -> None:
    """A task that a worker was killed over is delivered again."""
    task = current_app.tasks[name]
    assert task.name == NAMES[name].name == name
    assert task.acks_late
    assert task.ignore_result


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_a_heartbeat_by_message() -> None:
    """What a worker sends arrives at the service."""
    heartbeat = Heartbeat(worker="w", queue="gpu.w", kind="gpu", models=[], cache_bytes=0, busy=False, started_ms=1.0)
    for _ in range(2):
        tasks.record_heartbeat(heartbeat.to_dict())
    assert WorkerNode.objects.get().name == "w"


def test_what_the_database_refused_for_the_moment_is_tried_again(pauses: list[float]) -> None:
    """An answer of a worker comes only once; the pauses grow."""
    seen: list[dict[str, Any]] = []

    @retry.retrying
    def task(payload: dict[str, Any]) -> None:
        seen.append(payload)
        if len(seen) < retry.ATTEMPTS:
            raise OperationalError("deadlock detected")

    task({"a": 1})
    assert seen == [{"a": 1}] * retry.ATTEMPTS
    assert pauses == [retry.PAUSE_S * attempt for attempt in range(1, retry.ATTEMPTS)]


def test_what_it_refuses_for_good_is_told(pauses: list[float]) -> None:
    """After the last attempt, and at once where trying again is of no use."""
    attempts: list[type[Exception]] = []

    @retry.retrying
    def task(payload: dict[str, Any]) -> None:
        attempts.append(payload["error"])
        raise payload["error"]

    with pytest.raises(OperationalError):
        task({"error": OperationalError})
    assert len(attempts) == retry.ATTEMPTS
    assert len(pauses) == retry.ATTEMPTS - 1
    attempts.clear()
    with pytest.raises(IntegrityError):
        task({"error": IntegrityError})
    assert attempts == [IntegrityError]
