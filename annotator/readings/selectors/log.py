"""The fold of a reading's log: what is undone, which prompts stand, which frames are accepted.

Every function takes `as_of`, a seq: the fold then stops there, so that the answer to a resent event can be given
again as it was.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from annotator.campaigns.models import Label
from annotator.readings.models import EventKind, Mask, Reading, ReadingEvent
from annotator.readings.models.event import RESHAPING

from .lines import box_of_line


@dataclass(frozen=True)
class StandingPrompts:
    """The prompts that stand on one frame for one label.

    Attributes
    ----------
    points : list of [x, y, 1 or 0]
        In image pixels, in the order in which they were given; 1 is positive.
    box : [x0, y0, x1, y1] or None
        The last box given, or the one that the last line means.
    """

    points: list[list[float]]
    box: list[float] | None


def events_of(reading: Reading, *, as_of: int | None = None) -> QuerySet[ReadingEvent]:
    """Return the events of a reading in order, up to a seq."""
    events = ReadingEvent.objects.filter(reading=reading).order_by("seq")
    return events if as_of is None else events.filter(seq__lte=as_of)


def undone_event_ids(reading: Reading, *, as_of: int | None = None) -> set[uuid.UUID]:
    """Return the ids of the events that stand undone: those whose last reversal is an undo."""
    last: dict[uuid.UUID, str] = {}
    reversals = events_of(reading, as_of=as_of).filter(target__isnull=False)
    for target_id, kind in reversals.values_list("target_id", "kind"):
        if target_id is not None:
            last[target_id] = kind
    return {target_id for target_id, kind in last.items() if kind == EventKind.UNDO}


def last_window(reading: Reading) -> str | None:
    """Return the name of the window that the model was last asked to look through; None for the cine's own."""
    asked = events_of(reading).filter(kind__in=(EventKind.PROMPT, EventKind.PROPAGATE)).reverse().first()
    name = None if asked is None else asked.payload.get("window")
    return name if name in reading.cine.windows else None


def accepted_frames(reading: Reading, *, as_of: int | None = None, undone: set[uuid.UUID] | None = None) -> set[int]:
    """Return the 0-based frames whose last standing accept event says so."""
    undone = undone_event_ids(reading, as_of=as_of) if undone is None else undone
    accepted: set[int] = set()
    events = events_of(reading, as_of=as_of).filter(kind=EventKind.ACCEPT).exclude(pk__in=undone)
    for payload in events.values_list("payload", flat=True):
        if payload["accepted"]:
            accepted.update(payload["frame_indices"])
        else:
            accepted.difference_update(payload["frame_indices"])
    return accepted


def prompts_of(
    reading: Reading,
    frame_index: int,
    label: Label,
    *,
    as_of: int | None = None,
    undone: set[uuid.UUID] | None = None,
) -> StandingPrompts:
    """Return the prompts that stand on a frame for a label: those since the last edit, relabelling or text prompt.

    A text asks for a mask by itself, which what follows corrects.
    """
    undone = undone_event_ids(reading, as_of=as_of) if undone is None else undone
    # An edit or a relabelling may be of many labels and frames: which they are, its masks say.
    edited = Mask.objects.filter(
        segmentation__reading=reading, segmentation__label=label, frame_index=frame_index, event__kind__in=RESHAPING
    )
    events = (
        events_of(reading, as_of=as_of)
        .filter(Q(kind=EventKind.PROMPT, frame_index=frame_index, label=label) | Q(pk__in=edited.values("event_id")))
        .exclude(pk__in=undone)
    )
    points: list[list[float]] = []
    box: list[float] | None = None
    for kind, payload in events.values_list("kind", "payload"):
        if kind in RESHAPING or payload.get("text") is not None:
            points, box = [], None
            continue
        points += [[point["x"], point["y"], 1 if point["positive"] else 0] for point in payload["points"]]
        if payload.get("line") is not None:
            box = box_of_line(payload["line"], rows=reading.cine.rows, columns=reading.cine.columns)
        box = payload["box"] or box
    return StandingPrompts(points, box)
