"""DatasetVersion and DatasetItem: an immutable collection of accepted readings."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel

from .split import Split


class VersionStatus(models.TextChoices):
    """Where a dataset version stands."""

    BUILDING = "BUILDING", "Building"
    FROZEN = "FROZEN", "Frozen"
    FAILED = "FAILED", "Failed"


class DatasetVersion(BaseModel):
    """What had been accepted in a campaign at one moment, named by the digest of its manifest.

    Database triggers refuse every change of a frozen version and of its items (ADR 0040). `counts` holds
    ``{cines, readings, patients, masks, splits: {train|val|test: {cines, patients, masks}}, labels: {code: masks}}``.
    """

    TRANSITIONS: dict[str, set[str]] = {
        VersionStatus.BUILDING: {VersionStatus.FROZEN, VersionStatus.FAILED},
        VersionStatus.FROZEN: set(),
        VersionStatus.FAILED: set(),
    }

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="dataset_versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.BUILDING)
    manifest_digest = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True, default="")
    error_message = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["campaign", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["campaign", "manifest_digest"],
                condition=~Q(status=VersionStatus.FAILED),
                name="version_content_once",
            ),
            models.CheckConstraint(condition=Q(status__in=VersionStatus.values), name="version_status_is_known"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} ({self.status})"


class DatasetItem(BaseModel):
    """One accepted reading inside a version."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="items")
    cine = models.ForeignKey("imaging.Cine", on_delete=models.PROTECT, related_name="dataset_items")
    reading = models.ForeignKey("readings.Reading", on_delete=models.PROTECT, related_name="dataset_items")
    patient_key = models.CharField(max_length=64)
    split = models.CharField(max_length=8, choices=Split.choices)
    masks = models.PositiveIntegerField()

    class Meta:
        ordering = ["version", "split", "cine", "reading"]
        constraints = [
            models.UniqueConstraint(fields=["version", "reading"], name="item_reading_once"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="item_split_is_known"),
            models.CheckConstraint(condition=Q(masks__gte=1), name="item_has_masks"),
        ]

    def __str__(self) -> str:
        return f"{self.split}: {self.masks} masks"
