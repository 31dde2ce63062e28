"""The good DICOM files of the shared samples, in every codec: imported with the facts that they state."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from annotator.core import blobs
from annotator.imaging.models import Cine, Instance
from annotator.imaging.services.ingest import FileOutcome, SourceFile, ingest_files
from tests.factories.imaging import samples

pytestmark = [pytest.mark.django_db, pytest.mark.shared_data, pytest.mark.usefixtures("data_dir")]

# frames, rows, columns, channels, bits stored, milliseconds between frames
GOOD: dict[str, tuple[int, int, int, int, int, float | None]] = {
    "XA_rubo_RCA_96f.dcm": (96, 512, 512, 1, 8, 33.0),
    "US_A4C_30f_jpegbaseline.dcm": (30, 240, 320, 3, 8, 33.333),
    "US_A4C_120f_jpegbaseline.dcm": (120, 480, 640, 3, 8, 33.333),
    "US_palette_10f_rle.dcm": (10, 430, 600, 3, 8, 76.0),
    "US_palette_10f_jpegls.dcm": (10, 430, 600, 3, 8, 76.0),
    "US_execho_8f_j2k.dcm": (8, 120, 128, 1, 8, 100.0),
    "MR_heart_16f_cine.dcm": (16, 256, 256, 1, 8, 69.47),
    **{
        f"codecs_XA1/XA1_{codec}.dcm": (1, 1024, 1024, 1, 10, None)
        for codec in ("UNC", "J2KI", "J2KR", "JLSL", "JLSN", "JPLL", "JPLY", "RLE")
    },
    "codecs_misc/HTJ2KLossless_08_RGB.dcm": (1, 480, 640, 3, 8, None),
    "codecs_misc/HTJ2K_08_RGB.dcm": (1, 480, 640, 3, 8, None),
}
LOSSLESS = ("J2KR", "JLSL", "JPLL", "RLE")
LOSSY = {"JLSN": 4, "JPLY": 128, "J2KI": 128}
"""Largest difference from the uncompressed picture, of 1024 grey values."""


def import_one(name: str) -> FileOutcome:
    """Import one sample and return what became of it."""
    path = samples() / "dicom" / name
    (outcome,) = ingest_files([SourceFile(path, path.name)])
    return outcome


def pixels(name: str) -> NDArray[Any]:
    """Import one sample and return its array."""
    (cine,) = import_one(name).cines
    return np.asarray(blobs.open_array(cine.pixels_digest))


def test_the_table_names_every_dicom_sample_of_the_manifest() -> None:
    """A new sample must be given its expected facts here."""
    with (samples() / "MANIFEST.csv").open() as file:
        listed = {row["relative path"] for row in csv.DictReader(file)}
    assert {path.removeprefix("dicom/") for path in listed if path.startswith("dicom/")} == GOOD.keys()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_sample_is_imported_with_its_facts(name: str) -> None:
    """Frames, geometry, bits and times; the array is what the row says."""
    frames, rows, columns, channels, bits, step = GOOD[name]
    outcome = import_one(name)
    assert outcome.outcome == "imported", outcome.message
    (cine,) = outcome.cines
    assert (cine.frame_count, cine.rows, cine.columns, cine.channels, cine.bits_stored) == GOOD[name][:5]
    assert cine.bits_allocated == (8 if bits <= 8 else 16)
    array = blobs.open_array(cine.pixels_digest)
    assert array.shape == ((frames, rows, columns) if channels == 1 else (frames, rows, columns, 3))
    assert array.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert cine.window_low < cine.window_high
    if step is None:
        assert (cine.frame_times_ms, cine.frame_time_source) == ([0.0], "single")
    else:
        assert cine.frame_times_ms == pytest.approx([index * step for index in range(frames)], abs=0.01)
        assert cine.frame_time_source == "FrameTime"


@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_lossless_codec_gives_the_uncompressed_picture(codec: str) -> None:
    """Bit for bit."""
    np.testing.assert_array_equal(pixels(f"codecs_XA1/XA1_{codec}.dcm"), pixels("codecs_XA1/XA1_UNC.dcm"))


@pytest.mark.parametrize("codec", sorted(LOSSY))
def test_a_lossy_codec_gives_nearly_the_uncompressed_picture(codec: str) -> None:
    """One of them carries a wrong byte in its scan header, which is repaired."""
    difference = np.abs(pixels(f"codecs_XA1/XA1_{codec}.dcm").astype(int) - pixels("codecs_XA1/XA1_UNC.dcm"))
    assert 0 < difference.max() <= LOSSY[codec]
    assert difference.mean() < 4


def test_two_codecs_of_one_clip_give_the_same_array() -> None:
    """The palette clip exists as RLE and as JPEG-LS."""
    assert np.array_equal(pixels("US_palette_10f_rle.dcm"), pixels("US_palette_10f_jpegls.dcm"))


def test_a_projection_is_told_and_a_heart_rate_of_zero_is_not() -> None:
    """What the viewer shows beside the pixels."""
    (angiogram,) = import_one("XA_rubo_RCA_96f.dcm").cines
    assert angiogram.display == {"photometric": "MONOCHROME2", "primary_angle_deg": -32.0, "secondary_angle_deg": 2.0}
    assert angiogram.title.endswith("#1 RAO 32 CRA 2")
    (echo,) = import_one("US_A4C_30f_jpegbaseline.dcm").cines
    assert pydicom.dcmread(samples() / "dicom" / "US_A4C_30f_jpegbaseline.dcm").HeartRate == 0
    assert echo.display.keys() == {"photometric", "pixel_spacing_mm", "spacing_is_detector"}


def test_importing_everything_again_changes_nothing() -> None:
    """Each file is a duplicate that names the cine it became."""
    names = ["US_execho_8f_j2k.dcm", "codecs_XA1/XA1_RLE.dcm", "MR_heart_16f_cine.dcm"]
    before = {name: import_one(name).cines[0].pk for name in names}
    counts = Cine.objects.count(), Instance.objects.count()
    for name in names:
        outcome = import_one(name)
        assert (outcome.outcome, outcome.code) == ("duplicate", "already_imported")
        assert [cine.pk for cine in outcome.cines] == [before[name]]
    assert (Cine.objects.count(), Instance.objects.count()) == counts
