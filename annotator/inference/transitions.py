"""Change the status of a job: through its table, under its lock."""

from __future__ import annotations

from uuid import UUID

from annotator.core.errors import IllegalTransition
from annotator.inference.models import InferenceJob, JobStatus


def lock_job(job_id: UUID) -> InferenceJob:
    """Return the job, locked; the caller already holds the lock of its Reading."""
    jobs = InferenceJob.objects.select_for_update(of=("self",)).select_related("event", "event__label", "worker")
    return jobs.get(pk=job_id)


def move_job(job: InferenceJob, to: JobStatus, *, code: str = "", message: str = "") -> InferenceJob:
    """Change the status of a locked job and save it with its other fields.

    Raises
    ------
    IllegalTransition
        When the table has no such step.

    Notes
    -----
    Jobs are machine steps of an event that is itself on record, so, unlike the other transitions, this one
    leaves no audit entry: there would be three for each click.
    """
    if to != job.status and to not in InferenceJob.TRANSITIONS[job.status]:
        raise IllegalTransition(
            f"A job that is {job.status} cannot become {to}.",
            code="illegal_transition",
            details={"from": job.status, "to": to},
        )
    job.status = to
    job.error_code, job.error_message = code, message
    job.save()
    return job
