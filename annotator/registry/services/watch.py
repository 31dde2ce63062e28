"""Notice trainings whose worker has died."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from annotator.inference.models import WorkerNode
from annotator.registry.models import RunStatus, TrainingRun

from .announce import announce_run
from .runs import send_cancel, send_request
from .updates import fail_run

LOST_AFTER = timedelta(seconds=90)
STALLED_AFTER = timedelta(minutes=10)


def watch_training_runs(*, now: datetime | None = None) -> list[TrainingRun]:
    """Fail the running trainings whose worker is no longer heard.

    A running training is lost when neither an update of it nor a heartbeat of any training worker came for
    `LOST_AFTER`; it has stalled when workers are alive but it was silent for `STALLED_AFTER`. A queued one waits:
    its request lies in the broker.

    Parameters
    ----------
    now : datetime, optional
        The moment to judge from; the present one by default.

    Returns
    -------
    list of TrainingRun
        The runs that were failed.
    """
    now = now or timezone.now()
    heard = (
        WorkerNode.objects.filter(kind="training").order_by("-last_seen").values_list("last_seen", flat=True).first()
    )
    failed = []
    for pk in TrainingRun.objects.filter(status=RunStatus.RUNNING).values_list("pk", flat=True):
        with transaction.atomic():
            run = TrainingRun.objects.select_for_update().get(pk=pk)
            spoke = run.last_update_at or run.started_at or run.created_at
            if run.status != RunStatus.RUNNING:
                continue
            if now - max(spoke, heard or spoke) > LOST_AFTER:
                code, why = "worker_lost", "The training worker stopped before the training was done. Start it again."
            elif now - spoke > STALLED_AFTER:
                code, why = "training_stalled", "The training stood still, so it was ended. Start it again."
            else:
                continue
            send_cancel(run)
            run = fail_run(run=run, code=code, message=why)
            announce_run(run)
            failed.append(run)
    return failed


def recover_training_runs() -> list[TrainingRun]:
    """Put things right when the only process starts again: embedded, its queue and its trainer died with it.

    A running training is failed with `worker_lost`; the request of a queued one is sent again.

    Returns
    -------
    list of TrainingRun
        The runs that were touched.
    """
    touched = []
    with transaction.atomic():
        for run in TrainingRun.objects.select_for_update().filter(status__in=(RunStatus.QUEUED, RunStatus.RUNNING)):
            if run.status == RunStatus.RUNNING:
                why = "CineLoop was stopped while this training ran. Start it again."
                run = fail_run(run=run, code="worker_lost", message=why)
                announce_run(run)
            else:
                run.deliveries += 1
                run.save(update_fields=["deliveries", "updated_at"])
                send_request(run)
            touched.append(run)
    return touched
