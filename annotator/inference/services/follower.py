"""Follow readings: a prompt makes its job, an undo cancels it, a submission stops them all."""

from __future__ import annotations

from annotator.inference.models import InferenceJob
from annotator.readings.models import EventKind, Reading, ReadingEvent
from annotator.readings.services.followers import JobBrief

from .briefs import brief_job
from .jobs import (
    cancel_job_of,
    cancel_jobs_of_reading,
    request_prediction,
    request_propagation,
    resume_job,
    warm_cine,
)


class InferenceFollower:
    """What inference does when a reading moves; each call happens inside the reading's own transaction."""

    def reading_opened(self, reading: Reading) -> None:
        """Let a worker encode the cine ahead."""
        warm_cine(reading=reading)

    def event_appended(self, event: ReadingEvent) -> JobBrief | None:
        """Make the job of a prompt or a propagation."""
        if event.kind == EventKind.PROMPT:
            return brief_job(request_prediction(event=event))
        if event.kind == EventKind.PROPAGATE:
            return brief_job(request_propagation(event=event))
        return None

    def event_undone(self, event: ReadingEvent) -> None:
        """Cancel the job of the event."""
        cancel_job_of(event=event)

    def event_redone(self, event: ReadingEvent) -> JobBrief | None:
        """Take the job of the event up again where the undo had cut it off."""
        job = resume_job(event=event)
        return None if job is None else brief_job(job)

    def job_of(self, event: ReadingEvent) -> JobBrief | None:
        """Return the job of the event."""
        job = InferenceJob.objects.filter(event=event).first()
        return None if job is None else brief_job(job)

    def reading_submitted(self, reading: Reading) -> None:
        """Cancel what still runs."""
        cancel_jobs_of_reading(reading=reading)
