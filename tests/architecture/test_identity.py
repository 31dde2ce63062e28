"""No patient was ever near the files of this repository."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pydicom
import pytest

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests.machine import ROOT

# PS3.15 table E.1-1: what names a person, a place or a day of life.
IDENTIFYING = (
    "PatientName",
    "PatientBirthDate",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "OtherPatientIDs",
    "OtherPatientNames",
    "PatientMotherBirthName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "AccessionNumber",
)
INVENTED = ("", "SYNTHETIC", "DEMO", "TEST", "ANONYMOUS", "CINELOOP")


def identity_of(dataset: pydicom.Dataset) -> dict[str, str]:
    """Return the identifying elements of a data set whose values are not plainly invented."""
    found = {}
    for keyword in IDENTIFYING:
        value = str(dataset.get(keyword, "")).upper()
        if value and not value.startswith(INVENTED[1:]):
            found[keyword] = value
    return found


def tracked_files() -> list[Path]:
    """Return the files that git holds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_dicom_file_of_the_repository_names_a_person() -> None:
    """Whatever DICOM file is committed, under whatever name, is synthetic."""
    for path in tracked_files():
        if not path.is_file():
            continue
        with path.open("rb") as file:
            start = file.read(132)
        if start[128:] == b"DICM":
            assert not identity_of(pydicom.dcmread(path, stop_before_pixels=True)), path


@pytest.mark.parametrize("kind", ["xa", "us"])
def test_the_dicom_files_that_fixtures_makes_name_nobody(kind: str) -> None:
    """The writer puts in an invented patient id and no name, date of birth or place."""
    data = write_cine_dicom(generate_cine(kind, seed=1, frames=2, size=64), patient_id="DEMO-1")
    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    assert not identity_of(dataset)
    assert dataset.PatientID == "DEMO-1"


def test_the_check_sees_a_name() -> None:
    """The test above can fail."""
    dataset = pydicom.Dataset()
    dataset.PatientName = "Doe^Jane"
    assert identity_of(dataset) == {"PatientName": "DOE^JANE"}
