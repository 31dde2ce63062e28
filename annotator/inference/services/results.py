"""Record what workers answer: once, only for the job as it was last sent, and only while the event stands."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotator.campaigns.models import Label
from annotator.core.errors import InvalidInput, Unprocessable
from annotator.inference.models import ACTIVE, InferenceJob, JobKind, JobStatus
from annotator.inference.transitions import lock_job, move_job
from annotator.readings.models import Mask, Provenance
from annotator.readings.selectors import accepted_frames, labels_by_code, undone_event_ids
from annotator.readings.services.hints import send_mask_hint
from annotator.readings.services.locking import lock_reading
from annotator.readings.services.masks import record_mask, stamp_mask
from annotator.readings.services.payloads import parse_mask
from workers.protocol.messages import JobDone, JobFailed, MaskResult

from .briefs import send_job_hint

logger = logging.getLogger(__name__)

LATE_RESULTS = timedelta(seconds=10)
"""How long a job whose worker says that it is done waits for masks that another thread still records."""

PROVENANCES = {JobKind.PREDICT: Provenance.MODEL, JobKind.PROPAGATE: Provenance.PROPAGATED}


class LabelRemoved(Unprocessable):
    """The label of an answer was asked for and is no longer one of the campaign's."""


@contextmanager
def locked_job(job_id: str, epoch: int) -> Iterator[InferenceJob | None]:
    """Give the job, locked with its reading in one transaction, or None when the answer must not count.

    An answer counts when it belongs to the job as it was last sent, and the job has not been cancelled or failed,
    its event is not undone, and its reading is editable.
    """
    found = _find(job_id)
    if found is None:
        yield None
        return
    with transaction.atomic():
        reading = lock_reading(found.reading_id)
        job = lock_job(found.pk)
        job.reading = reading
        stands = (
            job.epoch == epoch
            and job.status in (*ACTIVE, JobStatus.DONE)
            and reading.is_editable
            and job.event_id not in undone_event_ids(reading)
        )
        if not stands:
            logger.info("An answer to job %s of epoch %s is too late and was dropped.", job_id, epoch)
        yield job if stands else None


def record_mask_result(*, result: MaskResult) -> Mask | None:
    """Store a mask that a worker computed and show it to the reader.

    Returns
    -------
    Mask or None
        None when the answer must not count, or the frame has been locked meanwhile.

    Notes
    -----
    Idempotent: the same answer again changes nothing. Answers may come in any order, after `JobDone` too.
    """
    with locked_job(result.job_id, result.epoch) as job:
        if job is None:
            return None
        try:
            label, mask = _check(job, result)
        except LabelRemoved as error:
            _fail(job, error.code, error.message)
            return None
        except InvalidInput as error:
            logger.error("Worker %s answered job %s wrongly: %s", result.worker, job.pk, error)
            _fail(job, "bad_result", f"The worker's answer is wrong: {error}")
            return None
        stored = _store(job, label, result, mask)
        _count(job, result, stored)
        return stored


def record_done(*, result: JobDone) -> None:
    """End a job whose worker has answered everything it was going to.

    Notes
    -----
    Results are recorded by several threads, so masks may still be on their way: the job becomes DONE with its last
    mask, or, where the worker stopped early, at once.
    """
    with locked_job(result.job_id, result.epoch) as job:
        if job is None or not job.is_active:
            return
        job.elapsed_ms = result.elapsed_ms
        job.ended_at = job.ended_at or timezone.now()
        job.early_stop = result.early_stop
        if result.early_stop or job.done >= job.total:
            move_job(job, JobStatus.DONE)
        else:
            move_job(job, JobStatus.RUNNING)
        send_job_hint(job)


def record_failed(*, result: JobFailed) -> None:
    """End a job that its worker could not do; the masks that have come stay."""
    with locked_job(result.job_id, result.epoch) as job:
        if job is None or not job.is_active:
            return
        _fail(job, result.code or "worker_error", result.message)


def finish_ended_jobs() -> None:
    """End the jobs whose worker is done and whose missing masks have not come in `LATE_RESULTS`."""
    ended_before = timezone.now() - LATE_RESULTS
    late = InferenceJob.objects.filter(status__in=ACTIVE, ended_at__lt=ended_before)
    for job_id, epoch in late.values_list("pk", "epoch"):
        with locked_job(str(job_id), epoch) as job:
            if job is not None and job.is_active:
                move_job(job, JobStatus.DONE)
                send_job_hint(job)


