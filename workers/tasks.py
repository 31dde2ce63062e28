"""The workers' Celery tasks: parse a message, hand it to the scheduler or the trainer, return."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery

from workers.gpu import PredictJob, PropagateJob, WarmJob, Workbench, publish_failure
from workers.protocol.messages import (
    CancelRequest,
    Message,
    MessageError,
    PredictRequest,
    PropagateRequest,
    TrainingCancel,
    TrainingRequest,
    WarmRequest,
)
from workers.scheduler import Scheduler
from workers.trainer import Trainer

logger = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)


def add_gpu_tasks(app: Celery, scheduler: Scheduler, bench: Workbench) -> None:
    """Register what a GPU worker answers to."""

    def submit(job: PredictJob | PropagateJob) -> None:
        ahead = scheduler.submit(job)
        if ahead:
            message = f"The worker is busy: {ahead} requests are ahead of this one. Try again in a moment."
            publish_failure(bench, job.request, "worker_busy", message)

    def warm(request: WarmRequest) -> None:
        scheduler.submit(WarmJob(bench, request))  # one that is refused is missed by nobody

    _add(app, "gpu.predict", PredictRequest, lambda request: submit(PredictJob(bench, request)))
    _add(app, "gpu.propagate", PropagateRequest, lambda request: submit(PropagateJob(bench, request)))
    _add(app, "gpu.warm", WarmRequest, warm)
    _add(app, "gpu.cancel", CancelRequest, lambda request: scheduler.cancel(request.job_id))


def add_training_tasks(app: Celery, trainer: Trainer) -> None:
    """Register what a training worker answers to."""
    _add(app, "training.run", TrainingRequest, trainer.submit)
    _add(app, "training.cancel", TrainingCancel, lambda request: trainer.cancel(request.run_id))


def _add(app: Celery, name: str, kind: type[M], carry_out: Callable[[M], None]) -> None:
    """Register a task that takes one message of a kind; a malformed one is logged and dropped."""

    def task(payload: dict[str, Any]) -> None:
        try:
            carry_out(kind.from_dict(payload))
        except MessageError as error:
            logger.error("%s: a message was refused: %s", name, error)

    app.task(task, name=name, ignore_result=True, typing=False, shared=False)
