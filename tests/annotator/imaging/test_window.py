"""Which grey values of a cine become black and white."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from annotator.imaging.services.decode import Decoded, decode_cine
from annotator.imaging.services.inspect import inspect_file
from tests.factories.imaging import dicom_dataset, encoded

RESCALE = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}


def decoded_of(dataset: Dataset, folder: Path) -> Decoded:
    """Return what an import makes of a file."""
    path = folder / "cine.dcm"
    path.write_bytes(encoded(dataset))
    return decode_cine([inspect_file(path, path.name, max_bytes=10**9)], folder)


def window_of(dataset: Dataset, folder: Path) -> tuple[float, float]:
    """Return the window that an import gives a file."""
    decoded = decoded_of(dataset, folder)
    return decoded.low, decoded.high


def a_heart(bits: int = 12, frames: int = 6) -> NDArray[Any]:
    """Return frames (frame, row, column) of values from 100 to 600 in an empty surround of 0."""
    made = np.zeros((frames, 64, 64), np.uint8 if bits <= 8 else np.uint16)
    made[:, 16:48, 16:48] = np.random.default_rng(2).integers(100, 256 if bits <= 8 else 600, (frames, 32, 32))
    return made


def a_chest() -> NDArray[Any]:
    """Return stored CT values (frame, row, column): Hounsfield units from -1000 to 1000, plus 1024."""
    return np.random.default_rng(3).integers(24, 2024, (4, 32, 32)).astype(np.uint16)


def in_groups(dataset: Dataset, group: str, sequence: str, **elements: Any) -> Dataset:
    """Return the dataset with elements in its functional groups, as enhanced MR and CT have them."""
    inner, outer = Dataset(), Dataset()
    for name, value in elements.items():
        setattr(inner, name, value)
    setattr(outer, sequence, [inner])
    groups = getattr(dataset, group, None)
    if groups:
        setattr(groups[0], sequence, [inner])
    else:
        setattr(dataset, group, [outer])
    return dataset


@pytest.mark.parametrize("modality", ["XA", "CT", "MR"])
def test_the_window_of_the_file_wins(modality: str, tmp_path: Path) -> None:
    """Whatever the habit of its modality is (PS3.3 C.11.2.1.2.1)."""
    dataset = dicom_dataset(a_chest(), bits=12, Modality=modality, WindowCenter="100", WindowWidth="401", **RESCALE)
    assert window_of(dataset, tmp_path) == (100 - 0.5 - 200 + 1024, 100 - 0.5 + 200 + 1024)


@pytest.mark.parametrize("group", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_the_window_of_an_enhanced_file_stands_in_its_groups(group: str, tmp_path: Path) -> None:
    """Enhanced MR and CT keep it, and their rescale, away from the top."""
    dataset = dicom_dataset(a_chest(), bits=12, Modality="CT")
    in_groups(dataset, group, "FrameVOILUTSequence", WindowCenter="0", WindowWidth="1001")
    in_groups(dataset, group, "PixelValueTransformationSequence", **RESCALE, RescaleType="HU")
    assert window_of(dataset, tmp_path) == (1024 - 500.5, 1024 + 499.5)


def test_ct_without_a_window_gets_the_mediastinum(tmp_path: Path) -> None:
    """Level 50, width 350, through the slope and intercept of the file."""
    assert window_of(dicom_dataset(a_chest(), bits=12, Modality="CT", **RESCALE), tmp_path) == (899.0, 1249.0)
    steep = dicom_dataset(a_chest(), bits=12, Modality="CT", RescaleSlope="0.5", RescaleIntercept="-1024")
    assert window_of(steep, tmp_path) == (1798.0, 2498.0)


def test_ct_with_signed_pixels_gets_the_mediastinum(tmp_path: Path) -> None:
    """The pixels are kept lifted by 2048, and so is the window."""
    signed = (a_chest().astype(np.int16) - 1024).view(np.uint16)
    dataset = dicom_dataset(
        signed, bits=12, Modality="CT", PixelRepresentation=1, RescaleSlope="1", RescaleIntercept="0"
    )
    assert window_of(dataset, tmp_path) == (2048 - 125, 2048 + 225)


def test_ct_whose_units_nobody_knows_gets_percentiles(tmp_path: Path) -> None:
    """No intercept, other units than Hounsfield's, or values that the mediastinum window does not show."""
    frames = a_chest()
    expected = pytest.approx(np.percentile(frames, (0.5, 99.5)), abs=25)
    assert window_of(dicom_dataset(frames, bits=12, Modality="CT"), tmp_path) == expected
    other = dicom_dataset(frames, bits=12, Modality="CT", **RESCALE, RescaleType="MGML")
    assert window_of(other, tmp_path) == expected
    shifted = dicom_dataset(frames, bits=12, Modality="CT", RescaleSlope="1", RescaleIntercept="5000")
    assert window_of(shifted, tmp_path) == expected


