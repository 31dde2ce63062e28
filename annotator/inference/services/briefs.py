"""What a reader is told of a job."""

from __future__ import annotations

from typing import Any

from annotator.inference.models import InferenceJob
from annotator.inference.selectors import is_alive
from annotator.readings.services.followers import JobBrief, JobError
from annotator.readings.services.hints import send_reading_hint

WAITING = JobError("waiting_for_worker", "Waiting for a worker; the job starts as soon as one is there.")


def brief_job(job: InferenceJob) -> JobBrief:
    """Return the brief of a job; one that no live worker has says that it waits."""
    error = JobError(job.error_code, job.error_message) if job.error_code else None
    if job.is_active and not is_alive(job.worker):
        error = WAITING
    return JobBrief(
        id=job.pk,
        client_uuid=job.event.client_uuid,
        kind=job.kind,
        run_no=job.run_no,
        status=job.status,
        done=job.done,
        total=job.total,
        error=error,
        event_seq=job.event.seq,
        early_stop=job.early_stop,
        created_at=job.created_at,
        reader=job.event.actor.display_name or job.event.actor.username,
    )


def job_json(brief: JobBrief) -> dict[str, Any]:
    """Return a brief as JSON."""
    error = None if brief.error is None else {"code": brief.error.code, "message": brief.error.message}
    return {
        "id": str(brief.id),
        "client_uuid": str(brief.client_uuid),
        "kind": brief.kind,
        "run_no": brief.run_no,
        "status": brief.status,
        "done": brief.done,
        "total": brief.total,
        "error": error,
        "event_seq": brief.event_seq,
        "early_stop": brief.early_stop,
        "created_at": brief.created_at.isoformat(),
        "reader": brief.reader,
    }


def send_job_hint(job: InferenceJob, *, scored: dict[str, Any] | None = None) -> None:
    """Tell the sockets of a reading where a job stands, after commit.

    Parameters
    ----------
    job : InferenceJob
    scored : {label, frame_index, score}, optional
        The mask that it has just brought and the model's own estimate of its IoU: the binary mask message has no room
        for it.
    """
    message = {"type": "job", "job": job_json(brief_job(job))}
    send_reading_hint(job.reading, message if scored is None else {**message, "scored": scored})
