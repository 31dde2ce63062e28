"""What may be laid beside a reading: what the model answered in it, and other readings of the same cine."""

from __future__ import annotations

import dataclasses
import uuid

from django.db.models import Case, F, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from annotator.accounts.models import User
from annotator.campaigns.models import Label
from annotator.core.errors import NotFound
from annotator.readings.models import Provenance, Reading
from annotator.readings.permissions import comparable_q

from .log import accepted_frames, undone_event_ids
from .masks import CurrentMask, current_masks, described, masks_of

ANSWERS = (Provenance.MODEL, Provenance.PROPAGATED)
"""Masks that a model made; interpolation is arithmetic between two masks of the reader's."""


def model_answers(reading: Reading, frames: range) -> list[CurrentMask]:
    """Return the last answer of the model for each label and frame, whatever has been drawn over it since.

    The last one is that of the newest event that stands; where all are undone, of the newest. Ordered by label index
    and frame; `frames` are 0-based.
    """
    undone = undone_event_ids(reading)
    rank = Window(
        RowNumber(),
        partition_by=[F("segmentation_id"), F("frame_index")],
        order_by=[
            Case(When(event_id__in=undone, then=Value(1)), default=Value(0)).asc(),
            F("event__seq").desc(),
            F("ordinal").desc(),
        ],
    )
    rows = (
        masks_of(reading)
        .filter(provenance__in=ANSWERS, frame_index__gte=frames.start, frame_index__lt=frames.stop)
        .annotate(rank=rank)
        .filter(rank=1)
    )
    found = described(rows, accepted_frames(reading, undone=undone))
    return sorted(found, key=lambda mask: (mask.label_index, mask.frame_index))


def others_of(user: User, reading: Reading) -> QuerySet[Reading]:
    """Return the readings of the same cine that a user may lay beside one, in the order of their blind codes."""
    return (
        Reading.objects.filter(comparable_q(user), cine_id=reading.cine_id)
        .exclude(pk=reading.pk)
        .select_related("campaign", "cine", "assignment")
        .order_by("assignment__blind_code", "pk")
    )


def other_of(user: User, reading: Reading, other_id: uuid.UUID) -> Reading:
    """Return one of the readings that a user may lay beside a reading.

    Raises
    ------
    NotFound
        When there is none, it is of another cine, or the user may not know of it: nothing tells these apart.
    """
    other = others_of(user, reading).filter(pk=other_id).first()
    if other is None:
        raise NotFound("There is no such reading.", code="reading_not_found")
    return other


def masks_beside(reading: Reading, other: Reading, frames: range) -> list[CurrentMask]:
    """Return the current masks of another reading in the labels of this one: the same structure has the same code.

    Masks of labels that this reading does not know are left out; `labels_left_out` names them.
    """
    indices = dict(Label.objects.filter(schema_id=reading.campaign.schema_id).values_list("code", "index"))
    found = [
        dataclasses.replace(mask, label_index=indices[mask.label])
        for mask in current_masks(other, frames=frames)
        if mask.label in indices
    ]
    return sorted(found, key=lambda mask: (mask.label_index, mask.frame_index))


def labels_left_out(reading: Reading, other: Reading) -> list[str]:
    """Return the names of the labels of another reading that this one does not know, in the order of their index."""
    if reading.campaign.schema_id == other.campaign.schema_id:
        return []
    known = Label.objects.filter(schema_id=reading.campaign.schema_id).values("code")
    labels = Label.objects.filter(schema_id=other.campaign.schema_id).exclude(code__in=known)
    return list(labels.order_by("index").values_list("name", flat=True))
