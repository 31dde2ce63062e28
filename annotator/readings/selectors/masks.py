"""The masks that count: for each (label, frame), the newest one whose event is not undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from annotator.campaigns.models import Label
from annotator.readings.models import EventKind, Mask, Provenance, Reading, ReadingEvent

from .log import accepted_frames, events_of, undone_event_ids

Pair = tuple[str, int]
"""A label's code and a 0-based frame index."""

OWN_PROVENANCES = (Provenance.HUMAN, Provenance.MODEL)
"""Masks that a reader asked for on that very frame: propagation never overwrites them."""


@dataclass(frozen=True)
class CurrentMask:
    """The mask that counts on one frame for one label.

    `blob` is the digest of its RLE bytes, or None where every mask of the pair has been undone (then `area` is 0
    and `event_seq` 0). `frame_index` is 0-based, `area` in pixels; `window` holds the grey values that the model saw
    as black and white, None for what no model made.
    """

    label: str
    label_index: int
    frame_index: int
    provenance: str
    accepted: bool
    area: int
    score: float | None
    event_seq: int
    checkpoint: str
    blob: str | None
    window: list[float] | None = None


@dataclass(frozen=True)
class AcceptedMask:
    """A mask of a submitted reading, as a dataset takes it; `area` 0 is a reader's "nothing here"."""

    label: str
    label_index: int
    frame_index: int
    blob: str
    area: int
    provenance: str
    accepted: bool


def is_accepted(mask: CurrentMask) -> bool:
    """Tell whether a person answers for a mask: drew it by hand, or accepted its frame.

    What a model drew and nobody accepted is never learnt from: a model would learn its own mistakes as truth.
    """
    return mask.accepted or mask.provenance == Provenance.HUMAN


def masks_of(reading: Reading) -> QuerySet[Mask]:
    """Return every mask of a reading whose label is one of its campaign's.

    A label that has left the campaign's schema hides its masks: nobody could draw, accept or learn from them under a
    name and colour that no longer exist. They come back with it.
    """
    return Mask.objects.filter(segmentation__reading=reading, segmentation__label__schema_id=reading.campaign.schema_id)


def standing_masks(reading: Reading, *, as_of: int | None = None) -> QuerySet[Mask]:
    """Return one Mask row per (label, frame): the newest whose event is not undone."""
    undone = undone_event_ids(reading, as_of=as_of)
    masks = masks_of(reading).exclude(event_id__in=undone)
    if as_of is not None:
        masks = masks.filter(event__seq__lte=as_of)
    rank = Window(
        RowNumber(),
        partition_by=[F("segmentation_id"), F("frame_index")],
        order_by=[F("event__seq").desc(), F("ordinal").desc()],
    )
    return masks.annotate(rank=rank).filter(rank=1)


def current_masks(
    reading: Reading,
    since: int | None = None,
    *,
    as_of: int | None = None,
    pairs: Iterable[Pair] | None = None,
    frames: range | None = None,
) -> list[CurrentMask]:
    """Return the current masks of a reading, ordered by label index and frame.

    Parameters
    ----------
    reading : Reading
    since : int, optional
        Only (label, frame) pairs that changed after this revision; a pair that has no mask any more then
        appears with area 0 and no blob.
    as_of : int, optional
        Fold the log only up to this seq.
    pairs : iterable of (label code, frame index), optional
        Only these pairs; a pair without a mask appears with area 0 and no blob.
    frames : range, optional
        Only these 0-based frames.
    """
    wanted: set[Pair] | None = None if pairs is None else set(pairs)
    if since is not None:
        changed = changed_pairs(reading, since)
        wanted = changed if wanted is None else wanted & changed
    if wanted is not None and not wanted:
        return []
    accepted = accepted_frames(reading, as_of=as_of)
    rows = standing_masks(reading, as_of=as_of)
    if frames is not None:
        rows = rows.filter(frame_index__gte=frames.start, frame_index__lt=frames.stop)
    if wanted is not None:
        rows = rows.filter(frame_index__in={frame for _, frame in wanted}) if len(wanted) <= 500 else rows
    found = [mask for mask in described(rows, accepted) if wanted is None or (mask.label, mask.frame_index) in wanted]
    if wanted is not None:
        missing = wanted - {(mask.label, mask.frame_index) for mask in found}
        found += _cleared(reading, missing, accepted)
    return sorted(found, key=lambda mask: (mask.label_index, mask.frame_index))


