"""Campaign, its members and its cines."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.campaigns.models.label import LabelSchema
from annotator.core.models import BaseModel


def new_split_seed() -> str:
    """Return a random key for the split of patients."""
    return secrets.token_hex(16)


class Campaign(BaseModel):
    """A body of reading work with one label schema and one line of models.

    `current_*` name the promoted model; only the registry's promotion writes them. `split_seed` keys the split of
    patients and never changes.
    """

    name = models.CharField(max_length=160)
    slug = models.SlugField(max_length=64, unique=True)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="campaigns")
    modality = models.CharField(max_length=16)
    readings_per_cine = models.PositiveSmallIntegerField(default=1)
    keep_identity_mapping = models.BooleanField(default=False)
    train_after = models.PositiveIntegerField(default=5)
    auto_promote = models.BooleanField(default=False)
    min_gain = models.FloatField(default=0.0)
    split_seed = models.CharField(max_length=64, default=new_split_seed, editable=False)
    training_config = models.JSONField(default=dict, blank=True)
    current_model_id = models.UUIDField(null=True, blank=True)
    current_checkpoint = models.CharField(max_length=64, blank=True, default="")
    current_family = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(readings_per_cine__gte=1), name="campaign_reads_each_cine"),
            models.CheckConstraint(condition=Q(train_after__gte=1), name="campaign_trains_after_some"),
            models.CheckConstraint(condition=Q(min_gain__gte=-1, min_gain__lte=1), name="campaign_gain_in_range"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(BaseModel):
    """A user's role in a campaign."""

    class Role(models.TextChoices):
        """What a member may do."""

        READER = "READER", "Reader"
        ADJUDICATOR = "ADJUDICATOR", "Adjudicator"
        MANAGER = "MANAGER", "Manager"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        ordering = ["campaign", "user"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "user"], name="member_once_per_campaign"),
            models.CheckConstraint(
                condition=Q(role__in=["READER", "ADJUDICATOR", "MANAGER"]), name="member_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role.lower()}"


class CampaignCine(BaseModel):
    """A cine in a campaign, at its place in the reading order."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_cines")
    cine = models.ForeignKey("imaging.Cine", on_delete=models.PROTECT, related_name="campaign_cines")
    order = models.PositiveIntegerField()

    class Meta:
        ordering = ["campaign", "order"]
        constraints = [models.UniqueConstraint(fields=["campaign", "cine"], name="cine_once_per_campaign")]

    def __str__(self) -> str:
        return f"{self.cine} in {self.campaign}"
