"""Every result goes to its own task of the web tier, on the queue `results`."""

from __future__ import annotations

from typing import Any, cast

import pytest
from celery import Celery

from workers.protocol.messages import (
    CancelRequest,
    Heartbeat,
    JobDone,
    JobFailed,
    MaskResult,
    Message,
    TrainingUpdate,
)
from workers.publish import TASKS, Publisher

RESULTS = [
    (MaskResult("j", 1, "w", "artery", 0, "Q00=", 0.5, 1, 1), "inference.record_mask"),
    (JobDone("j", 1, "w", 3.0, False), "inference.record_done"),
    (JobFailed("j", 1, "w", "blob_missing", "It is missing."), "inference.record_failed"),
    (Heartbeat("w", "gpu.w", "gpu", [], 0, False, 5.0), "inference.record_heartbeat"),
    (TrainingUpdate("r", "started", {}), "registry.record_training"),
]


class FakeApp:
    """Remembers what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, list[Any], str]] = []

    def send_task(self, name: str, *, args: list[Any], queue: str) -> None:
        self.sent.append((name, args, queue))


@pytest.mark.parametrize(("message", "name"), RESULTS, ids=[name for _, name in RESULTS])
def test_a_result_is_sent_to_its_task(message: Message, name: str) -> None:
    app = FakeApp()
    Publisher(cast(Celery, app))(message)
    assert app.sent == [(name, [message.to_dict()], "results")]
    assert type(message).from_dict(app.sent[0][1][0]) == message


def test_a_result_goes_to_the_queue_it_was_asked_for() -> None:
    app = FakeApp()
    Publisher(cast(Celery, app))(RESULTS[1][0], "results.elsewhere")
    assert app.sent[0][2] == "results.elsewhere"


def test_every_kind_of_result_is_tried_here() -> None:
    assert {type(message): name for message, name in RESULTS} == TASKS


def test_a_request_is_no_result() -> None:
    with pytest.raises(KeyError):
        Publisher(cast(Celery, FakeApp()))(CancelRequest("j"))
