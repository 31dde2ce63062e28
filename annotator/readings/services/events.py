"""Append what a reader did to the log of a reading."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction

from annotator.core.errors import IllegalTransition, InvalidInput, StaleRevision
from annotator.readings.models import EventKind, Provenance, Reading, ReadingEvent
from annotator.readings.models.event import REVERSALS
from annotator.readings.permissions import require_writer
from annotator.readings.selectors import (
    CurrentMask,
    accepted_frames,
    current_masks,
    labels_by_code,
    locked_frames,
    prompts_of,
    touched_pairs,
    undone_event_ids,
)

from .followers import JobBrief, followers
from .hints import send_mask_hint, send_revision_hint
from .locking import lock_reading
from .masks import record_mask, stamp_mask
from .payloads import ParsedEvent, parse_event
from .relabelling import moves_of, record_moves
from .writers import require_pen

if TYPE_CHECKING:
    from annotator.accounts.models import User

MAX_STANDING_POINTS = 256


@dataclass(frozen=True)
class AppendResult:
    """The answer to an appended event; the same again when it is resent.

    Attributes
    ----------
    event : ReadingEvent
    revision : int
        The revision that this event brought the reading to.
    masks : list of CurrentMask
        Where an edit, accept, undo or redo left the (label, frame) pairs that it touched.
    job : JobBrief or None
        The job that the event made or took up again.
    created : bool
        False for a resend.
    """

    event: ReadingEvent
    revision: int
    masks: list[CurrentMask]
    job: JobBrief | None
    created: bool


def append_event(
    *,
    reading: Reading,
    actor: User,
    client_uuid: uuid.UUID,
    base_revision: int,
    kind: str,
    payload: object,
    writer: str = "",
    device: str = "",
) -> AppendResult:
    """Append an event to a reading, once for each client UUID.

    Parameters
    ----------
    reading : Reading
    actor : User
        Has to be the reader of the reading.
    client_uuid : UUID
        Chosen by the client; a resend is recognised by it.
    base_revision : int
        The revision that the client has seen: that of its own last event, or of its last fetch.
    kind, payload
        See docs/architecture.md; nothing about their types is taken for granted.
    writer, device : str
        The token of the tab that writes, and what it runs on. A program without one is refused while a tab writes.

    Raises
    ------
    PermissionDenied
        When the actor may not write to this reading.
    InvalidInput
        When the payload is wrong, with a code for each way in which it can be.
    StaleRevision
        `stale_revision` when another tab has written since, `client_uuid_reused` when the UUID names another event.
    IllegalTransition
        When the reading is not editable, another tab writes (`not_the_writer`), or the target of an undo or redo does
        not stand as it must.
    """
    with transaction.atomic():
        locked = lock_reading(reading.pk)
        require_writer(actor, locked)
        parsed = parse_event(kind=kind, payload=payload, cine=locked.cine, labels=labels_by_code(locked.campaign))
        parsed = _name_target(locked, parsed)
        known = ReadingEvent.objects.filter(reading=locked, client_uuid=client_uuid).first()
        if known is not None:
            return _answer_again(locked, known, parsed)
        require_editable(locked)
        require_pen(locked, token=writer, device=device)
        require_revision(locked, base_revision)
        result = _append(locked, actor, client_uuid, parsed)
        reading.revision = locked.revision
        return result


def require_editable(reading: Reading) -> None:
    """Raise IllegalTransition unless events may be appended to the reading."""
    if not reading.is_editable:
        raise IllegalTransition(
            f"The reading is {reading.get_status_display().lower()} and cannot be changed; reopen it first.",
            code="reading_not_editable",
            details={"status": reading.status},
        )


def require_revision(reading: Reading, base_revision: int) -> None:
    """Raise StaleRevision unless the client has seen the newest revision."""
    if base_revision != reading.revision:
        raise StaleRevision(
            "The reading has changed since you loaded it, perhaps in another tab; load it again.",
            code="stale_revision",
            details={"revision": reading.revision, "base_revision": base_revision},
        )


def _append(reading: Reading, actor: User, client_uuid: uuid.UUID, parsed: ParsedEvent) -> AppendResult:
    target = _check_target(reading, parsed)
    if parsed.kind == EventKind.PROMPT:
        _check_prompt(reading, parsed)
    if parsed.provenance == Provenance.INTERPOLATED:
        _check_unlocked(reading, parsed)
    moves = moves_of(reading, parsed) if parsed.kind == EventKind.RELABEL else []
    event = ReadingEvent.objects.create(
        reading=reading,
        seq=reading.revision + 1,
        client_uuid=client_uuid,
        kind=parsed.kind,
        payload=parsed.payload,
        actor=actor,
        frame_index=parsed.frame_index,
        label=parsed.label,
        target=target,
    )
    reading.revision = event.seq
    reading.save(update_fields=["revision", "updated_at"])
    if parsed.kind == EventKind.EDIT:
        _record_edit(reading, event, parsed)
    if moves:
        record_moves(event, parsed, moves)
    job = _tell_followers(event)
    send_revision_hint(reading)
    return AppendResult(event, event.seq, _masks_left_by(reading, event), job, created=True)


def _record_edit(reading: Reading, event: ReadingEvent, parsed: ParsedEvent) -> None:
    accepted = accepted_frames(reading)
    for edit in parsed.edits:
        stored = record_mask(
            event=event,
            label=edit.label,
            frame_index=edit.frame_index,
            mask=edit.mask,
            provenance=parsed.provenance,
            base_revision=event.seq - 1,
        )
        stamped = stamp_mask(
            edit.mask,
            label=edit.label,
            frame_index=edit.frame_index,
            provenance=stored.provenance,
            accepted=edit.frame_index in accepted,
        )
        send_mask_hint(reading, stamped)


def _check_unlocked(reading: Reading, parsed: ParsedEvent) -> None:
    """Refuse to interpolate over what a reader drew, prompted or accepted."""
    locked = locked_frames(reading)
    for edit in parsed.edits:
        if edit.frame_index in locked[edit.label.code]:
            raise IllegalTransition(
                f"{edit.label.name} on frame {edit.frame_index + 1} is drawn, prompted or accepted; "
                "what lies between key frames never replaces it.",
                code="frame_locked",
                details={"label": edit.label.code, "frame_index": edit.frame_index},
            )


def _name_target(reading: Reading, parsed: ParsedEvent) -> ParsedEvent:
    """Put the id of an event in the place of its client UUID, so that the log has one form for both."""
    if parsed.target_client is None:
        return parsed
    target = ReadingEvent.objects.filter(reading=reading, client_uuid=parsed.target_client).first()
    if target is None:
        raise InvalidInput(
            "The reading has no such event.",
            code="unknown_event",
            details={"target_client": str(parsed.target_client)},
        )
    return replace(parsed, payload={"target": str(target.pk)}, target_id=target.pk, target_client=None)


def _check_target(reading: Reading, parsed: ParsedEvent) -> ReadingEvent | None:
    if parsed.kind not in REVERSALS:
        return None
    if parsed.target_id is None:
        raise AssertionError("a parsed undo or redo names its target")
    target = ReadingEvent.objects.filter(reading=reading, pk=parsed.target_id).first()
    if target is None:
        raise InvalidInput(
            "The reading has no such event.", code="unknown_event", details={"target": str(parsed.target_id)}
        )
    if target.kind in REVERSALS:
        raise InvalidInput(
            f"An {target.kind} cannot be the target; name the event that it was about.",
            code="not_undoable",
            details={"kind": target.kind},
        )
    is_undone = target.pk in undone_event_ids(reading)
    if parsed.kind == EventKind.UNDO and is_undone:
        raise IllegalTransition("That event is already undone.", code="already_undone")
    if parsed.kind == EventKind.REDO and not is_undone:
        raise IllegalTransition("That event is not undone, so it cannot be redone.", code="not_undone")
    return target


def _check_prompt(reading: Reading, parsed: ParsedEvent) -> None:
    """Refuse a prompt that leaves the model nothing to go by, or more than it can take."""
    if parsed.label is None or parsed.frame_index is None:
        raise AssertionError("a parsed prompt names its label and frame")
    standing = prompts_of(reading, parsed.frame_index, parsed.label)
    points = parsed.payload["points"]
    if len(standing.points) + len(points) > MAX_STANDING_POINTS:
        raise InvalidInput(
            f"At most {MAX_STANDING_POINTS} points can stand on one frame; draw the rest with the brush.",
            code="too_many_points",
            details={"standing": len(standing.points), "limit": MAX_STANDING_POINTS},
        )
    asks_for_something = (
        parsed.payload["box"] is not None
        or parsed.payload.get("line") is not None
        or parsed.payload.get("text") is not None
        or standing.box is not None
        or any(point["positive"] for point in points)
        or any(sign for _, _, sign in standing.points)
    )
    if not asks_for_something:
        pair = (parsed.label.code, parsed.frame_index)
        if not any(mask.area for mask in current_masks(reading, pairs=[pair])):
            raise InvalidInput(
                "A negative point takes away from a mask, and there is none yet; begin with a positive point or a box.",
                code="only_negative_points",
            )


def _tell_followers(event: ReadingEvent) -> JobBrief | None:
    jobs: list[JobBrief | None] = []
    for follower in followers():
        if event.kind in (EventKind.PROMPT, EventKind.PROPAGATE):
            jobs.append(follower.event_appended(event))
        elif event.target is not None and event.kind == EventKind.UNDO:
            follower.event_undone(event.target)
        elif event.target is not None:
            jobs.append(follower.event_redone(event.target))
    return next((job for job in jobs if job is not None), None)


def _masks_left_by(reading: Reading, event: ReadingEvent) -> list[CurrentMask]:
    return current_masks(reading, as_of=event.seq, pairs=touched_pairs(reading, event))


def _answer_again(reading: Reading, event: ReadingEvent, parsed: ParsedEvent) -> AppendResult:
    if (event.kind, event.payload) != (parsed.kind, parsed.payload):
        raise StaleRevision(
            "This client UUID already names another event.",
            code="client_uuid_reused",
            details={"event": str(event.pk), "seq": event.seq},
        )
    about = event.target or event
    asked = event.kind != EventKind.UNDO
    jobs = [follower.job_of(about) for follower in followers()] if asked else []
    job = next((job for job in jobs if job is not None), None)
    return AppendResult(event, event.seq, _masks_left_by(reading, event), job, created=False)


__all__ = ["AppendResult", "append_event", "require_editable", "require_revision"]