def _fail(job: InferenceJob, code: str, message: str) -> None:
    """End a job that still runs, and say why."""
    if job.is_active:
        move_job(job, JobStatus.FAILED, code=code, message=message)
        send_job_hint(job)


def _find(job_id: str) -> InferenceJob | None:
    try:
        return InferenceJob.objects.filter(pk=uuid.UUID(job_id)).first()
    except ValueError:
        return None


def _check(job: InferenceJob, result: MaskResult) -> tuple[Label, bytes]:
    """Return the label and the canonical mask of an answer, or say what is wrong with it."""
    cine = job.reading.cine
    label = labels_by_code(job.reading.campaign).get(result.label)
    asked = job.event.payload.get("labels") or [job.event.payload.get("label")]
    if label is None and result.label in asked:
        raise LabelRemoved(
            f"The label {result.label!r} has left the campaign meanwhile, so its mask was not kept.",
            code="label_removed",
        )
    if label is None or result.label not in asked:
        raise InvalidInput(f"The label {result.label!r} was not asked for.", code="unknown_label")
    if not 0 <= result.frame_index < cine.frame_count:
        raise InvalidInput(f"There is no frame index {result.frame_index}.", code="frame_out_of_range")
    if result.frame_index not in _frames_asked(job, result.label):
        raise InvalidInput(f"Frame index {result.frame_index} was not asked for.", code="frame_out_of_range")
    return label, parse_mask(result.mask, rows=cine.rows, columns=cine.columns)


def _frames_asked(job: InferenceJob, label: str) -> set[int]:
    """Return the 0-based frames that the request of a job asks for, for one of its labels."""
    if job.kind == JobKind.PREDICT:
        return {job.request["frame_index"]}
    return {frame for one in job.request["passes"] for frame in one} - set(job.request["keep"][label])


def _store(job: InferenceJob, label: Label, result: MaskResult, mask: bytes) -> Mask | None:
    reading = job.reading
    undone = undone_event_ids(reading)
    accepted = result.frame_index in accepted_frames(reading, undone=undone)
    standing = (
        Mask.objects.filter(segmentation__reading=reading, segmentation__label=label, frame_index=result.frame_index)
        .exclude(event_id__in=undone)
        .order_by("-event__seq", "-ordinal")
        .select_related("event")
        .first()
    )
    own = standing is not None and standing.provenance in (Provenance.HUMAN, Provenance.MODEL)
    pair = [label.code, result.frame_index]
    is_new = (
        pair not in job.skipped
        and not job.event.masks.filter(segmentation__label=label, frame_index=result.frame_index).exists()
    )
    if is_new:
        job.done += 1
    if job.kind == JobKind.PROPAGATE and (accepted or own):
        if is_new:
            job.skipped.append(pair)
        return None
    stored = record_mask(
        event=job.event,
        label=label,
        frame_index=result.frame_index,
        mask=mask,
        provenance=PROVENANCES[JobKind(job.kind)],
        base_revision=reading.revision,
        score=result.score,
        checkpoint=reading.checkpoint,
        window=job.request["cine"]["window"],
    )
    if standing is None or standing.event.seq <= job.event.seq:
        stamped = stamp_mask(
            mask,
            label=label,
            frame_index=result.frame_index,
            provenance=stored.provenance,
            accepted=accepted,
            run_id=job.run_no,
        )
        send_mask_hint(reading, stamped)
    return stored


def _count(job: InferenceJob, result: MaskResult, stored: Mask | None) -> None:
    """Move the progress of a job on, and end it when this was the last mask of one whose worker is done."""
    job.total = max(result.total, job.done)
    is_complete = job.ended_at is not None and job.done >= job.total
    if job.is_active:
        move_job(job, JobStatus.DONE if is_complete else JobStatus.RUNNING)
    else:
        job.save()
    scored = {"label": result.label, "frame_index": result.frame_index, "score": stored.score} if stored else None
    send_job_hint(job, scored=scored)
