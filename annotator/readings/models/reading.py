"""Reading: one reader's work on one cine."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel


class ReadingStatus(models.TextChoices):
    """Where a reading stands."""

    DRAFT = "DRAFT", "Draft"
    SUBMITTED = "SUBMITTED", "Submitted"
    REOPENED = "REOPENED", "Reopened"
    LOCKED = "LOCKED", "Locked"


EDITABLE = frozenset({ReadingStatus.DRAFT, ReadingStatus.REOPENED})
ACCEPTED = frozenset({ReadingStatus.SUBMITTED, ReadingStatus.LOCKED})


class Reading(BaseModel):
    """One reader's work on one cine; `revision` is the seq of its last event.

    `model_id`, `checkpoint` and `family` are those of the campaign when the reading was opened: a later
    promotion never changes what a reading is assisted by.
    """

    TRANSITIONS: dict[str, set[str]] = {
        ReadingStatus.DRAFT: {ReadingStatus.SUBMITTED},
        ReadingStatus.SUBMITTED: {ReadingStatus.REOPENED, ReadingStatus.LOCKED},
        ReadingStatus.REOPENED: {ReadingStatus.SUBMITTED},
        ReadingStatus.LOCKED: set(),
    }

    assignment = models.OneToOneField("campaigns.Assignment", on_delete=models.PROTECT, related_name="reading")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="readings")
    cine = models.ForeignKey("imaging.Cine", on_delete=models.PROTECT, related_name="readings")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="readings")
    status = models.CharField(max_length=16, choices=ReadingStatus.choices, default=ReadingStatus.DRAFT)
    revision = models.PositiveIntegerField(default=0)
    model_id = models.UUIDField(null=True, blank=True)
    checkpoint = models.CharField(max_length=64, blank=True, default="")
    family = models.CharField(max_length=64, blank=True, default="")
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "cine", "reader"], name="reading_once_per_reader_and_cine"),
            models.CheckConstraint(condition=Q(status__in=ReadingStatus.values), name="reading_status_is_known"),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(ACCEPTED)) | Q(submitted_at__isnull=False),
                name="reading_submitted_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "status"], name="reading_campaign_status")]

    def __str__(self) -> str:
        return f"Reading {self.pk} ({self.status})"

    @property
    def is_editable(self) -> bool:
        """Whether events may be appended."""
        return self.status in EDITABLE
