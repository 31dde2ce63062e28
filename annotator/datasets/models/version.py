"""DatasetVersion and DatasetItem: an immutable collection of accepted readings."""

from __future__ import annotations

from django.conf import settings

# Not as `models.*`: DatasetVersion has an attribute of that name, the models trained on it.
from django.db.models import (
    PROTECT,
    CharField,
    CheckConstraint,
    ForeignKey,
    JSONField,
    PositiveIntegerField,
    Q,
    TextChoices,
    TextField,
    UniqueConstraint,
)

from annotator.core.models import BaseModel

from .split import Split


class VersionStatus(TextChoices):
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

    campaign = ForeignKey("campaigns.Campaign", on_delete=PROTECT, related_name="dataset_versions")
    number = PositiveIntegerField()
    status = CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.BUILDING)
    manifest_digest = CharField(max_length=64)
    counts = JSONField(default=dict)
    parent = ForeignKey("self", null=True, blank=True, on_delete=PROTECT, related_name="children")
    created_by = ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=PROTECT, related_name="+")
    reason = CharField(max_length=200, blank=True, default="")
    error_message = TextField(blank=True, default="")

    class Meta:
        ordering = ["campaign", "-number"]
        constraints = [
            UniqueConstraint(fields=["campaign", "number"], name="version_number_once"),
            UniqueConstraint(
                fields=["campaign", "manifest_digest"],
                condition=~Q(status=VersionStatus.FAILED),
                name="version_content_once",
            ),
            CheckConstraint(condition=Q(status__in=VersionStatus.values), name="version_status_is_known"),
            CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} ({self.status})"


class DatasetItem(BaseModel):
    """One accepted reading inside a version."""

    version = ForeignKey(DatasetVersion, on_delete=PROTECT, related_name="items")
    cine = ForeignKey("imaging.Cine", on_delete=PROTECT, related_name="dataset_items")
    reading = ForeignKey("readings.Reading", on_delete=PROTECT, related_name="dataset_items")
    patient_key = CharField(max_length=64)
    split = CharField(max_length=8, choices=Split.choices)
    masks = PositiveIntegerField()

    class Meta:
        ordering = ["version", "split", "cine", "reading"]
        constraints = [
            UniqueConstraint(fields=["version", "reading"], name="item_reading_once"),
            CheckConstraint(condition=Q(split__in=Split.values), name="item_split_is_known"),
            CheckConstraint(condition=Q(masks__gte=1), name="item_has_masks"),
        ]

    def __str__(self) -> str:
        return f"{self.split}: {self.masks} masks"
