"""Open a cine for reading."""

from __future__ import annotations

import uuid

from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, AssignmentStatus, Campaign, CampaignCine
from annotator.campaigns.permissions import is_member
from annotator.campaigns.selectors import visible_campaign
from annotator.campaigns.services import assign_reader
from annotator.core import audit
from annotator.core.errors import IllegalTransition, NotFound, PermissionDenied
from annotator.core.transitions import transition
from annotator.imaging.models import Cine
from annotator.readings.models import Reading

from .followers import followers
from .hints import send_status_hint


def open_reading(*, reader: User, cine: Cine, campaign: Campaign) -> Reading:
    """Return the reader's reading of a cine, making it with the campaign's current model if there is none.

    Raises
    ------
    PermissionDenied
        When the reader is no member of the campaign, or the order was withdrawn.
    NotFound
        `cine_not_in_campaign`.
    IllegalTransition
        `cine_taken` when as many readers as the campaign asks for have it already.
    """
    return _open(reader, cine, campaign)[0]


def open_reading_by_ids(*, reader: User, cine_id: uuid.UUID, campaign_slug: str) -> tuple[Reading, bool]:
    """Open a reading by what an address names; also tell whether it was made now.

    Raises
    ------
    NotFound
        When the reader may not know of the campaign, or the cine is not in it.
    """
    campaign = visible_campaign(reader, campaign_slug)
    place = CampaignCine.objects.filter(campaign=campaign, cine_id=cine_id).select_related("cine").first()
    if place is None:
        raise NotFound("This cine is not part of the campaign.", code="cine_not_in_campaign")
    return _open(reader, place.cine, campaign)


def _open(reader: User, cine: Cine, campaign: Campaign) -> tuple[Reading, bool]:
    with transaction.atomic():
        if not is_member(reader, campaign):
            raise PermissionDenied("Only members of a campaign can read its cines.", code="not_a_member")
        # Two readers who pick the last free place at once queue here.
        if not CampaignCine.objects.select_for_update().filter(campaign=campaign, cine=cine).exists():
            raise NotFound("This cine is not part of the campaign.", code="cine_not_in_campaign")
        existing = Reading.objects.filter(campaign=campaign, cine=cine, reader=reader).first()
        reading = existing if existing is not None else _make(reader, cine, campaign)
        for follower in followers():
            follower.reading_opened(reading)
        return reading, existing is None


def _make(reader: User, cine: Cine, campaign: Campaign) -> Reading:
    assignment = _accept_assignment(reader, cine, campaign)
    # The campaign is read again: a promotion since it was loaded must count.
    current = Campaign.objects.get(pk=campaign.pk)
    reading = Reading.objects.create(
        assignment=assignment,
        campaign=current,
        cine=cine,
        reader=reader,
        model_id=current.current_model_id,
        checkpoint=current.current_checkpoint or "",
        family=current.current_family or "",
    )
    audit.record(actor=reader, action="reading.open", target=reading, data={"checkpoint": reading.checkpoint})
    send_status_hint(reading)
    return reading


def _accept_assignment(reader: User, cine: Cine, campaign: Campaign) -> Assignment:
    standing = Assignment.objects.filter(campaign=campaign, cine=cine)
    own = standing.filter(reader=reader).first()
    if own is None:
        taken = standing.exclude(status=AssignmentStatus.WITHDRAWN).count()
        if taken >= campaign.readings_per_cine:
            raise IllegalTransition(
                "This cine already has as many readers as the campaign asks for.", code="cine_taken"
            )
        own = assign_reader(campaign=campaign, cine=cine, reader=reader)
    if own.status == AssignmentStatus.WITHDRAWN:
        raise PermissionDenied("Your assignment of this cine was withdrawn.", code="assignment_withdrawn")
    if own.status == AssignmentStatus.OFFERED:
        transition(own, AssignmentStatus.ACCEPTED, actor=reader)
    return own
