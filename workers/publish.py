"""Send results to the web tier: messages out, tasks by name on the queue `results`."""

from __future__ import annotations

from typing import Protocol

from celery import Celery

from workers.protocol.messages import (
    Heartbeat,
    JobDone,
    JobFailed,
    MaskResult,
    Message,
    TrainingUpdate,
)

RESULTS_QUEUE = "results"
TASKS: dict[type[Message], str] = {
    MaskResult: "inference.record_mask",
    JobDone: "inference.record_done",
    JobFailed: "inference.record_failed",
    Heartbeat: "inference.record_heartbeat",
    TrainingUpdate: "registry.record_training",
}


class Publish(Protocol):
    """Whatever takes messages on their way to the web tier."""

    def __call__(self, message: Message, queue: str = RESULTS_QUEUE) -> None: ...


class Publisher:
    """Publish through a Celery application; safe to use from several threads."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def __call__(self, message: Message, queue: str = RESULTS_QUEUE) -> None:
        """Send one message."""
        self._app.send_task(TASKS[type(message)], args=[message.to_dict()], queue=queue)
