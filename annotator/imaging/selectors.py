"""Read cines, always from what the user may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.core import blobs
from annotator.core.errors import NotFound
from annotator.imaging.models import Cine, ImportBatch


def visible_to(user: User) -> QuerySet[Cine]:
    """Return the cines of the campaigns that a user takes part in; staff see all."""
    cines = Cine.objects.select_related("patient", "series")
    if user.is_active and user.is_staff:
        return cines
    return cines.filter(campaign_cines__campaign__memberships__user_id=user.pk).distinct()


def visible_cine(user: User, cine_id: UUID) -> Cine:
    """Return one cine.

    Raises
    ------
    NotFound
        With code ``cine_not_found``.
    """
    cine = visible_to(user).filter(pk=cine_id).first()
    if cine is None:
        raise NotFound("There is no such cine.", code="cine_not_found")
    return cine


def visible_batches(user: User) -> QuerySet[ImportBatch]:
    """Return the imports of a user; staff see all."""
    batches = ImportBatch.objects.select_related("campaign")
    if user.is_active and user.is_staff:
        return batches
    return batches.filter(actor_id=user.pk)


def frame_pixels(cine: Cine, frame_number: int) -> NDArray[Any]:
    """Return one frame by its 1-based number, (rows, columns) or (rows, columns, 3), as stored.

    Raises
    ------
    NotFound
        With code ``frame_out_of_range``.
    """
    if not 1 <= frame_number <= cine.frame_count:
        raise NotFound(
            f"The cine has {cine.frame_count} frames; there is no frame {frame_number}.",
            code="frame_out_of_range",
            details={"frame_count": cine.frame_count},
        )
    frame: NDArray[Any] = blobs.open_array(cine.pixels_digest)[frame_number - 1]
    return frame
