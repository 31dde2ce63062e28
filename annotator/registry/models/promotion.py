"""Promotion: the moment from which new readings of a campaign use a model."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel


class PromotionReason(models.TextChoices):
    """Why a model was promoted."""

    MANUAL = "manual", "Manual"
    RULE = "rule", "Rule"
    ROLLBACK = "rollback", "Rollback"


class Promotion(BaseModel):
    """An entry of the append-only history of a campaign's models."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="promotions")
    model = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="promotions")
    previous = models.ForeignKey(
        "registry.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=16, choices=PromotionReason.choices)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=PromotionReason.values), name="promotion_reason_is_known"),
        ]
        indexes = [models.Index(fields=["campaign", "-created_at"], name="promotion_history")]

    def __str__(self) -> str:
        return f"Promotion ({self.reason})"