def described(rows: QuerySet[Mask], accepted: set[int]) -> list[CurrentMask]:
    """Return what is told of masks, in no order; `accepted` are the 0-based frames that stand accepted."""
    fields = (
        "segmentation__label__code",
        "segmentation__label__index",
        "frame_index",
        "provenance",
        "area",
        "score",
        "event__seq",
        "checkpoint",
        "blob",
        "window",
    )
    return [
        CurrentMask(
            label=code,
            label_index=index,
            frame_index=frame,
            provenance=provenance,
            accepted=frame in accepted,
            area=area,
            score=score,
            event_seq=seq,
            checkpoint=checkpoint,
            blob=blob,
            window=window,
        )
        for code, index, frame, provenance, area, score, seq, checkpoint, blob, window in rows.values_list(*fields)
    ]


def _cleared(reading: Reading, pairs: set[Pair], accepted: set[int]) -> list[CurrentMask]:
    indices = dict(Label.objects.filter(schema_id=reading.campaign.schema_id).values_list("code", "index"))
    return [
        CurrentMask(
            label=code,
            label_index=indices[code],
            frame_index=frame,
            provenance=Provenance.HUMAN,
            accepted=frame in accepted,
            area=0,
            score=None,
            event_seq=0,
            checkpoint="",
            blob=None,
        )
        for code, frame in pairs
    ]


def _pairs(masks: QuerySet[Mask]) -> set[Pair]:
    return set(masks.values_list("segmentation__label__code", "frame_index"))


def touched_pairs(reading: Reading, event: ReadingEvent) -> set[Pair]:
    """Return the (label, frame) pairs whose current mask or acceptance an event may have changed."""
    if event.target is not None:
        event = event.target
    masks = masks_of(reading)
    if event.kind == EventKind.ACCEPT:
        return _pairs(masks.filter(frame_index__in=event.payload["frame_indices"]))
    return _pairs(masks.filter(event=event))


def changed_pairs(reading: Reading, since: int) -> set[Pair]:
    """Return the (label, frame) pairs that may have changed after a revision.

    Notes
    -----
    A mask may arrive long after its event, so the question is not which events are newer but which masks were
    recorded when the reading already stood at that revision (`Mask.base_revision`), plus what newer undo, redo
    and accept events touch. A pair may be named that has not changed; none that has is left out.
    """
    masks = masks_of(reading)
    changed = _pairs(masks.filter(base_revision__gte=since))
    events = events_of(reading).filter(seq__gt=since).select_related("target")
    for event in events.filter(Q(target__isnull=False) | Q(kind=EventKind.ACCEPT)):
        changed |= touched_pairs(reading, event)
    return changed


def conditioning_frames(reading: Reading, label: Label, *, as_of: int | None = None) -> list[tuple[int, str]]:
    """Return (0-based frame, blob) of the masks that guide a propagation of a label, in frame order.

    These are the non-empty current masks that a person drew or prompted on that frame, or accepted.
    """
    return [
        (mask.frame_index, mask.blob)
        for mask in current_masks(reading, as_of=as_of)
        if mask.label == label.code
        and mask.blob is not None
        and mask.area > 0
        and (mask.provenance in OWN_PROVENANCES or mask.accepted)
    ]


def locked_frames(reading: Reading, *, as_of: int | None = None) -> dict[str, set[int]]:
    """Return, for each label of the schema, the 0-based frames that no propagation may overwrite.

    A frame is locked for a label when its current mask was drawn or prompted there (an emptied one too), and
    for every label when the frame is accepted.
    """
    accepted = accepted_frames(reading, as_of=as_of)
    locked: dict[str, set[int]] = defaultdict(lambda: set(accepted))
    for code in Label.objects.filter(schema_id=reading.campaign.schema_id).values_list("code", flat=True):
        locked[code] = set(accepted)
    for mask in current_masks(reading, as_of=as_of):
        if mask.provenance in OWN_PROVENANCES:
            locked[mask.label].add(mask.frame_index)
    return dict(locked)


def accepted_masks(reading: Reading) -> list[AcceptedMask]:
    """Return the current masks of a submitted reading as a dataset takes them: see `is_accepted`.

    An empty mask is among them where a person drew or accepted it: it says "nothing here".
    """
    return [
        AcceptedMask(
            label=mask.label,
            label_index=mask.label_index,
            frame_index=mask.frame_index,
            blob=mask.blob,
            area=mask.area,
            provenance=mask.provenance,
            accepted=mask.accepted,
        )
        for mask in current_masks(reading)
        if mask.blob is not None and is_accepted(mask)
    ]
