"""Make jobs, send them to a worker, send them again, and cancel them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max

from annotator.core.errors import IllegalTransition, PermissionDenied
from annotator.core.tasks import send_on_commit
from annotator.inference.models import ACTIVE, InferenceJob, JobKind, JobStatus
from annotator.inference.transitions import lock_job, move_job
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.permissions import can_write
from annotator.readings.selectors import last_window
from annotator.readings.services.locking import lock_reading
from workers.protocol.messages import CancelRequest, PredictRequest, PropagateRequest, WarmRequest

from .briefs import send_job_hint
from .leases import resolve_lease
from .requests import build_predict_request, build_propagate_request, cine_ref, count_answers, model_ref

if TYPE_CHECKING:
    from annotator.accounts.models import User

MAX_WARM_FRAMES = 256
UNDONE = "undone"
TASKS = {JobKind.PREDICT: "gpu.predict", JobKind.PROPAGATE: "gpu.propagate"}


def request_prediction(*, event: ReadingEvent) -> InferenceJob:
    """Make the job of a prompt and send it; the caller holds the lock of the Reading."""
    job_id = uuid.uuid4()
    return _create_job(event, job_id, JobKind.PREDICT, build_predict_request(event=event, job_id=job_id))


def request_propagation(*, event: ReadingEvent) -> InferenceJob:
    """Make the job of a propagation and send it; the caller holds the lock of the Reading.

    Raises
    ------
    Unprocessable, IllegalTransition
        When there is nothing to propagate from or to, or the starting mask is still being computed.
    """
    job_id = uuid.uuid4()
    return _create_job(event, job_id, JobKind.PROPAGATE, build_propagate_request(event=event, job_id=job_id))


def _create_job(
    event: ReadingEvent, job_id: uuid.UUID, kind: JobKind, request: PredictRequest | PropagateRequest
) -> InferenceJob:
    last = InferenceJob.objects.filter(reading_id=event.reading_id).aggregate(last=Max("run_no"))["last"]
    job = InferenceJob.objects.create(
        pk=job_id,
        reading=event.reading,
        event=event,
        kind=kind,
        run_no=(last or 0) + 1,
        request=request.to_dict(),
        total=count_answers(request),
    )
    return dispatch_job(job=job)


def dispatch_job(*, job: InferenceJob) -> InferenceJob:
    """Send a job to the worker that holds the lease of its cine, or leave it waiting when there is none.

    The caller holds the locks of the Reading and the job. Sent a second time, the job gets a higher epoch, and
    answers to the first are refused.
    """
    digest = job.reading.cine.pixels_digest
    lease = resolve_lease(cine_digest=digest)
    if lease is not None and lease.epoch <= job.epoch:
        lease = resolve_lease(cine_digest=digest, renew_epoch=True)
    if lease is None:
        job.worker = None
        job.save(update_fields=["worker", "updated_at"])
        send_job_hint(job)
        return job
    job.worker, job.epoch, job.ended_at, job.early_stop = lease.worker, lease.epoch, None, False
    move_job(job, JobStatus.QUEUED)
    send_on_commit(TASKS[JobKind(job.kind)], {**job.request, "epoch": job.epoch}, queue=lease.worker.queue)
    send_job_hint(job)
    return job


def redispatch_job(*, job_id: uuid.UUID) -> InferenceJob | None:
    """Send a stranded job again from its beginning; None when it needs no sending any more."""
    found = InferenceJob.objects.filter(pk=job_id).values_list("reading_id", flat=True).first()
    if found is None:
        return None
    with transaction.atomic():
        reading = lock_reading(found)
        job = lock_job(job_id)
        job.reading = reading
        if not job.is_active:
            return None
        return dispatch_job(job=job)


def resume_job(*, event: ReadingEvent) -> InferenceJob | None:
    """Take up the job of a redone event again if its undo had cut it off; return the job if there is one."""
    found = InferenceJob.objects.filter(event=event).first()
    if found is None:
        return None
    job = lock_job(found.pk)
    job.reading = event.reading
    if job.status == JobStatus.CANCELLED and job.error_code == UNDONE:
        move_job(job, JobStatus.QUEUED)
        return dispatch_job(job=job)
    return job


def cancel_job(*, job: InferenceJob, actor: User) -> InferenceJob:
    """Stop a job for its reader; the masks that have come stay.

    Raises
    ------
    PermissionDenied
        When the actor is not the reader.
    IllegalTransition
        `job_not_active` when the job has ended already.
    """
    with transaction.atomic():
        reading = lock_reading(job.reading_id)
        locked = lock_job(job.pk)
        locked.reading = reading
        if not can_write(actor, reading):
            raise PermissionDenied("Only the reader of a reading can stop its jobs.", code="not_your_reading")
        if not locked.is_active:
            raise IllegalTransition(
                "The job has ended already.", code="job_not_active", details={"status": locked.status}
            )
        return _cancel(locked, code="stopped", message="Stopped by the reader.")


def cancel_job_of(*, event: ReadingEvent) -> None:
    """Cancel the job of an event that has been undone; the caller holds the lock of the Reading."""
    for found in InferenceJob.objects.filter(event=event, status__in=ACTIVE):
        job = lock_job(found.pk)
        job.reading = event.reading
        _cancel(job, code=UNDONE, message="The event that asked for it was undone.")


def cancel_jobs_of_reading(*, reading: Reading) -> None:
    """Cancel every job that still runs for a reading; the caller holds the lock of the Reading."""
    for found in InferenceJob.objects.filter(reading=reading, status__in=ACTIVE):
        job = lock_job(found.pk)
        job.reading = reading
        _cancel(job, code="submitted", message="The reading was submitted.")


def _cancel(job: InferenceJob, *, code: str, message: str) -> InferenceJob:
    move_job(job, JobStatus.CANCELLED, code=code, message=message)
    if job.worker is not None:
        send_on_commit("gpu.cancel", CancelRequest(job_id=str(job.pk)).to_dict(), queue=job.worker.queue)
    send_job_hint(job)
    return job


def warm_cine(*, reading: Reading) -> bool:
    """Let a worker encode the frames of a cine while the reader looks, as the model was last shown them.

    Returns
    -------
    bool
        False when there is no worker that could.

    Notes
    -----
    A hint: nothing is recorded and nothing depends on it.
    """
    if not reading.checkpoint:
        return False
    lease = resolve_lease(cine_digest=reading.cine.pixels_digest)
    if lease is None:
        return False
    frames = list(range(min(reading.cine.frame_count, MAX_WARM_FRAMES)))
    request = WarmRequest(model=model_ref(reading), cine=cine_ref(reading.cine, last_window(reading)), frames=frames)
    send_on_commit("gpu.warm", request.to_dict(), queue=lease.worker.queue)
    return True
