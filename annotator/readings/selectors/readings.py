"""Which readings a user may see, and which have been accepted."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, Label
from annotator.campaigns.selectors import labels_of
from annotator.core.errors import NotFound
from annotator.readings.models import Reading
from annotator.readings.models.reading import ACCEPTED
from annotator.readings.permissions import visible_to_q


def visible_to(user: User) -> QuerySet[Reading]:
    """Return the readings that a user may see, with what lists and permissions need of their relations."""
    return Reading.objects.filter(visible_to_q(user)).select_related("campaign", "cine", "reader", "assignment")


def visible_reading(user: User, reading_id: uuid.UUID | str) -> Reading:
    """Return a reading that a user may see.

    Raises
    ------
    NotFound
        When there is none, or the user may not know of it.
    """
    reading = visible_to(user).filter(pk=reading_id).first()
    if reading is None:
        raise NotFound("There is no such reading.", code="reading_not_found")
    return reading


def accepted_readings(campaign: Campaign) -> QuerySet[Reading]:
    """Return the submitted and locked readings of a campaign, in the order of their submission."""
    return (
        Reading.objects.filter(campaign=campaign, status__in=sorted(ACCEPTED))
        .select_related("campaign", "cine", "reader", "assignment")
        .order_by("submitted_at", "pk")
    )


def labels_by_code(campaign: Campaign) -> dict[str, Label]:
    """Return the labels of a campaign's schema by code, in the order of their index."""
    return {label.code: label for label in labels_of(campaign)}
