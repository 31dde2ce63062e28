"""What can be asked of workers and jobs."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from annotator.accounts.models import User
from annotator.inference.models import ACTIVE, InferenceJob, WorkerKind, WorkerNode
from annotator.readings import selectors as readings

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""A worker that has not been heard of for so long is dead."""


def is_alive(worker: WorkerNode | None) -> bool:
    """Tell whether a worker has been heard of within `HEARTBEAT_TIMEOUT`."""
    return worker is not None and worker.last_seen >= timezone.now() - HEARTBEAT_TIMEOUT


def live_workers() -> QuerySet[WorkerNode]:
    """Return the workers heard of within `HEARTBEAT_TIMEOUT`."""
    return WorkerNode.objects.filter(last_seen__gte=timezone.now() - HEARTBEAT_TIMEOUT)


def live_gpu_workers() -> QuerySet[WorkerNode]:
    """Return the live workers that run models."""
    return live_workers().filter(kind=WorkerKind.GPU)


def stranded_jobs() -> QuerySet[InferenceJob]:
    """Return the active jobs that nobody works on: never sent, or sent to a worker that is dead."""
    alive = live_gpu_workers().values("pk")
    return InferenceJob.objects.filter(status__in=ACTIVE).filter(Q(worker__isnull=True) | ~Q(worker__in=alive))


def jobs_visible_to(user: User) -> QuerySet[InferenceJob]:
    """Return the jobs of the readings that a user may see."""
    return InferenceJob.objects.filter(reading__in=readings.visible_to(user))
