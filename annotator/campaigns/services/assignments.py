"""Assign cines to readers."""

from __future__ import annotations

import secrets

from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Campaign, CampaignCine
from annotator.campaigns.permissions import is_member
from annotator.core.errors import InvalidInput, NotFound
from annotator.imaging.models import Cine

BLIND_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@transaction.atomic
def assign_reader(*, campaign: Campaign, cine: Cine, reader: User) -> Assignment:
    """Return the reader's assignment of a cine, offering it when there is none.

    Raises
    ------
    NotFound
        With code ``cine_not_in_campaign``.
    InvalidInput
        With code ``reader_not_member``.
    """
    place = CampaignCine.objects.filter(campaign=campaign, cine=cine).first()
    if place is None:
        raise NotFound("This cine is not part of the campaign.", code="cine_not_in_campaign")
    if not is_member(reader, campaign):
        raise InvalidInput("Only members of a campaign can be assigned its cines.", code="reader_not_member")
    blind_code = "R-" + "".join(secrets.choice(BLIND_ALPHABET) for _ in range(6))
    assignment, _ = Assignment.objects.get_or_create(
        campaign=campaign, cine=cine, reader=reader, defaults={"order": place.order, "blind_code": blind_code}
    )
    return assignment
