"""The worklist: the cines that a user may read, with the order and the work so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotator.campaigns.models import Assignment, AssignmentStatus, CampaignCine
from annotator.campaigns.selectors import visible_to as visible_campaigns
from annotator.readings.models import Reading

from .progress import Progress, progress_of

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    from annotator.accounts.models import User

NEW = "NEW"
"""Worklist status of a cine that the user has not opened."""


class Standing(TypedDict):
    """What `worklist_of` adds to a cine of a campaign: the status of the user's own reading, None before it."""

    reading_status: str | None


@dataclass(frozen=True)
class WorklistRow:
    """A cine that a user may read."""

    place: CampaignCine
    assignment: Assignment | None
    reading: Reading | None
    progress: Progress | None


def worklist_of(user: User) -> QuerySet[WithAnnotations[CampaignCine, Standing]]:
    """Return the cines that a user may read, campaign by campaign, in their order.

    These are the cines that the user has been assigned or has opened, and those of the user's campaigns that may
    still be picked. Each row carries `reading_status`, the status of the user's own reading or None.
    """
    standing = Assignment.objects.filter(campaign=OuterRef("campaign"), cine=OuterRef("cine")).exclude(
        status=AssignmentStatus.WITHDRAWN
    )
    taken = standing.order_by().values("campaign").annotate(number=Count("pk")).values("number")
    readings = Reading.objects.filter(campaign=OuterRef("campaign"), cine=OuterRef("cine"), reader=user)
    return (
        CampaignCine.objects.filter(campaign__in=visible_campaigns(user).values("pk"))
        .annotate(
            is_mine=Exists(standing.filter(reader=user)),
            taken=Coalesce(Subquery(taken, output_field=IntegerField()), 0),
            reading_status=Subquery(readings.values("status")[:1]),
        )
        .filter(Q(is_mine=True) | Q(reading_status__isnull=False) | Q(taken__lt=F("campaign__readings_per_cine")))
        .select_related("campaign", "cine", "cine__patient")
        .order_by("campaign__name", "campaign_id", "order", "pk")
    )


def worklist_rows(user: User, places: Iterable[CampaignCine]) -> list[WorklistRow]:
    """Return the rows of one page of `worklist_of`, looked up together."""
    page = list(places)
    cines = [place.cine_id for place in page]
    campaigns = {place.campaign_id for place in page}
    assignments = {
        (found.campaign_id, found.cine_id): found
        for found in Assignment.objects.filter(reader=user, cine__in=cines, campaign__in=campaigns).exclude(
            status=AssignmentStatus.WITHDRAWN
        )
    }
    readings = {
        (found.campaign_id, found.cine_id): found
        for found in Reading.objects.filter(reader=user, cine__in=cines, campaign__in=campaigns).select_related("cine")
    }
    progress = progress_of(readings.values())
    rows = []
    for place in page:
        key = (place.campaign_id, place.cine_id)
        reading = readings.get(key)
        rows.append(
            WorklistRow(
                place=place,
                assignment=assignments.get(key),
                reading=reading,
                progress=progress[reading.pk] if reading is not None else None,
            )
        )
    return rows
