"""Which grey values of a cine become black and white: the file's own window, else the habit of its modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from annotator.imaging.services.elements import finite, number_of, value_of

PERCENTILES = (0.5, 99.5)
LEAST_INSIDE = 0.05
"""A window that holds less of the pixels than this shows nothing, and counts as none."""
CT_WINDOWS: Mapping[str, tuple[int, int]] = {
    "brain": (40, 80),
    "abdomen": (40, 400),
    "lung": (-600, 1500),
    "mediastinum": (50, 350),
    "bone": (400, 1800),
}
"""Level and width in Hounsfield units, as MedSAM2 was trained with."""
CT_DEFAULT = "mediastinum"


def choose_window(dataset: Dataset, modality: str, sample: NDArray[Any], *, is_colour: bool) -> tuple[float, float]:
    """Return the grey values that become 0 and 255.

    Parameters
    ----------
    dataset : Dataset
        Of the first file.
    modality : str
        One of `Cine.modality`.
    sample : ndarray of uint8 or uint16, shape (n, rows, columns)
        Pixels as they are stored with the cine, of frames spread over it.
    is_colour : bool

    Returns
    -------
    low, high : float
        In stored grey values, low < high.

    Notes
    -----
    The first window of the file wins. Without a usable one, CT gets the mediastinum window where the file says what
    its values are in Hounsfield units, MR the 0.5 to 99.5 percentile of its pixels above 0, as MedSAM2 prepares both;
    8-bit pixels of other modalities stay as they are, and all else gets the percentiles of all pixels.
    """
    if is_colour:
        return 0.0, 255.0
    own = _own_window(dataset)
    if own is not None and _shows(own, sample):
        return own
    if modality == "CT":
        usual = _hounsfield_window(dataset, *CT_WINDOWS[CT_DEFAULT])
        if usual is not None and _shows(usual, sample):
            return usual
    if modality == "MR":
        return _percentiles(_above_zero(dataset, sample))
    if sample.dtype == np.uint8 and own is None:
        return 0.0, 255.0
    return _percentiles(sample)


def preset_windows(
    dataset: Dataset, modality: str, sample: NDArray[Any], *, is_colour: bool
) -> dict[str, tuple[float, float]]:
    """Return the windows, by name, that a reader may choose for a model instead of the one of the cine.

    Parameters
    ----------
    dataset, modality, sample, is_colour
        See `choose_window`.

    Returns
    -------
    dict of str to (low, high)
        In stored grey values, low < high: for CT those of `CT_WINDOWS` where the file says what its values are in
        Hounsfield units, for MR ``percentile``; none for anything else.
    """
    if is_colour:
        return {}
    if modality == "MR":
        return {"percentile": _percentiles(_above_zero(dataset, sample))}
    if modality != "CT":
        return {}
    found = {name: _hounsfield_window(dataset, *values) for name, values in CT_WINDOWS.items()}
    return {name: window for name, window in found.items() if window is not None}


def signed_offset(dataset: Dataset) -> int:
    """Return what is added to the values of signed pixels so that none is negative."""
    if int(dataset.get("PixelRepresentation", 0)) != 1:
        return 0
    return 1 << (_bits(dataset) - 1)


def _bits(dataset: Dataset) -> int:
    return int(dataset.get("BitsStored", dataset.BitsAllocated))


def _is_inverted(dataset: Dataset) -> bool:
    return str(dataset.PhotometricInterpretation) == "MONOCHROME1"


def _shows(window: tuple[float, float], sample: NDArray[Any]) -> bool:
    low, high = window
    return high > low and float(np.mean((sample >= low) & (sample <= high))) > LEAST_INSIDE


def _percentiles(sample: NDArray[Any]) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(sample, PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def _above_zero(dataset: Dataset, sample: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels whose value in the file is above 0, or all where none is."""
    zero = signed_offset(dataset)
    if _is_inverted(dataset):
        top = (1 << _bits(dataset)) - 1
        inside = sample[sample < top - zero]
    else:
        inside = sample[sample > zero]
    return inside if inside.size else sample


def _own_window(dataset: Dataset) -> tuple[float, float] | None:
    """Return the first window of the file in stored grey values (PS3.3 C.11.2.1.2, linear)."""
    for place in _places(dataset, "FrameVOILUTSequence"):
        centre, width = (_first_number(place, name) for name in ("WindowCenter", "WindowWidth"))
        if centre is not None and width is not None and width >= 1:
            half = (width - 1) / 2
            return _stored(dataset, centre - 0.5 - half, centre - 0.5 + half, _rescale(dataset) or (1.0, 0.0))
    return None


def _hounsfield_window(dataset: Dataset, level: float, width: float) -> tuple[float, float] | None:
    """Return a window of Hounsfield units in stored grey values, None where the file does not say what they are."""
    rescale = _rescale(dataset)
    units = {
        str(value_of(place, "RescaleType") or "HU") for place in _places(dataset, "PixelValueTransformationSequence")
    }
    if rescale is None or units != {"HU"}:
        return None
    return _stored(dataset, level - width / 2, level + width / 2, rescale)


def _stored(dataset: Dataset, low: float, high: float, rescale: tuple[float, float]) -> tuple[float, float]:
    """Return which stored grey values stand for two values after the rescale (slope, intercept)."""
    slope, intercept = rescale
    offset = signed_offset(dataset)
    low, high = ((value - intercept) / slope + offset for value in (low, high))
    if _is_inverted(dataset):
        top = (1 << _bits(dataset)) - 1
        low, high = top - high, top - low
    return min(low, high), max(low, high)


def _rescale(dataset: Dataset) -> tuple[float, float] | None:
    """Return slope and intercept from pixel values to the modality's units, None where the file names none."""
    for place in _places(dataset, "PixelValueTransformationSequence"):
        slope, intercept = number_of(place, "RescaleSlope"), number_of(place, "RescaleIntercept")
        if slope is not None or intercept is not None:
            return slope or 1.0, intercept or 0.0
    return None


def _places(dataset: Dataset, sequence: str) -> Iterator[Dataset]:
    """Yield where a value of all frames may stand: the dataset, and the groups of enhanced files (PS3.3 C.7.6.16)."""
    yield dataset
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = value_of(dataset, name)
        items = value_of(groups[0], sequence) if groups else None
        if items:
            yield items[0]


def _first_number(dataset: Dataset, name: str) -> float | None:
    """Return the first value of an element as a finite number, or None."""
    value = value_of(dataset, name)
    if not isinstance(value, int | float | str) and value:
        value = value[0]
    return finite(value)
