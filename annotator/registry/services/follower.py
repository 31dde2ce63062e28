"""Ask the training policy whenever a reading is submitted, without readings knowing of it (ADR 0030)."""

from __future__ import annotations

from annotator.core.tasks import send_on_commit
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.services.followers import JobBrief


class PolicyFollower:
    """Follows submissions only; the policy is asked in a task of its own once the submission has committed."""

    def reading_submitted(self, reading: Reading) -> None:
        """Send the task that asks the policy of the reading's campaign."""
        send_on_commit("registry.evaluate_policy", {"campaign": reading.campaign.slug}, queue="default")

    def reading_opened(self, reading: Reading) -> None:
        """Opening a reading accepts nothing."""

    def event_appended(self, event: ReadingEvent) -> JobBrief | None:
        """An event makes no job here."""
        return None

    def event_undone(self, event: ReadingEvent) -> None:
        """An undo accepts nothing."""

    def event_redone(self, event: ReadingEvent) -> JobBrief | None:
        """A redo makes no job here."""
        return None

    def job_of(self, event: ReadingEvent) -> JobBrief | None:
        """No event has a job here."""
        return None
