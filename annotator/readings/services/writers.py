"""One tab at a time adds to a reading: claim the pen, take it over, lay it down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from annotator.core.errors import IllegalTransition
from annotator.readings.models import Reading, ReadingWriter
from annotator.readings.permissions import require_writer

from .hints import send_reading_hint
from .locking import lock_reading

if TYPE_CHECKING:
    from annotator.accounts.models import User

WRITER_LIVES = timedelta(seconds=90)
"""How long a silent tab keeps the pen; tabs claim it anew every 20 s, those in the background once a minute."""

SEEN_AGAIN = timedelta(seconds=10)
"""How old `seen_at` may become before a new sign of life is worth a write."""


@dataclass(frozen=True)
class WriterClaim:
    """Who writes now, and whether that is the tab that asked."""

    writer: ReadingWriter
    yours: bool


def claim_writer(*, reading: Reading, actor: User, token: str, device: str, take: bool) -> WriterClaim:
    """Make a tab the writer of a reading if nobody else is, or, with `take`, in any case.

    Parameters
    ----------
    reading : Reading
    actor : User
        Has to be the reader of the reading.
    token : str
        Names the tab.
    device : str
        What the other tabs are told of it.
    take : bool
        Take over from another tab that still lives; it is told so.

    Raises
    ------
    PermissionDenied
        When the actor may not write to this reading.
    """
    with transaction.atomic():
        locked = lock_reading(reading.pk)
        require_writer(actor, locked)
        other = _live_other(locked, token)
        if other is not None and not take:
            return WriterClaim(other, yours=False)
        return WriterClaim(_hold(locked, token, device), yours=True)


def release_writer(*, reading: Reading, actor: User, token: str) -> None:
    """Lay the pen down if this tab has it, so that another one need not wait.

    Raises
    ------
    PermissionDenied
        When the actor may not write to this reading.
    """
    with transaction.atomic():
        locked = lock_reading(reading.pk)
        require_writer(actor, locked)
        if ReadingWriter.objects.filter(reading=locked, token=token).delete()[0]:
            send_reading_hint(locked, {"type": "writer", "writer": None})


def require_pen(reading: Reading, *, token: str, device: str) -> None:
    """Refuse a tab while another one writes; else note that this one does. The caller holds the lock of the Reading.

    Raises
    ------
    IllegalTransition
        `not_the_writer`. What the tab had to say is not lost: it may take over and send it again.
    """
    other = _live_other(reading, token)
    if other is not None:
        raise IllegalTransition(
            f"This reading is being written in another tab ({other.device}); take over to write here.",
            code="not_the_writer",
            details={"writer": writer_json(other)},
        )
    if token:
        _hold(reading, token, device)


def writer_json(writer: ReadingWriter) -> dict[str, Any]:
    """Return what the tabs are told of the writer."""
    return {"token": writer.token, "device": writer.device, "since": writer.taken_at.isoformat()}


def _live_other(reading: Reading, token: str) -> ReadingWriter | None:
    alive = ReadingWriter.objects.filter(reading=reading, seen_at__gte=timezone.now() - WRITER_LIVES)
    return alive.exclude(token=token).first()


def _hold(reading: Reading, token: str, device: str) -> ReadingWriter:
    now = timezone.now()
    writer = ReadingWriter.objects.filter(reading=reading).first() or ReadingWriter(reading=reading)
    is_new = writer.token != token
    if is_new:
        writer.token, writer.device, writer.taken_at = token, device, now
    elif now - writer.seen_at < SEEN_AGAIN:
        return writer
    writer.seen_at = now
    writer.save()
    if is_new:
        send_reading_hint(reading, {"type": "writer", "writer": writer_json(writer)})
    return writer
