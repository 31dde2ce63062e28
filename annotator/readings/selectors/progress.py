"""How far readings are, looked up for a whole page at once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from annotator.readings.models import EventKind, Mask, Reading, ReadingEvent

from .log import undone_event_ids


@dataclass(frozen=True)
class Progress:
    """Frames of the cine, frames with a mask that is not empty, frames accepted."""

    frames: int
    masked: int
    accepted: int


def progress_of(readings: Iterable[Reading]) -> dict[uuid.UUID, Progress]:
    """Return the progress of each reading by its id, in three queries whatever their number."""
    rows = list(readings)
    ids = [reading.pk for reading in rows]
    undone = _undone_of(ids)
    masked = _masked_frames(ids, undone)
    accepted = _accepted_frames(ids, undone)
    return {
        reading.pk: Progress(reading.cine.frame_count, masked[reading.pk], len(accepted.get(reading.pk, ())))
        for reading in rows
    }


def summarise_events(reading: Reading) -> dict[str, Any]:
    """Return how many events of each kind a reading has, and how many of them stand undone."""
    counts = ReadingEvent.objects.filter(reading=reading).order_by().values_list("kind").annotate(Count("pk"))
    by_kind = dict(counts)
    return {
        "total": sum(by_kind.values()),
        "undone": len(undone_event_ids(reading)),
        "by_kind": {kind: by_kind.get(kind, 0) for kind in EventKind.values},
    }


def _undone_of(ids: list[uuid.UUID]) -> set[uuid.UUID]:
    reversals = ReadingEvent.objects.filter(reading__in=ids, target__isnull=False).order_by("seq")
    last = dict(reversals.values_list("target_id", "kind"))
    return {target for target, kind in last.items() if target is not None and kind == EventKind.UNDO}


def _masked_frames(ids: list[uuid.UUID], undone: set[uuid.UUID]) -> Counter[uuid.UUID]:
    rank = Window(
        RowNumber(),
        partition_by=[F("segmentation_id"), F("frame_index")],
        order_by=[F("event__seq").desc(), F("ordinal").desc()],
    )
    newest = (
        Mask.objects.filter(segmentation__reading__in=ids)
        .exclude(event_id__in=undone)
        .annotate(rank=rank)
        .filter(rank=1)
        .order_by()
    )
    # The area is judged after the ranking: as a filter it would join the inner query, where an emptied mask would
    # no longer hide the one below it.
    rows = newest.values_list("segmentation__reading_id", "frame_index", "area")
    frames = {(reading_id, frame_index) for reading_id, frame_index, area in rows if area}
    return Counter(reading_id for reading_id, _ in frames)


def _accepted_frames(ids: list[uuid.UUID], undone: set[uuid.UUID]) -> dict[uuid.UUID, set[int]]:
    events = ReadingEvent.objects.filter(reading__in=ids, kind=EventKind.ACCEPT).exclude(pk__in=undone)
    accepted: dict[uuid.UUID, set[int]] = {}
    for reading_id, payload in events.order_by("reading", "seq").values_list("reading_id", "payload"):
        frames = accepted.setdefault(reading_id, set())
        if payload["accepted"]:
            frames.update(payload["frame_indices"])
        else:
            frames.difference_update(payload["frame_indices"])
    return accepted
