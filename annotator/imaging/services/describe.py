"""What the viewer shows beside the pixels: angles, spacing, heart rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

from annotator.imaging.models import IntensityRelationship
from annotator.imaging.services.elements import finite, number_of, value_of


def describe_cine(dataset: Dataset) -> dict[str, Any]:
    """Return the facts that the viewer shows, none of them identifying.

    Returns
    -------
    dict
        ``primary_angle_deg`` (negative RAO, positive LAO), ``secondary_angle_deg`` (negative CAU, positive CRA),
        ``pixel_spacing_mm`` [row, column], ``spacing_is_detector`` (Imager Pixel Spacing is at the detector, not in the
        patient), ``heart_rate_bpm``, ``photometric``. Absent facts are left out, and so is a heart rate of 0, which
        machines write when they measured none.
    """
    facts: dict[str, Any] = {"photometric": str(dataset.PhotometricInterpretation)}
    for key, name in (
        ("primary_angle_deg", "PositionerPrimaryAngle"),
        ("secondary_angle_deg", "PositionerSecondaryAngle"),
        ("heart_rate_bpm", "HeartRate"),
    ):
        value = number_of(dataset, name)
        if value is not None and (key != "heart_rate_bpm" or value > 0):
            facts[key] = round(value, 1)
    for name, is_detector in (("PixelSpacing", False), ("ImagerPixelSpacing", True)):
        spacing = value_of(dataset, name)
        if isinstance(spacing, Sequence) and not isinstance(spacing, str) and len(spacing) == 2:
            values = [finite(item) for item in spacing]
            if all(value is not None and value > 0 for value in values):
                facts["pixel_spacing_mm"], facts["spacing_is_detector"] = values, is_detector
                break
    regions = value_of(dataset, "SequenceOfUltrasoundRegions")
    if "pixel_spacing_mm" not in facts and regions:
        delta = [number_of(regions[0], name) for name in ("PhysicalDeltaY", "PhysicalDeltaX")]
        centimetres = value_of(regions[0], "PhysicalUnitsXDirection") == 3
        if centimetres and all(value is not None and value > 0 for value in delta):
            facts["pixel_spacing_mm"] = [value * 10 for value in delta if value is not None]
            facts["spacing_is_detector"] = False
    return facts


def intensity_relationship(dataset: Dataset) -> str:
    """Return what the file says of its grey values, one of `IntensityRelationship`; empty where it says nothing known.

    Notes
    -----
    Pixel Intensity Relationship (0028,1040), PS3.3 C.8.7.1.1.2; of enhanced images in the functional group that all
    frames share (C.8.19.6.4).
    """
    place: Any = dataset
    for name in ("", "SharedFunctionalGroupsSequence", "FramePixelDataPropertiesSequence"):
        if name:
            items = value_of(place, name)
            place = items[0] if isinstance(items, Sequence) and items and not isinstance(items, str) else None
        if not isinstance(place, Dataset):
            return ""
        value = str(value_of(place, "PixelIntensityRelationship") or "").strip().upper()
        if value in IntensityRelationship.values:
            return value
    return ""


def title_of(modality: str, key: str, number: int, facts: dict[str, Any]) -> str:
    """Return a short name of a cine: modality, pseudonym, number, and for angiograms the projection."""
    parts = [modality, key, f"#{number}"]
    primary, secondary = facts.get("primary_angle_deg"), facts.get("secondary_angle_deg")
    if modality == "XA" and primary is not None and secondary is not None:
        parts.append(f"{'RAO' if primary < 0 else 'LAO'} {abs(primary):.0f}")
        parts.append(f"{'CAU' if secondary < 0 else 'CRA'} {abs(secondary):.0f}")
    return " ".join(parts)
