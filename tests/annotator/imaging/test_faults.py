"""Every faulty file of the shared samples: refused with its code and its name, or imported with a warning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.imaging.models import Cine, FrameTimeSource
from annotator.imaging.services.ingest import FileOutcome, SourceFile, ingest_files
from tests.factories.imaging import dicom_bytes, on_disk, samples

pytestmark = [pytest.mark.django_db, pytest.mark.shared_data, pytest.mark.usefixtures("data_dir")]

REFUSED = {
    "faults/20-wrong-transfer-syntax.dcm": "wrong_transfer_syntax",
    "faults/DICOMDIR": "not_an_image",
    "faults/JPEG2000-embedded-sequence-delimiter.dcm": "undecodable",
    "faults/MR_truncated.dcm": "truncated",
    "faults/badVR.dcm": "not_an_image",
    "faults/emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "faults/meta_missing_tsyntax.dcm": "wrong_transfer_syntax",
    "faults/nested_priv_SQ.dcm": "missing_geometry",
    "faults/no-pixel-data.dcm": "not_an_image",
    "faults/no_meta.dcm": "not_dicom",
    "faults/no_rows.dcm": "missing_geometry",
    "faults/priv_SQ.dcm": "not_an_image",
    "faults/reportsi.dcm": "not_an_image",
    "faults/rtplan.dcm": "not_an_image",
    "faults/waveform_ecg.dcm": "not_an_image",
    "faults_derived/empty.dcm": "empty_file",
    "faults_derived/frames_too_few.dcm": "frame_count_mismatch",
    "faults_derived/frames_too_many.dcm": "frame_count_mismatch",
    "faults_derived/no_pixeldata.dcm": "no_pixel_data",
    "faults_derived/truncated_60pct.dcm": "truncated",
    "faults_derived/truncated_in_header.dcm": "truncated",
    "faults_derived/wrong_ts_claims_j2k.dcm": "wrong_transfer_syntax",
}
"""What cannot be shown truthfully, and why."""

IMPORTED = {
    "faults/54-implicit-file-meta-info.dcm": ((1, 512, 512, 1), ""),
    "faults/ExplVR_BigEnd.dcm": ((1, 60, 80, 3), "check them"),
    "faults/OT-PAL-8-face_noPart10.dcm": ((1, 480, 640, 3), "no Part 10 header"),
    "faults/image_dfl.dcm": ((1, 512, 512, 1), "check them"),
    "faults_derived/frames_zero.dcm": ((96, 512, 512, 1), "declares 0 frames"),
    "faults_derived/frametime_zero.dcm": ((96, 512, 512, 1), "Frame Time of 0 ms is not possible"),
    "faults_derived/no_timing.dcm": ((96, 512, 512, 1), "15 frames a second were assumed"),
}
"""What is unusual, but good: (frames, rows, columns, channels) and words of the warning."""


def import_sample(path: str) -> FileOutcome:
    """Import one shared file and return what became of it."""
    file = samples() / path
    (outcome,) = ingest_files([SourceFile(file, file.name)])
    return outcome


def test_the_table_names_every_file() -> None:
    """A new sample must be given its expected outcome here."""
    root = samples()
    there = {
        str(path.relative_to(root)) for folder in ("faults", "faults_derived") for path in (root / folder).iterdir()
    }
    assert there == REFUSED.keys() | IMPORTED.keys()


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_a_faulty_file_is_refused_by_name_and_leaves_nothing(path: str, traces: Callable[[], dict[str, int]]) -> None:
    """No row, no blob, no temporary file."""
    outcome = import_sample(path)
    assert (outcome.outcome, outcome.code, outcome.cines) == ("refused", REFUSED[path], [])
    assert outcome.message.startswith(f"{Path(path).name} was not imported: ")
    assert outcome.message.endswith(".")
    assert traces() == {}


@pytest.mark.parametrize("path", sorted(IMPORTED))
def test_an_unusual_file_is_imported_and_says_what_is_unusual(path: str) -> None:
    """The user is told, and the shape is that of the pixels that are there."""
    shape, words = IMPORTED[path]
    outcome = import_sample(path)
    assert (outcome.outcome, outcome.code) == ("imported", ""), outcome.message
    (cine,) = outcome.cines
    assert (cine.frame_count, cine.rows, cine.columns, cine.channels) == shape
    assert words in " ".join(cine.warnings)
    assert words in outcome.message
    assert len(cine.frame_times_ms) == cine.frame_count


@pytest.mark.parametrize("name", ["frametime_zero", "no_timing"])
def test_assumed_times_say_that_they_are_assumed(name: str) -> None:
    """Nobody may take 15 frames a second for a measurement."""
    (cine,) = import_sample(f"faults_derived/{name}.dcm").cines
    assert cine.frame_time_source == FrameTimeSource.ASSUMED
    assert cine.frame_times_ms[1] == pytest.approx(1000 / 15, abs=1e-3)


def test_faulty_files_stop_none_of_their_neighbours(tmp_path: Path) -> None:
    """All of them in one import, good files before, between and after."""
    root = samples()
    bad = [SourceFile(root / path, path) for path in sorted(REFUSED)]
    good = on_disk(tmp_path, {f"good-{number}": dicom_bytes(PatientID=str(number)) for number in range(3)})
    files = [good[0], *bad[:11], good[1], *bad[11:], good[2]]
    reported: list[str] = []
    outcomes = ingest_files(files, report=lambda outcome: reported.append(outcome.name))
    assert {outcome.name: outcome.code for outcome in outcomes} == {
        **REFUSED,
        **dict.fromkeys((f.name for f in good), ""),
    }
    assert sorted(reported) == sorted(file.name for file in files)
    assert Cine.objects.count() == 3
