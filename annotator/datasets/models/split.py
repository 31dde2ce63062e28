"""PatientSplit: where a patient stands in a campaign, once and for all."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel


class Split(models.TextChoices):
    """The parts of a dataset; `test` is locked: nothing is ever trained or chosen on it."""

    TRAIN = "train", "Train"
    VAL = "val", "Validation"
    TEST = "test", "Test"


class PatientSplit(BaseModel):
    """The part into which all cines of a patient fall; a database trigger refuses to move a patient."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="patient_splits")
    patient_key = models.CharField(max_length=64)
    split = models.CharField(max_length=8, choices=Split.choices)

    class Meta:
        ordering = ["campaign", "patient_key"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "patient_key"], name="patient_split_once"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="patient_split_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.patient_key}: {self.split}"
