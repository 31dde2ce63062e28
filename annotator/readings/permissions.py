"""Who may see, compare and change a reading: readers their own, managers those of their campaigns."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, AssignmentStatus, Membership
from annotator.campaigns.permissions import is_manager, is_member
from annotator.core.errors import PermissionDenied
from annotator.readings.models import Reading
from annotator.readings.models.reading import ACCEPTED


def visible_to_q(user: User) -> Q:
    """Return the condition on readings that a user may see.

    Readers are blinded: nobody sees the reading of somebody else but the managers of its campaign, and staff.
    """
    if not user.is_active:
        return Q(pk__in=[])
    if user.is_staff:
        return Q()
    memberships = Membership.objects.filter(user_id=user.pk)
    managed = memberships.filter(role=Membership.Role.MANAGER).values("campaign")
    return Q(reader_id=user.pk, campaign__in=memberships.values("campaign")) | Q(campaign__in=managed)


def comparable_q(user: User) -> Q:
    """Return the condition on readings that a user may lay beside another one of the same cine.

    One's own as they are; those of others once they are submitted: managers in their campaigns, staff everywhere,
    and adjudicators in their campaigns unless they have still to read that cine themselves, which is done blinded.
    """
    if not user.is_active:
        return Q(pk__in=[])
    finished = Q(status__in=sorted(ACCEPTED))
    own = visible_to_q(user) & Q(reader_id=user.pk)
    if user.is_staff:
        return own | finished
    adjudicated = Membership.objects.filter(user_id=user.pk, role=Membership.Role.ADJUDICATOR).values("campaign")
    to_read = Assignment.objects.filter(
        reader_id=user.pk, cine=OuterRef("cine"), status__in=[AssignmentStatus.OFFERED, AssignmentStatus.ACCEPTED]
    )
    return own | (finished & (visible_to_q(user) | Q(~Exists(to_read), campaign__in=adjudicated)))


def can_write(user: User, reading: Reading) -> bool:
    """Tell whether a user may append to a reading: its own reader, while a member and while the order stands."""
    return (
        user.is_active
        and reading.reader_id == user.pk
        and reading.assignment.status != AssignmentStatus.WITHDRAWN
        and is_member(user, reading.campaign)
    )


def require_writer(user: User, reading: Reading) -> None:
    """Raise PermissionDenied unless the user may append to the reading."""
    if not can_write(user, reading):
        raise PermissionDenied(
            "Only the reader of a reading can change it, and only while assigned to it.",
            code="not_your_reading",
        )


def require_listener(user: User, reading: Reading) -> None:
    """Raise PermissionDenied for a reader whose order was withdrawn, unless as a manager of the campaign."""
    withdrawn = reading.reader_id == user.pk and reading.assignment.status == AssignmentStatus.WITHDRAWN
    if withdrawn and not is_manager(user, reading.campaign):
        raise PermissionDenied("Your assignment of this cine was withdrawn.", code="assignment_withdrawn")


def require_reopener(user: User, reading: Reading) -> None:
    """Raise PermissionDenied unless the user may reopen the reading: its reader, or a manager of the campaign."""
    if not can_write(user, reading) and not is_manager(user, reading.campaign):
        raise PermissionDenied(
            "Only the reader of a reading or a manager of its campaign can reopen it.",
            code="not_your_reading",
        )
