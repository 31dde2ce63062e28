"""Freezing: what enters a version, what is refused, and that nothing half-done remains."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotator.core import blobs
from annotator.core.errors import IllegalTransition, InvalidInput, Unprocessable
from annotator.datasets.models import DatasetItem, DatasetVersion, PatientSplit, VersionStatus
from annotator.datasets.selectors import mask_lineage, new_accepted_cines
from annotator.datasets.services import freeze, freeze_dataset_version, place_patients
from annotator.datasets.services.manifest import decode_manifest
from annotator.readings.models import Mask
from annotator.readings.services import reopen_reading
from tests.factories.datasets import (
    accept,
    accept_new,
    accepted_campaign,
    make_campaign,
    make_cine,
    manager_of,
    reader_of,
)
from workers.protocol.rle import decode_mask

pytestmark = pytest.mark.django_db


def manifest_of(version: DatasetVersion) -> list[dict[str, Any]]:
    """Return the stored manifest of a version."""
    return decode_manifest(blobs.get_bytes(version.manifest_digest))


def test_a_version_holds_what_was_accepted() -> None:
    """Manifest, items and counts agree with the readings, and the masks can be read back."""
    campaign = accepted_campaign(patients=3)
    version = freeze_dataset_version(campaign=campaign, actor=manager_of(campaign), reason="first")
    assert version.status == VersionStatus.FROZEN
    assert (version.number, version.parent, version.reason) == (1, None, "first")
    lines = manifest_of(version)
    assert len(lines) == version.items.count() == 3
    assert version.counts["masks"] == sum(len(line["masks"]) for line in lines) == 6
    assert version.counts["patients"] == 3
    for line in lines:
        item = DatasetItem.objects.get(version=version, reading=line["reading"])
        assert (line["cine"], line["split"], line["patient_key"]) == (str(item.cine_id), item.split, item.patient_key)
        assert blobs.open_array(line["frames_blob"]).shape == (line["frame_count"], line["rows"], line["cols"])
        assert line["labels"][0] == {"code": "vessel", "name": "Vessel", "index": 1}
        assert line["schema"] == "Vessels@1"
        assert line["reader_blind_code"].startswith("R-")
        for mask in line["masks"]:
            assert decode_mask(blobs.get_bytes(mask["mask"])).shape == (line["rows"], line["cols"])
            assert (mask["provenance"], mask["accepted"]) == ("HUMAN", True)


def test_no_identity_of_a_reader_enters_the_manifest() -> None:
    """Readers are named by their blind codes."""
    campaign = accepted_campaign(patients=2)
    version = freeze_dataset_version(campaign=campaign, actor=None)
    assert b"study-reader" not in blobs.get_bytes(version.manifest_digest)


def test_freezing_unchanged_work_names_the_version_that_holds_it() -> None:
    """Equal content is not a new version."""
    campaign = accepted_campaign(patients=2)
    version = freeze_dataset_version(campaign=campaign, actor=None)
    with pytest.raises(IllegalTransition) as refusal:
        freeze_dataset_version(campaign=campaign, actor=None)
    assert refusal.value.code == "nothing_new"
    assert refusal.value.details == {"version": str(version.pk), "number": 1}
    assert DatasetVersion.objects.count() == 1


def test_the_next_version_knows_its_parent_and_moves_nobody() -> None:
    """New patients are placed, old ones stay, numbers go on."""
    campaign = accepted_campaign(patients=4)
    first = freeze_dataset_version(campaign=campaign, actor=None)
    places = dict(PatientSplit.objects.values_list("patient_key", "split"))
    for index in range(5, 12):
        accept_new(campaign, patient=f"P-{index}", seed=100 + index)
    second = freeze_dataset_version(campaign=campaign, actor=None)
    assert (second.number, second.parent) == (2, first)
    now = dict(PatientSplit.objects.values_list("patient_key", "split"))
    assert places.items() <= now.items()
    assert len(now) == 11
    splits = {item.patient_key: item.split for item in second.items.all()}
    assert splits == now


def test_all_cines_of_a_patient_stand_on_one_side() -> None:
    """The split is of patients."""
    campaign = accepted_campaign(patients=3)
    for seed in range(4):
        accept_new(campaign, patient="P-2", seed=200 + seed)
    version = freeze_dataset_version(campaign=campaign, actor=None)
    assert version.items.filter(patient_key="P-2").count() == 5
    assert version.items.filter(patient_key="P-2").values("split").distinct().count() == 1
    assert version.counts["cines"] == 7
    assert version.counts["patients"] == 3


def test_without_accepted_work_there_is_nothing_to_freeze() -> None:
    """An empty campaign is refused and no patient is placed."""
    campaign = make_campaign()
    make_cine(campaign)
    with pytest.raises(Unprocessable) as refusal:
        freeze_dataset_version(campaign=campaign, actor=None)
    assert refusal.value.code == "nothing_accepted"
    assert not DatasetVersion.objects.exists()
    assert not PatientSplit.objects.exists()


def test_a_missing_blob_fails_the_version() -> None:
    """What could not be read again is not frozen; the failure is kept with a sentence and the next try is free."""
    campaign = accepted_campaign(patients=2)
    mask = Mask.objects.order_by("pk").first()
    assert mask is not None
    path = blobs.local_path(mask.blob)
    data = path.read_bytes()
    path.unlink()
    with pytest.raises(Unprocessable) as refusal:
        freeze_dataset_version(campaign=campaign, actor=None)
    assert refusal.value.code == "blob_missing"
    failed = DatasetVersion.objects.get()
    assert failed.status == VersionStatus.FAILED
    assert failed.error_message
    assert blobs.put_bytes(data) == mask.blob
    version = freeze_dataset_version(campaign=campaign, actor=None)
    assert (version.status, version.number, version.parent) == (VersionStatus.FROZEN, 2, None)


def test_an_unexpected_error_leaves_no_version_building(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens while storing, the version ends as FAILED."""
    campaign = accepted_campaign(patients=2)

    def full_disk(data: bytes) -> str:
        raise OSError("no space left")

    monkeypatch.setattr(freeze.blobs, "put_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        freeze_dataset_version(campaign=campaign, actor=None)
    failed = DatasetVersion.objects.get()
    assert failed.status == VersionStatus.FAILED
    assert "no space" not in failed.error_message


def test_two_freezes_at_once_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a version is being built, a second freeze is told so; one left by a crash is cleared away."""
    campaign = accepted_campaign(patients=2)
    begun, _, _ = freeze._begin(campaign=campaign, actor=None, reason="")
    with pytest.raises(IllegalTransition) as refusal:
        freeze_dataset_version(campaign=campaign, actor=None)
    assert refusal.value.code == "version_building"
    past = timezone.now() - freeze.BUILDING_AT_MOST - timedelta(seconds=1)
    DatasetVersion.objects.filter(pk=begun.pk).update(created_at=past)
    version = freeze_dataset_version(campaign=campaign, actor=None)
    begun.refresh_from_db()
    assert begun.status == VersionStatus.FAILED
    assert (version.status, version.number) == (VersionStatus.FROZEN, 2)


def test_a_reopened_reading_leaves_the_next_version() -> None:
    """Only what is accepted now is frozen."""
    campaign = accepted_campaign(patients=3)
    freeze_dataset_version(campaign=campaign, actor=None)
    reading = DatasetItem.objects.order_by("pk")[0].reading
    reopen_reading(reading=reading, actor=reader_of(campaign))
    version = freeze_dataset_version(campaign=campaign, actor=None)
    assert version.items.count() == 2
    assert not version.items.filter(reading=reading).exists()


def test_newly_accepted_cines_are_counted() -> None:
    """The policy counts cines accepted since the newest version."""
    campaign = accepted_campaign(patients=2)
    assert new_accepted_cines(campaign) == 2
    freeze_dataset_version(campaign=campaign, actor=None)
    assert new_accepted_cines(campaign) == 0
    accept_new(campaign, patient="P-9", seed=900)
    assert new_accepted_cines(campaign) == 1


def test_campaigns_place_their_patients_by_themselves() -> None:
    """The same patient may stand on another side in another campaign."""
    one, other = accepted_campaign(patients=2, slug="one"), make_campaign("other")
    freeze_dataset_version(campaign=one, actor=None)
    accept(other, make_cine(other, patient="P-1", seed=5))
    version = freeze_dataset_version(campaign=other, actor=None)
    assert version.number == 1
    assert PatientSplit.objects.filter(campaign=other).count() == 1


def test_given_places_are_kept_and_never_moved() -> None:
    """A published partition can be given; a contradiction changes nothing."""
    campaign = accepted_campaign(patients=3)
    wanted = {"P-1": "test", "P-2": "train", "P-3": "test"}
    assert place_patients(campaign=campaign, patient_keys=wanted, wanted=wanted) == wanted
    version = freeze_dataset_version(campaign=campaign, actor=None)
    assert {item.patient_key: item.split for item in version.items.all()} == wanted
    with pytest.raises(IllegalTransition) as refusal:
        place_patients(campaign=campaign, patient_keys=[], wanted={"P-1": "train", "P-7": "val"})
    assert refusal.value.code == "patient_already_placed"
    assert not PatientSplit.objects.filter(patient_key="P-7").exists()
    with pytest.raises(InvalidInput):
        place_patients(campaign=campaign, patient_keys=[], wanted={"P-8": "holdout"})


def test_each_mask_leads_back_to_its_event() -> None:
    """Mask -> event -> reading."""
    campaign = accepted_campaign(patients=2)
    version = freeze_dataset_version(campaign=campaign, actor=None)
    item = version.items.select_related("version").order_by("pk")[0]
    lineage = mask_lineage(item, manifest_of(version))
    assert len(lineage) == item.masks == 2
    for row in lineage:
        mask = Mask.objects.get(event=row.event, frame_index=row.frame_index)
        assert mask.segmentation.reading_id == item.reading_id
        assert (mask.blob, mask.event.seq, row.event_kind) == (row.mask, row.event_seq, "edit")
