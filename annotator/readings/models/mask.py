"""Segmentation and Mask: what a reading says about the pixels."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel

from .event import ReadingEvent
from .reading import Reading


class Provenance(models.TextChoices):
    """Where the pixels of a mask come from."""

    HUMAN = "HUMAN", "Human"
    MODEL = "MODEL", "Model"
    PROPAGATED = "PROPAGATED", "Propagated"
    INTERPOLATED = "INTERPOLATED", "Interpolated"


WIRE_STATUS: dict[str, int] = {
    Provenance.HUMAN: 0,
    Provenance.MODEL: 1,
    Provenance.PROPAGATED: 2,
    Provenance.INTERPOLATED: 3,
}


class Segmentation(BaseModel):
    """The masks of one label over one cine, in one reading."""

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="segmentations")
    label = models.ForeignKey("campaigns.Label", on_delete=models.PROTECT, related_name="segmentations")

    class Meta:
        ordering = ["reading", "label"]
        constraints = [models.UniqueConstraint(fields=["reading", "label"], name="segmentation_once_per_label")]

    def __str__(self) -> str:
        return f"Segmentation {self.pk}"


class Mask(BaseModel):
    """The pixels of one label on one frame as one event left them; database triggers refuse an update.

    The current mask of (label, frame) is the one of the newest event that is not undone; among masks of the
    same event, the highest `ordinal`. `base_revision` is the revision of the reading before which nobody can
    have seen this mask: what "the masks changed since revision r" leans on. `blob` is the digest of the
    canonical RLE bytes; `area` counts pixels, 0 meaning cleared (a human's "nothing here").
    """

    segmentation = models.ForeignKey(Segmentation, on_delete=models.PROTECT, related_name="masks")
    frame_index = models.PositiveIntegerField()
    event = models.ForeignKey(ReadingEvent, on_delete=models.PROTECT, related_name="masks")
    blob = models.CharField(max_length=64)
    area = models.PositiveIntegerField()
    provenance = models.CharField(max_length=16, choices=Provenance.choices)
    score = models.FloatField(null=True, blank=True)
    checkpoint = models.CharField(max_length=64, blank=True, default="")
    window = models.JSONField(null=True, blank=True)
    ordinal = models.PositiveIntegerField()
    base_revision = models.PositiveIntegerField()

    class Meta:
        ordering = ["segmentation", "frame_index", "ordinal"]
        constraints = [
            models.UniqueConstraint(
                fields=["segmentation", "frame_index", "ordinal"], name="mask_ordinal_once_per_frame"
            ),
            models.CheckConstraint(condition=Q(provenance__in=Provenance.values), name="mask_provenance_is_known"),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0.0, score__lte=1.0),
                name="mask_score_is_a_fraction",
            ),
            models.CheckConstraint(condition=Q(ordinal__gte=1), name="mask_ordinal_from_one"),
        ]
        indexes = [models.Index(fields=["event", "frame_index"], name="mask_of_event")]

    def __str__(self) -> str:
        return f"Mask of frame {self.frame_index} ({self.provenance})"
