"""Submit a reading, and open it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from annotator.campaigns.models import AssignmentStatus
from annotator.core import audit
from annotator.core.errors import Unprocessable
from annotator.core.transitions import transition
from annotator.readings.models import Reading, ReadingStatus
from annotator.readings.permissions import require_reopener, require_writer
from annotator.readings.selectors import current_masks, is_accepted

from .events import require_editable, require_revision
from .followers import followers
from .hints import send_access_hint, send_revision_hint, send_status_hint
from .locking import lock_reading
from .writers import require_pen

if TYPE_CHECKING:
    from annotator.accounts.models import User


def submit_reading(*, reading: Reading, actor: User, base_revision: int, writer: str = "", device: str = "") -> Reading:
    """Submit a reading: what runs is cancelled, and nothing changes until it is reopened.

    Raises
    ------
    PermissionDenied
        When the actor is not its reader.
    IllegalTransition
        When it is not editable, or another tab writes (`not_the_writer`).
    StaleRevision
        When another tab has written since.
    Unprocessable
        `nothing_to_submit` when no mask has a pixel, `nothing_accepted` when no mask was drawn by hand or stands
        on an accepted frame.
    """
    with transaction.atomic():
        locked = lock_reading(reading.pk)
        require_writer(actor, locked)
        require_editable(locked)
        require_pen(locked, token=writer, device=device)
        require_revision(locked, base_revision)
        masks = current_masks(locked)
        if not any(mask.area for mask in masks):
            raise Unprocessable("There is nothing to submit yet: no frame has a mask.", code="nothing_to_submit")
        if not any(is_accepted(mask) for mask in masks):
            message = "Accept at least one frame before you submit: what nobody accepted is not learnt from."
            raise Unprocessable(message, code="nothing_accepted")
        for follower in followers():
            follower.reading_submitted(locked)
        locked.submitted_at = timezone.now()
        locked.save(update_fields=["submitted_at", "updated_at"])
        transition(locked, ReadingStatus.SUBMITTED, actor=actor)
        if locked.assignment.status == AssignmentStatus.ACCEPTED:
            transition(locked.assignment, AssignmentStatus.DONE, actor=actor)
        audit.record(
            actor=actor,
            action="reading.submit",
            target=locked,
            data={"revision": locked.revision, "masks": len(masks)},
        )
        send_revision_hint(locked)
        send_access_hint(locked)
        send_status_hint(locked)
        return locked


def reopen_reading(*, reading: Reading, actor: User, reason: str = "") -> Reading:
    """Let a submitted reading be changed again.

    Raises
    ------
    PermissionDenied
        When the actor is neither its reader nor a manager of the campaign.
    IllegalTransition
        When it is not submitted, or locked.
    """
    with transaction.atomic():
        locked = lock_reading(reading.pk)
        require_reopener(actor, locked)
        transition(locked, ReadingStatus.REOPENED, actor=actor, reason=reason)
        if locked.assignment.status == AssignmentStatus.DONE:
            transition(locked.assignment, AssignmentStatus.ACCEPTED, actor=actor, reason=reason)
        send_revision_hint(locked)
        send_access_hint(locked)
        send_status_hint(locked)
        return locked
