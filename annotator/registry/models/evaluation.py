"""Evaluation: what a model scores on one part of a dataset version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel
from annotator.datasets.models import Split


class Evaluation(BaseModel):
    """Mean IoU and Dice over the cines of a split, with the 95 % interval of the IoU.

    `cines` is a list of ``{cine, iou, dice}``. `split` is ``test``, or ``train`` while a campaign has a single
    patient and so no test patient yet (ADR 0041).
    """

    model = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="evaluations")
    dataset_version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="evaluations")
    split = models.CharField(max_length=8, choices=Split.choices)
    iou = models.FloatField()
    dice = models.FloatField()
    iou_low = models.FloatField(null=True, blank=True)
    iou_high = models.FloatField(null=True, blank=True)
    cines = models.JSONField(default=list)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "dataset_version", "split"], name="evaluation_once_per_version_and_split"
            ),
            models.CheckConstraint(
                condition=Q(iou__gte=0, iou__lte=1, dice__gte=0, dice__lte=1),
                name="evaluation_scores_are_fractions",
            ),
        ]

    def __str__(self) -> str:
        return f"IoU {self.iou:.3f} on {self.split}"
