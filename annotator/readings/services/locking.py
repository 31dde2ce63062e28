"""Lock the Reading before anything about it is checked."""

from __future__ import annotations

import uuid

from annotator.core.errors import NotFound
from annotator.readings.models import Reading


def lock_reading(reading_id: uuid.UUID) -> Reading:
    """Return the reading, locked until the transaction ends; every writer of a reading locks it first.

    Raises
    ------
    NotFound
        When it does not exist.
    """
    readings = Reading.objects.select_for_update(of=("self",)).select_related(
        "cine", "campaign", "assignment", "reader"
    )
    try:
        return readings.get(pk=reading_id)
    except Reading.DoesNotExist:
        raise NotFound("There is no such reading.", code="reading_not_found") from None