@pytest.mark.parametrize("bits", [8, 12])
def test_mr_without_a_window_gets_the_percentiles_of_what_is_above_zero(bits: int, tmp_path: Path) -> None:
    """The empty surround does not count, at 8 bits either."""
    frames = a_heart(bits)
    low, high = window_of(dicom_dataset(frames, bits=bits, Modality="MR"), tmp_path)
    wanted = np.percentile(frames[frames > 0], (0.5, 99.5))
    assert (low, high) == pytest.approx(wanted, abs=5)
    assert low >= 100


def test_inverted_and_signed_mr_give_the_same_tissue(tmp_path: Path) -> None:
    """Zero is the value in the file, wherever it lies in the stored pixels."""
    frames = a_heart()
    low, high = window_of(dicom_dataset(frames, bits=12, Modality="MR"), tmp_path)
    inverted = dicom_dataset(frames, bits=12, Modality="MR", PhotometricInterpretation="MONOCHROME1")
    assert window_of(inverted, tmp_path) == pytest.approx((4095 - high, 4095 - low))
    signed = dicom_dataset(frames, bits=12, Modality="MR", PixelRepresentation=1)
    assert window_of(signed, tmp_path) == pytest.approx((low + 2048, high + 2048))


def test_a_window_that_shows_nothing_counts_as_none(tmp_path: Path) -> None:
    """Its modality decides then."""
    frames = a_heart()
    bad = dicom_dataset(frames, bits=12, Modality="MR", WindowCenter="4000", WindowWidth="10")
    assert window_of(bad, tmp_path) == window_of(dicom_dataset(frames, bits=12, Modality="MR"), tmp_path)


def test_frames_of_one_value_have_a_window(tmp_path: Path) -> None:
    """It has a width, so that nothing is divided by 0."""
    for value in (0, 7):
        dataset = dicom_dataset(np.full((3, 8, 8), value, np.uint16), bits=12, Modality="MR")
        assert window_of(dataset, tmp_path) == (value, value + 1)


@pytest.mark.parametrize("modality", ["XA", "US", "CT", "OT"])
def test_eight_bits_stay_as_they_are(modality: str, tmp_path: Path) -> None:
    """Angiograms and ultrasound are shown as they come."""
    assert window_of(dicom_dataset(a_heart(8), Modality=modality), tmp_path) == (0.0, 255.0)


def test_ct_offers_its_presets_whatever_its_own_window_is(tmp_path: Path) -> None:
    """In stored values, through slope, intercept and sign; level and width as MedSAM2 was trained with."""
    own = dicom_dataset(a_chest(), bits=12, Modality="CT", WindowCenter="100", WindowWidth="401", **RESCALE)
    assert decoded_of(own, tmp_path).windows == {
        "brain": (1024.0, 1104.0),
        "abdomen": (864.0, 1264.0),
        "lung": (-326.0, 1174.0),
        "mediastinum": (899.0, 1249.0),
        "bone": (524.0, 2324.0),
    }
    signed = (a_chest().astype(np.int16) - 1024).view(np.uint16)
    rescale = {"RescaleSlope": "0.5", "RescaleIntercept": "0"}
    lifted = dicom_dataset(signed, bits=12, Modality="CT", PixelRepresentation=1, **rescale)
    assert decoded_of(lifted, tmp_path).windows["brain"] == (2048.0, 2208.0)


def test_mr_offers_its_percentiles_whatever_its_own_window_is(tmp_path: Path) -> None:
    """Those that it gets where the file has no window."""
    plain = dicom_dataset(a_heart(), bits=12, Modality="MR")
    own = dicom_dataset(a_heart(), bits=12, Modality="MR", WindowCenter="300", WindowWidth="500")
    assert decoded_of(own, tmp_path).windows == {"percentile": window_of(plain, tmp_path)}


@pytest.mark.parametrize(
    ("modality", "elements"), [("CT", {}), ("CT", {"RescaleType": "MGML", **RESCALE}), ("XA", RESCALE)]
)
def test_where_nobody_knows_the_units_there_is_nothing_to_choose(
    modality: str, elements: dict[str, str], tmp_path: Path
) -> None:
    """No Hounsfield units, no presets in them."""
    assert decoded_of(dicom_dataset(a_chest(), bits=12, Modality=modality, **elements), tmp_path).windows == {}
