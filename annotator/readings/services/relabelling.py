"""Give what one label has on some frames to another, with what is known of where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Max

from annotator.core import blobs
from annotator.core.errors import IllegalTransition
from annotator.readings.models import Mask, Provenance, Reading, ReadingEvent, Segmentation
from annotator.readings.selectors.masks import OWN_PROVENANCES, standing_masks
from workers.protocol.rle import decode_mask, encode_mask

from .payloads import ParsedEvent


@dataclass(frozen=True)
class Move:
    """The mask that is given away on one frame, and the one that it joins there, None where there is none."""

    given: Mask
    joined: Mask | None


def moves_of(reading: Reading, parsed: ParsedEvent) -> list[Move]:
    """Return what a relabelling moves, frame by frame.

    Raises
    ------
    IllegalTransition
        With code `no_mask_to_relabel` where the label that gives has no pixels on one of the frames.
    """
    giver, taker = parsed.labels
    rows = standing_masks(reading).filter(segmentation__label__in=parsed.labels).select_related("segmentation")
    current = {(mask.segmentation.label_id, mask.frame_index): mask for mask in rows if mask.area}
    moves = []
    for frame_index in parsed.frames:
        given = current.get((giver.pk, frame_index))
        if given is None:
            raise IllegalTransition(
                f"{giver.name} has no mask on frame {frame_index + 1} that {taker.name} could be given.",
                code="no_mask_to_relabel",
                details={"label": giver.code, "frame_index": frame_index},
            )
        moves.append(Move(given, current.get((taker.pk, frame_index))))
    return moves


def record_moves(event: ReadingEvent, parsed: ParsedEvent, moves: list[Move]) -> None:
    """Write both masks of every move; the caller holds the lock of the Reading.

    Notes
    -----
    What is left empty keeps the provenance of what was there: that a model's mask was taken away on frames that
    nobody looked at is no reader's "nothing here".
    """
    giver, taker = (
        Segmentation.objects.get_or_create(reading_id=event.reading_id, label=label)[0] for label in parsed.labels
    )
    cine = event.reading.cine
    nothing = blobs.put_bytes(encode_mask(np.zeros((cine.rows, cine.columns), bool)))
    left, taken = _Ordinals(giver), _Ordinals(taker)
    masks = []
    for move in moves:
        frame_index, provenance = move.given.frame_index, move.given.provenance
        common = {"event": event, "frame_index": frame_index, "base_revision": event.seq - 1}
        emptied = {"blob": nothing, "area": 0, "provenance": provenance, "ordinal": left.next(frame_index)}
        masks.append(Mask(segmentation=giver, **common, **emptied))
        masks.append(Mask(segmentation=taker, **common, **_joined(move), ordinal=taken.next(frame_index)))
    Mask.objects.bulk_create(masks, batch_size=500)


class _Ordinals:
    """The next free ordinal of each frame of a segmentation."""

    def __init__(self, segmentation: Segmentation) -> None:
        last = Mask.objects.filter(segmentation=segmentation).order_by().values("frame_index")
        self._last = dict(last.annotate(last=Max("ordinal")).values_list("frame_index", "last"))

    def next(self, frame_index: int) -> int:
        return (self._last.get(frame_index) or 0) + 1


def _joined(move: Move) -> dict[str, object]:
    given, joined = move.given, move.joined
    if joined is None:
        return {
            "blob": given.blob,
            "area": given.area,
            "provenance": given.provenance,
            "score": given.score,
            "checkpoint": given.checkpoint,
            "window": given.window,
        }
    both = decode_mask(blobs.get_bytes(given.blob)) | decode_mask(blobs.get_bytes(joined.blob))
    model = given if given.checkpoint else joined
    return {
        "blob": blobs.put_bytes(encode_mask(both)),
        "area": int(both.sum()),
        "provenance": joint_provenance(Provenance(given.provenance), Provenance(joined.provenance)),
        "checkpoint": model.checkpoint,
        "window": model.window,
    }


def joint_provenance(one: Provenance, other: Provenance) -> Provenance:
    """Return where a mask comes from that was put together of two.

    Notes
    -----
    Of two origins it is not drawn by hand, so nobody answers for it until the frame is accepted; but where a reader
    drew or prompted one part on that very frame, no propagation may overwrite it (MODEL).
    """
    if one == other:
        return one
    return Provenance.MODEL if one in OWN_PROVENANCES or other in OWN_PROVENANCES else Provenance.PROPAGATED


__all__ = ["Move", "joint_provenance", "moves_of", "record_moves"]
