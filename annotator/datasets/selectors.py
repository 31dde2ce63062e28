"""What can be asked of dataset versions; lists begin from `visible_to(user)`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.selectors import visible_to as visible_campaigns
from annotator.core import blobs
from annotator.core.errors import NotFound
from annotator.datasets.models import DatasetItem, DatasetVersion, VersionStatus
from annotator.readings.models import Mask
from annotator.readings.selectors import accepted_readings


def visible_to(user: User) -> QuerySet[DatasetVersion]:
    """Return the versions of the campaigns that a user may see."""
    versions = DatasetVersion.objects.select_related("campaign", "parent", "created_by")
    return versions.filter(campaign__in=visible_campaigns(user))


def latest_version(campaign: Campaign) -> DatasetVersion | None:
    """Return the newest frozen version of a campaign, or None."""
    versions = DatasetVersion.objects.filter(campaign=campaign, status=VersionStatus.FROZEN)
    return versions.order_by("-number").first()


def new_accepted_cines(campaign: Campaign) -> int:
    """Count the cines with a reading accepted since the newest frozen version (or ever, without one)."""
    latest = latest_version(campaign)
    frozen: dict[UUID, datetime] = {}
    if latest is not None:
        ids = latest.items.values_list("reading_id", flat=True)
        frozen = dict.fromkeys(ids, latest.created_at)
    readings = accepted_readings(campaign).values_list("pk", "cine_id", "submitted_at")
    return len({cine for pk, cine, at in readings if pk not in frozen or (at is not None and at > frozen[pk])})


def manifest_bytes(version: DatasetVersion) -> bytes:
    """Return the manifest of a frozen version.

    Raises
    ------
    NotFound
        `manifest_not_ready`: the version is not frozen.
    """
    if version.status != VersionStatus.FROZEN:
        raise NotFound(
            f"Version {version.number} is {version.get_status_display().lower()} and has no manifest.",
            code="manifest_not_ready",
        )
    return blobs.get_bytes(version.manifest_digest)


def items_of(version: DatasetVersion) -> QuerySet[DatasetItem]:
    """Return the items of a version with what their rows show."""
    return version.items.select_related("cine", "reading__assignment", "reading__reader").order_by(
        "split", "patient_key", "cine_id", "reading_id"
    )


@dataclass(frozen=True)
class MaskLineage:
    """Where one mask of a dataset comes from.

    `frame_index` counts from 0, `mask` is the digest of its RLE bytes, `checkpoint` the model that drew it (empty
    for a mask drawn by hand).
    """

    label: str
    frame_index: int
    mask: str
    area: int
    provenance: str
    accepted: bool
    event: UUID
    event_seq: int
    event_kind: str
    checkpoint: str


def mask_lineage(item: DatasetItem, lines: Iterable[dict[str, object]]) -> list[MaskLineage]:
    """Return, for each mask of an item, the event of the reading that made it.

    Parameters
    ----------
    item : DatasetItem
    lines : iterable of dict
        The decoded manifest of the item's version.
    """
    line = next((line for line in lines if line["reading"] == str(item.reading_id)), None)
    masks = line["masks"] if line is not None else []
    assert isinstance(masks, list)
    # The same pixels may have been recorded twice; the newest record is the one that stood when it was frozen.
    records = {
        (row.segmentation.label.code, row.frame_index, row.blob): row
        for row in Mask.objects.filter(
            segmentation__reading_id=item.reading_id, created_at__lte=item.version.created_at
        )
        .select_related("segmentation__label", "event")
        .order_by("event__seq", "ordinal")
    }
    return [
        MaskLineage(
            label=mask["label"],
            frame_index=mask["frame_index"],
            mask=mask["mask"],
            area=record.area,
            provenance=mask["provenance"],
            accepted=mask["accepted"],
            event=record.event_id,
            event_seq=record.event.seq,
            event_kind=record.event.kind,
            checkpoint=record.checkpoint,
        )
        for mask in masks
        if (record := records.get((mask["label"], mask["frame_index"], mask["mask"]))) is not None
    ]
