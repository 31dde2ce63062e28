"""ImportBatch: what became of each file of an upload."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.core.models import BaseModel


class BatchStatus(models.TextChoices):
    """Where an import stands."""

    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class ImportBatch(BaseModel):
    """An upload; `items` says of each file {name, outcome imported|duplicate|refused, code, message, cine_ids}."""

    TRANSITIONS: dict[str, set[str]] = {
        BatchStatus.RUNNING: {BatchStatus.DONE, BatchStatus.FAILED},
        BatchStatus.DONE: set(),
        BatchStatus.FAILED: set(),
    }

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="imports")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=BatchStatus.choices, default=BatchStatus.RUNNING)
    items = models.JSONField(default=list)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "import batches"

    def __str__(self) -> str:
        return f"Import {self.pk}"
