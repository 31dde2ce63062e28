"""InferenceJob: one computation that one event of a reading asked for."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from annotator.core.models import BaseModel
from annotator.readings.models import Reading, ReadingEvent

from .worker import WorkerNode


class JobKind(models.TextChoices):
    """What a job computes."""

    PREDICT = "PREDICT", "One frame from its prompts"
    PROPAGATE = "PROPAGATE", "A range of frames from conditioning frames"


class JobStatus(models.TextChoices):
    """Where a job stands."""

    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class InferenceJob(BaseModel):
    """One computation; `request` is the message without its epoch, fixed when the event was appended.

    A job whose `worker` is empty has not been sent: no worker was alive. A redo of an undone event takes the
    job up again when it had not ended, hence the way back from CANCELLED to QUEUED. `done` counts the (label,
    frame) pairs answered so far, `skipped` names those of them that had been locked meanwhile; `ended_at` is when
    the worker said that it was done, `early_stop` that it left out the rest because nothing would have changed there.
    """

    TRANSITIONS: dict[str, set[str]] = {
        JobStatus.QUEUED: {JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED},
        JobStatus.RUNNING: {JobStatus.QUEUED, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED},
        JobStatus.DONE: set(),
        JobStatus.FAILED: set(),
        JobStatus.CANCELLED: {JobStatus.QUEUED},
    }

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="jobs")
    event = models.OneToOneField(ReadingEvent, on_delete=models.PROTECT, related_name="job")
    kind = models.CharField(max_length=16, choices=JobKind.choices)
    run_no = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    epoch = models.PositiveIntegerField(default=0)
    worker = models.ForeignKey(WorkerNode, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    request = models.JSONField()
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField()
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    skipped = models.JSONField(default=list, blank=True)
    elapsed_ms = models.FloatField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    early_stop = models.BooleanField(default=False)

    class Meta:
        ordering = ["reading", "run_no"]
        constraints = [
            models.UniqueConstraint(fields=["reading", "run_no"], name="job_run_no_once"),
            models.CheckConstraint(condition=Q(kind__in=JobKind.values), name="job_kind_is_known"),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_is_known"),
            models.CheckConstraint(condition=Q(done__lte=F("total")), name="job_done_within_total"),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error_code=""), name="job_failure_has_a_code"
            ),
        ]
        indexes = [models.Index(fields=["status", "worker"], name="job_active")]

    def __str__(self) -> str:
        return f"{self.kind} {self.run_no} ({self.status})"

    @property
    def is_active(self) -> bool:
        """Whether the job may still bring masks."""
        return self.status in ACTIVE
