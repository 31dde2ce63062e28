"""Freeze what has been accepted into an immutable dataset version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core import audit, blobs
from annotator.core.errors import DomainError, IllegalTransition, Unprocessable
from annotator.core.realtime import broadcast
from annotator.core.transitions import transition
from annotator.datasets.models import DatasetItem, DatasetVersion, VersionStatus
from workers.protocol.digests import bytes_digest

from .collect import collect_lines
from .manifest import Line, count_lines, encode_manifest
from .place import place_patients

BUILDING_AT_MOST = timedelta(minutes=10)


def freeze_dataset_version(*, campaign: Campaign, actor: User | None, reason: str = "") -> DatasetVersion:
    """Collect the accepted masks of a campaign, place its patients, and freeze a version.

    Parameters
    ----------
    campaign : Campaign
        Whose submitted readings are collected.
    actor : User or None
        Who asked; None when the training policy did.
    reason : str
        Why, in the words of whoever asked (at most 200 characters).

    Returns
    -------
    DatasetVersion
        Frozen; its manifest lies in the blob store.

    Raises
    ------
    Unprocessable
        `nothing_accepted`: no submitted reading has an accepted mask. `blob_missing`: a mask or the pixels of a cine
        are not in the blob store; the version is kept as FAILED.
    IllegalTransition
        `nothing_new`: the newest content is already frozen, `details` names the version. `version_building`:
        another version of this campaign is being built at this moment.
    """
    version, manifest, lines = _begin(campaign=campaign, actor=actor, reason=reason[:200])
    try:
        _require_blobs(lines)
        blobs.put_bytes(manifest)
    except Exception as error:
        # Whatever went wrong, the version must not stay BUILDING for ever.
        _fail(version=version, actor=actor, message=str(error) if isinstance(error, DomainError) else "")
        raise
    with transaction.atomic():
        version = transition(version, VersionStatus.FROZEN, actor=actor, reason=reason)
        _announce(version)
    return version


@transaction.atomic
def _begin(*, campaign: Campaign, actor: User | None, reason: str) -> tuple[DatasetVersion, bytes, list[Line]]:
    """Write the version with its items as BUILDING; return it with its manifest."""
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    _clear_abandoned(campaign)
    lines = collect_lines(campaign=campaign)
    if not lines:
        raise Unprocessable(
            "No submitted reading has an accepted mask yet, so there is nothing to freeze.",
            code="nothing_accepted",
        )
    places = place_patients(campaign=campaign, patient_keys={line["patient_key"] for line in lines})
    for line in lines:
        line["split"] = places[line["patient_key"]]
    manifest = encode_manifest(lines)
    versions = DatasetVersion.objects.filter(campaign=campaign)
    parent = versions.filter(status=VersionStatus.FROZEN).order_by("-number").first()
    digest = bytes_digest(manifest)
    same = versions.filter(status=VersionStatus.FROZEN, manifest_digest=digest).first()
    if same is not None:
        raise IllegalTransition(
            f"Nothing has been accepted since version {same.number}, so there is nothing new to freeze.",
            code="nothing_new",
            details={"version": str(same.pk), "number": same.number},
        )
    version = DatasetVersion.objects.create(
        campaign=campaign,
        number=(versions.aggregate(last=Max("number"))["last"] or 0) + 1,
        manifest_digest=digest,
        counts=count_lines(lines),
        parent=parent,
        created_by=actor,
        reason=reason,
    )
    DatasetItem.objects.bulk_create(
        DatasetItem(
            version=version,
            cine_id=line["cine"],
            reading_id=line["reading"],
            patient_key=line["patient_key"],
            split=line["split"],
            masks=len(line["masks"]),
        )
        for line in lines
    )
    audit.record(
        actor=actor,
        action="datasets.version_begun",
        target=version,
        data={"number": version.number, "manifest_digest": digest, "reason": reason},
    )
    return version, manifest, lines


def _clear_abandoned(campaign: Campaign) -> None:
    """Fail versions whose building was cut off; refuse to run beside one that is being built."""
    building = DatasetVersion.objects.filter(campaign=campaign, status=VersionStatus.BUILDING)
    for version in building:
        if version.created_at > timezone.now() - BUILDING_AT_MOST:
            raise IllegalTransition(
                f"Version {version.number} is being built at this moment. Try again when it is frozen.",
                code="version_building",
                details={"version": str(version.pk), "number": version.number},
            )
        _fail(version=version, actor=None, message="The building of this version was interrupted.")


def _fail(*, version: DatasetVersion, actor: User | None, message: str) -> None:
    """Mark a version as FAILED with a sentence."""
    with transaction.atomic():
        version = transition(version, VersionStatus.FAILED, actor=actor, reason=message)
        version.error_message = message or "An unexpected error stopped the building of this version."
        version.save(update_fields=["error_message", "updated_at"])
        _announce(version)


def _require_blobs(lines: list[Line]) -> None:
    """Refuse to freeze what could not be read again."""
    for line in lines:
        digests = {line["frames_blob"], *(mask["mask"] for mask in line["masks"])}
        missing = sorted(digest for digest in digests if not blobs.exists(digest))
        if missing:
            raise Unprocessable(
                f"{len(missing)} blobs of cine {line['cine']} are missing in the blob store.",
                code="blob_missing",
                details={"cine": line["cine"], "digests": missing[:10]},
            )


def _announce(version: DatasetVersion) -> None:
    """Tell the pages of the campaign to look again."""
    message: dict[str, Any] = {
        "type": "dataset",
        "dataset": {"id": str(version.pk), "number": version.number, "status": version.status},
    }
    broadcast(f"campaign.{version.campaign.slug}", json=message)
