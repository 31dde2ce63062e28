"""Take over masks that somebody has already drawn, as a submitted reading."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core.errors import IllegalTransition, InvalidInput
from annotator.imaging.models import Cine
from annotator.readings.models import EventKind, Reading
from workers.protocol.rle import encode_mask

from .events import append_event
from .opening import open_reading
from .states import submit_reading

IMPORT_TOOL = "import"


def import_accepted_reading(
    *, campaign: Campaign, cine: Cine, reader: User, masks: Mapping[tuple[str, int], NDArray[np.bool_]]
) -> Reading:
    """Make a submitted reading of given masks, through the same events as a reader's own work.

    Parameters
    ----------
    campaign, cine, reader
        The reader has to be a member of the campaign, and the cine part of it.
    masks : mapping of (label code, 0-based frame index) to bool array of shape (rows, columns)
        Each becomes a human edit; an empty one says "nothing here". The masked frames are accepted.

    Returns
    -------
    Reading
        Submitted. Nothing is left behind when any mask is refused.

    Raises
    ------
    InvalidInput
        As `append_event`; also `malformed_mask` for an array that is not two-dimensional.
    IllegalTransition
        `reading_has_work` when the reader has already worked on this cine.
    Unprocessable
        `nothing_to_submit` when no mask has a pixel.
    """
    with transaction.atomic():
        reading = open_reading(reader=reader, cine=cine, campaign=campaign)
        if reading.revision:
            raise IllegalTransition(
                "The reader has already worked on this cine; an import would overwrite it.",
                code="reading_has_work",
            )
        for (label, frame_index), mask in sorted(masks.items()):
            if mask.ndim != 2 or mask.size == 0:
                raise InvalidInput("A mask is an array of (rows, columns).", code="malformed_mask")
            payload = {
                "frame_index": frame_index,
                "label": label,
                "mask": base64.b64encode(encode_mask(mask.astype(bool))).decode(),
                "tool": IMPORT_TOOL,
            }
            _append(reading, reader, EventKind.EDIT, payload)
        if masks:
            frames = sorted({frame_index for _, frame_index in masks})
            _append(reading, reader, EventKind.ACCEPT, {"frame_indices": frames, "accepted": True})
        return submit_reading(reading=reading, actor=reader, base_revision=reading.revision)


def _append(reading: Reading, reader: User, kind: EventKind, payload: dict[str, object]) -> None:
    append_event(
        reading=reading,
        actor=reader,
        client_uuid=uuid.uuid4(),
        base_revision=reading.revision,
        kind=kind,
        payload=payload,
    )
