"""Read campaigns, always from what the user may see."""

from __future__ import annotations

from django.db.models import QuerySet

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Campaign, Label
from annotator.core.errors import NotFound


def visible_to(user: User) -> QuerySet[Campaign]:
    """Return the campaigns that a user takes part in; staff see all."""
    campaigns = Campaign.objects.select_related("schema")
    if user.is_active and user.is_staff:
        return campaigns
    return campaigns.filter(memberships__user_id=user.pk).distinct()


def visible_campaign(user: User, slug: str) -> Campaign:
    """Return one campaign by its slug.

    Raises
    ------
    NotFound
        With code ``campaign_not_found`` when there is none, or the user may not know of it.
    """
    campaign = visible_to(user).filter(slug=slug).first()
    if campaign is None:
        raise NotFound("There is no such campaign.", code="campaign_not_found")
    return campaign


def labels_of(campaign: Campaign) -> list[Label]:
    """Return the labels of a campaign in the order of their index."""
    return list(campaign.schema.labels.order_by("index"))


def assignments_of(user: User) -> QuerySet[Assignment]:
    """Return the assignments of a reader, in reading order."""
    return Assignment.objects.filter(reader_id=user.pk).select_related("campaign", "cine").order_by("campaign", "order")
