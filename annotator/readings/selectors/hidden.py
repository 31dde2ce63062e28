"""The masks that lie beneath others or belong to undone events: what an undo or redo would bring to light."""

from __future__ import annotations

from annotator.readings.models import EventKind, Mask, Reading

from .masks import CurrentMask, standing_masks

MAX_HIDDEN = 2000


def hidden_masks(reading: Reading) -> list[CurrentMask]:
    """Return the masks of models and relabellings that do not count now, those of the newest events first.

    Notes
    -----
    Masks of edits are left out, since their events carry them in the log. `accepted` is False throughout:
    it belongs to frames, and to what stands on them.
    """
    standing = set(standing_masks(reading).values_list("pk", flat=True))
    rows = (
        Mask.objects.filter(segmentation__reading=reading)
        .exclude(event__kind=EventKind.EDIT)
        .select_related("segmentation__label", "event")
        .order_by("-event__seq", "frame_index", "segmentation", "-ordinal")
    )
    found: list[CurrentMask] = []
    seen: set[tuple[object, object, int]] = set()
    for mask in rows:
        key = (mask.event_id, mask.segmentation_id, mask.frame_index)
        if key in seen:  # a job sent twice: only the highest ordinal of an event counts
            continue
        seen.add(key)
        if mask.pk in standing:
            continue
        found.append(
            CurrentMask(
                label=mask.segmentation.label.code,
                label_index=mask.segmentation.label.index,
                frame_index=mask.frame_index,
                provenance=mask.provenance,
                accepted=False,
                area=mask.area,
                score=mask.score,
                event_seq=mask.event.seq,
                checkpoint=mask.checkpoint,
                blob=mask.blob,
            )
        )
        if len(found) == MAX_HIDDEN:
            break
    return found
