"""Frame times of a cine, from the best source that a file has."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from annotator.imaging.models import FrameTimeSource
from annotator.imaging.services.elements import finite, number_of, value_of

ASSUMED_FPS = 15.0
FASTEST_MS = 0.5
SLOWEST_MS = 10_000.0


def frame_times_ms(dataset: Dataset, frames: int, notes: list[str]) -> tuple[list[float], str]:
    """Return the time of each frame from the first one, and where it comes from.

    Parameters
    ----------
    dataset : Dataset
        A multi-frame instance.
    frames : int
    notes : list of str
        Sentences for the user are added here.

    Returns
    -------
    times : list of float
        Milliseconds, the first 0, never falling.
    source : str
        One of `FrameTimeSource`.

    Notes
    -----
    Frame Time Vector > Frame Time > Recommended Display Frame Rate > Cine Rate > 15 frames a second, assumed
    (PS3.3 C.7.6.5). A value that is zero, negative or not a number counts as absent and is reported.
    """
    if frames == 1:
        return [0.0], FrameTimeSource.SINGLE
    vector = _vector(value_of(dataset, "FrameTimeVector"))
    if vector is not None:
        # The first entry is the time before the first frame, which has none.
        if len(vector) == frames and all(FASTEST_MS <= gap <= SLOWEST_MS for gap in vector[1:]):
            times = [0.0]
            for gap in vector[1:]:
                times.append(times[-1] + gap)
            return [round(value, 4) for value in times], FrameTimeSource.FRAME_TIME_VECTOR
        notes.append("The Frame Time Vector does not fit the frames and was not used.")
    rate = _rate(dataset, "RecommendedDisplayFrameRate") or _rate(dataset, "CineRate")
    step = number_of(dataset, "FrameTime")
    if step is not None and not FASTEST_MS <= step <= SLOWEST_MS:
        notes.append(f"The Frame Time of {step:g} ms is not possible and was not used.")
        step = None
    if step is not None:
        if rate and not 0.8 <= rate * step / 1000.0 <= 1.25:
            notes.append(
                f"The Frame Time of {step:g} ms contradicts the rate of {rate:g} frames a second; it was used."
            )
        return _even(frames, step), FrameTimeSource.FRAME_TIME
    for name, source in (
        ("RecommendedDisplayFrameRate", FrameTimeSource.RECOMMENDED_RATE),
        ("CineRate", FrameTimeSource.CINE_RATE),
    ):
        value = _rate(dataset, name)
        if value is not None and FASTEST_MS <= 1000.0 / value <= SLOWEST_MS:
            return _even(frames, 1000.0 / value), source
    notes.append(f"The file does not say how fast it was recorded; {ASSUMED_FPS:g} frames a second were assumed.")
    return _even(frames, 1000.0 / ASSUMED_FPS), FrameTimeSource.ASSUMED


def series_order(datasets: list[Dataset]) -> tuple[list[int], list[float], str] | None:
    """Return the order and times of single-frame instances that are the frames of one cine.

    Parameters
    ----------
    datasets : list of Dataset
        At least two, of one series and one view.

    Returns
    -------
    tuple or None
        Indices in the order of time, times in ms from the first, source; None when neither trigger nor acquisition
        times tell the frames apart.
    """
    for name, source in (
        ("TriggerTime", FrameTimeSource.TRIGGER_TIME),
        ("AcquisitionDateTime", FrameTimeSource.ACQUISITION_TIME),
        ("AcquisitionTime", FrameTimeSource.ACQUISITION_TIME),
    ):
        values = [_milliseconds(dataset, name) for dataset in datasets]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and len(set(known)) == len(known):
            order = sorted(range(len(known)), key=known.__getitem__)
            first = known[order[0]]
            return order, [round(known[index] - first, 4) for index in order], source
    return None


def _even(frames: int, step: float) -> list[float]:
    return [round(index * step, 4) for index in range(frames)]


def _rate(dataset: Dataset, name: str) -> float | None:
    """Return a rate of the dataset; zero or less counts as absent."""
    number = number_of(dataset, name)
    return number if number is not None and number > 0 else None


def _vector(value: Any) -> list[float] | None:
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        numbers = [finite(item) for item in value]
    except TypeError:
        return None
    known = [number for number in numbers if number is not None]
    return known if known and len(known) == len(numbers) else None


def _milliseconds(dataset: Dataset, name: str) -> float | None:
    """Return Trigger Time in ms, or a DICOM time of day or date-time as ms."""
    value = value_of(dataset, name)
    if value in (None, ""):
        return None
    if name == "TriggerTime":
        return finite(value)
    text = str(value).split("+")[0].split("-")[0]
    digits = text[8:] if name == "AcquisitionDateTime" else text
    day = int(text[:8]) if name == "AcquisitionDateTime" and text[:8].isdigit() else 0
    try:
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), float(digits[4:] or 0)
    except ValueError:
        return None
    return (((day * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000.0
