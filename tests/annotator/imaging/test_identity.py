"""No identity leaves the import: pseudonyms are stable, blobs, rows, titles and answers hold nothing of a person."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from django.core import serializers
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pytest_django import Settings

from annotator.core import blobs
from annotator.imaging.models import Cine, Instance
from annotator.imaging.services import identity
from annotator.imaging.services.ingest import SourceFile, ingest_files
from tests.annotator.imaging.conftest import TABLES
from tests.factories.imaging import IDENTITY, dicom_bytes, dicom_dataset, encoded, on_disk, random_frames, samples

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

SECRETS = [*IDENTITY.values(), "Lovelace", "Babbage"]


def import_one(folder: Path, data: bytes) -> Cine:
    """Import one file and return its cine."""
    (outcome,) = ingest_files(on_disk(folder, {"file": data}))
    (cine,) = outcome.cines
    return cine


def copy_of(cine: Cine) -> bytes:
    """Return the de-identified file of a cine of one instance."""
    return blobs.get_bytes(cine.instances.get().deidentified_blob)


def all_values(dataset: Dataset) -> Iterator[str]:
    """Yield every value of a dataset as text, except pixels, sequences opened."""
    for element in dataset.iterall():
        if element.VR != "SQ" and element.keyword != "PixelData":
            yield str(element.value)


def test_nothing_of_the_identity_is_left_in_the_stored_file(tmp_path: Path) -> None:
    """Neither at the top nor in sequences, private elements or the file's own header."""
    dataset = dicom_dataset(random_frames())
    item = Dataset()
    item.PatientName, item.PatientID, item.StudyDate = IDENTITY["PatientName"], IDENTITY["PatientID"], "20240229"
    dataset.RequestAttributesSequence = Sequence([item])
    block = dataset.private_block(0x0019, "LOVELACE VENDOR", create=True)
    block.add_new(1, "LO", IDENTITY["PatientName"])
    dataset.file_meta.SourceApplicationEntityTitle = "LOVELACE"
    originals = [str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.StudyInstanceUID)]
    copy = copy_of(import_one(tmp_path, encoded(dataset)))
    for secret in [*SECRETS, "LOVELACE", *originals]:
        assert secret.encode() not in copy, secret
    stored = pydicom.dcmread(io.BytesIO(copy))
    assert stored.PatientIdentityRemoved == "YES"
    assert stored.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_the_stored_file_still_is_the_same_picture(tmp_path: Path) -> None:
    """Pixels, geometry and frame time stay; it is a valid Part 10 file of the pseudonym."""
    frames = random_frames()
    cine = import_one(tmp_path, dicom_bytes(frames))
    stored = pydicom.dcmread(io.BytesIO(copy_of(cine)))
    np.testing.assert_array_equal(stored.pixel_array, frames)
    assert (stored.PatientID, str(stored.PatientName)) == (cine.patient.key, cine.patient.key)
    assert float(stored.FrameTime) == 40
    instance = cine.instances.get()
    assert stored.SOPInstanceUID == stored.file_meta.MediaStorageSOPInstanceUID == instance.sop_instance_uid
    assert (stored.SeriesInstanceUID, stored.StudyInstanceUID) == (cine.series.uid, cine.series.study.uid)


def test_nothing_of_the_identity_is_left_in_the_database(tmp_path: Path) -> None:
    """Every row that an import writes, as text."""
    dataset = dicom_dataset(random_frames())
    originals = [str(dataset[name].value) for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")]
    import_one(tmp_path, encoded(dataset))
    rows = "".join(serializers.serialize("json", model._default_manager.all()) for model in TABLES)
    assert rows.count('"pk"') == 6
    for secret in [*SECRETS, *originals]:
        assert secret not in rows, secret


@pytest.mark.shared_data
def test_the_demo_name_of_the_real_angiogram_is_gone() -> None:
    """The sample carries a name, an id, dates and a birth date."""
    path = samples() / "dicom" / "XA_rubo_RCA_96f.dcm"
    original = pydicom.dcmread(path)
    (outcome,) = ingest_files([SourceFile(path, path.name)])
    stored = pydicom.dcmread(io.BytesIO(copy_of(outcome.cines[0])))
    names = ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "SeriesDate", "StudyInstanceUID")
    secrets = {str(original.get(name)) for name in names if original.get(name)}
    assert len(secrets) >= 4
    assert secrets.isdisjoint(all_values(stored))
    assert stored.pixel_array.shape == (96, 512, 512)


def test_one_person_is_one_pseudonym_across_files(tmp_path: Path) -> None:
    """Whatever the spelling of the name; two files of a study stay in that study."""
    study = generate_uid(prefix=None)
    for number, name in enumerate(["Lovelace^Ada", "LOVELACE^ADA^^MRS"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        import_one(folder, dicom_bytes(PatientName=name, StudyInstanceUID=study))
    cines = Cine.objects.select_related("series__study", "patient")
    assert len({cine.patient.key for cine in cines}) == 1
    assert len({cine.series.study.uid for cine in cines}) == 1
    assert len({cine.series.uid for cine in cines}) == 2
    assert [cine.title.split()[2] for cine in cines] == ["#1", "#2"]


def test_different_people_are_different_pseudonyms() -> None:
    """By id, by issuer of the id, without an id by name and birth date, without a name by study."""
    people = [
        {},
        {"PatientID": "MRN-2"},
        {"IssuerOfPatientID": "ELSEWHERE"},
        {"PatientID": None},
        {"PatientID": None, "PatientBirthDate": "19000101"},
        {"PatientID": None, "PatientName": None, "StudyInstanceUID": "1.2.3"},
        {"PatientID": None, "PatientName": None, "StudyInstanceUID": "1.2.4"},
    ]
    keys = [identity.patient_key(dicom_dataset(random_frames(1), **person)) for person in people]
    assert len(set(keys)) == len(people)
    for key in keys:
        assert key.startswith("P-")
        assert len(key) == 10
        assert set(key[2:]) <= set(identity.KEY_ALPHABET)


def test_the_pseudonym_depends_on_the_key_of_the_site(settings: Settings) -> None:
    """Another site cannot recognise the patient; this one always can."""
    dataset = dicom_dataset(random_frames(1))
    here = identity.patient_key(dataset), identity.pseudonymous_uid("1.2.3")
    assert here == (identity.patient_key(dataset), identity.pseudonymous_uid("1.2.3"))
    settings.SECRET_KEY = "the key of another site, just as long as the other"
    assert identity.patient_key(dataset) != here[0]
    assert identity.pseudonymous_uid("1.2.3") != here[1]


def test_the_refusal_of_a_file_says_nothing_of_its_patient(tmp_path: Path) -> None:
    """Messages go to screens and logs."""
    (outcome,) = ingest_files(on_disk(tmp_path, {"bad": dicom_bytes(NumberOfFrames="7")}))
    assert outcome.outcome == "refused"
    assert not [secret for secret in SECRETS if secret in json.dumps(outcome.to_dict())]
    assert not Instance.objects.exists()
