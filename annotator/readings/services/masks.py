"""Keep the pixels of one label on one frame as one event left them."""

from __future__ import annotations

import time

from django.db.models import Max

from annotator.campaigns.models import Label
from annotator.core import blobs
from annotator.readings.models import Mask, Provenance, ReadingEvent, Segmentation
from annotator.readings.models.mask import WIRE_STATUS
from workers.protocol import rle

ACCEPTED_FLAG = 1
RUN_IDS = 1 << 16


def record_mask(
    *,
    event: ReadingEvent,
    label: Label,
    frame_index: int,
    mask: bytes,
    provenance: Provenance,
    base_revision: int,
    score: float | None = None,
    checkpoint: str = "",
    window: list[float] | None = None,
) -> Mask:
    """Store a mask and its row; the caller holds the lock of the Reading.

    Parameters
    ----------
    event : ReadingEvent
        The event that the mask comes of.
    label : Label
    frame_index : int
        0-based.
    mask : bytes
        Canonical RLE bytes of (rows, columns) of the cine, already checked.
    provenance : Provenance
    base_revision : int
        The revision of the reading before which nobody can have seen this mask.
    score : float, optional
        The model's own estimate of its IoU, clipped to 0..1.
    checkpoint : str
        Digest of the model that made it, empty for a human.
    window : [low, high], optional
        Grey values that the model saw as 0 and 255.

    Returns
    -------
    Mask
        The new row, or the one already there where the same event had left the same pixels.
    """
    segmentation, _ = Segmentation.objects.get_or_create(reading_id=event.reading_id, label=label)
    masks = Mask.objects.filter(segmentation=segmentation, frame_index=frame_index)
    blob = blobs.put_bytes(mask)
    last = masks.filter(event=event).order_by("-ordinal").first()
    if last is not None and last.blob == blob:
        return last
    ordinal = (masks.aggregate(last=Max("ordinal"))["last"] or 0) + 1
    return Mask.objects.create(
        segmentation=segmentation,
        frame_index=frame_index,
        event=event,
        blob=blob,
        area=rle.mask_area(mask),
        provenance=provenance,
        score=None if score is None else min(max(score, 0.0), 1.0),
        checkpoint=checkpoint,
        window=window,
        ordinal=ordinal,
        base_revision=base_revision,
    )


def stamp_mask(
    mask: bytes, *, label: Label, frame_index: int, provenance: str, accepted: bool, run_id: int = 0
) -> bytes:
    """Return the binary mask message of a stored mask, with the server's clock in milliseconds."""
    return rle.stamp(
        mask,
        label=label.index,
        frame_index=frame_index,
        status=WIRE_STATUS[provenance],
        run_id=run_id % RUN_IDS,
        server_ms=time.time() * 1000.0,
        flags=ACCEPTED_FLAG if accepted else 0,
    )
