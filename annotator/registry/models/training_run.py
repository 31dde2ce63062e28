"""TrainingRun: one attempt to make a better model from a dataset version."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel


class RunStatus(models.TextChoices):
    """Where a training run stands."""

    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    SUCCEEDED = "SUCCEEDED", "Succeeded"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


class Trigger(models.TextChoices):
    """What started a training run."""

    POLICY = "policy", "Policy"
    BUTTON = "button", "Button"


LIVE = (RunStatus.QUEUED, RunStatus.RUNNING)


class TrainingRun(BaseModel):
    """A training in its own process; a campaign has at most one that is queued or running.

    `progress` is ``{step, total_steps, loss, elapsed_s}``; `curve` is a list of ``[step, loss, val_iou or null]`` in
    the order of the steps. `last_update_at` is when the trainer was last heard, `deliveries` how often the
    request was sent to it.
    """

    TRANSITIONS: dict[str, set[str]] = {
        RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.RUNNING: {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.SUCCEEDED: set(),
        RunStatus.FAILED: set(),
        RunStatus.CANCELLED: set(),
    }

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="training_runs")
    dataset_version = models.ForeignKey(
        "datasets.DatasetVersion", on_delete=models.PROTECT, related_name="training_runs"
    )
    base = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="trained_further")
    config = models.JSONField(default=dict)
    seed = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.QUEUED)
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    progress = models.JSONField(default=dict)
    curve = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_update_at = models.DateTimeField(null=True, blank=True)
    deliveries = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(status__in=LIVE), name="one_live_run_per_campaign"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_is_known"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="run_trigger_is_known"),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.FAILED) | ~Q(error_code=""), name="run_failure_has_a_code"
            ),
        ]

    def __str__(self) -> str:
        return f"Training run {self.pk} ({self.status})"

    @property
    def is_live(self) -> bool:
        """Whether the run is still queued or running."""
        return self.status in LIVE
