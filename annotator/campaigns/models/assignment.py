"""Assignment: the order to read a cine."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.campaigns.models.campaign import Campaign
from annotator.core.models import BaseModel


class AssignmentStatus(models.TextChoices):
    """Where an assignment stands."""

    OFFERED = "OFFERED", "Offered"
    ACCEPTED = "ACCEPTED", "Accepted"
    DONE = "DONE", "Done"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


class Assignment(BaseModel):
    """One reader shall read one cine; others know the reader by `blind_code` only."""

    TRANSITIONS: dict[str, set[str]] = {
        AssignmentStatus.OFFERED: {AssignmentStatus.ACCEPTED, AssignmentStatus.WITHDRAWN},
        AssignmentStatus.ACCEPTED: {AssignmentStatus.DONE, AssignmentStatus.WITHDRAWN},
        AssignmentStatus.DONE: {AssignmentStatus.ACCEPTED},
        AssignmentStatus.WITHDRAWN: set(),
    }

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="assignments")
    cine = models.ForeignKey("imaging.Cine", on_delete=models.PROTECT, related_name="assignments")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    order = models.PositiveIntegerField()
    blind_code = models.CharField(max_length=16)
    status = models.CharField(max_length=16, choices=AssignmentStatus.choices, default=AssignmentStatus.OFFERED)

    class Meta:
        ordering = ["campaign", "order"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "cine", "reader"], name="assignment_once"),
            models.CheckConstraint(condition=Q(status__in=AssignmentStatus.values), name="assignment_status_is_known"),
        ]

    def __str__(self) -> str:
        return f"Assignment {self.blind_code}"
