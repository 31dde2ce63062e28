"""Collect what has been accepted in a campaign as manifest lines."""

from __future__ import annotations

from annotator.campaigns.models import Campaign
from annotator.readings.selectors import accepted_masks, accepted_readings

from .manifest import Line


def collect_lines(*, campaign: Campaign) -> list[Line]:
    """Return a manifest line, still without its split, for each accepted reading that has accepted masks.

    Parameters
    ----------
    campaign : Campaign
        Whose submitted or locked readings are collected.

    Returns
    -------
    list of dict
        Lines as the architecture describes them. `window` is [low, high] in grey values; `frame_index` counts
        from 0; `mask` is the digest of the RLE bytes, whose rows and columns are those of the cine.
    """
    schema = campaign.schema
    labels = [
        {"code": label.code, "name": label.name, "index": label.index} for label in schema.labels.order_by("index")
    ]
    readings = accepted_readings(campaign).select_related("assignment", "cine__patient")
    lines: list[Line] = []
    for reading in readings:
        masks = [
            {
                "frame_index": mask.frame_index,
                "label": mask.label,
                "mask": mask.blob,
                "provenance": mask.provenance,
                "accepted": mask.accepted,
            }
            for mask in accepted_masks(reading)
        ]
        if not masks:
            continue
        cine = reading.cine
        lines.append(
            {
                "cine": str(cine.pk),
                "modality": cine.modality,
                "rows": cine.rows,
                "cols": cine.columns,
                "frame_count": cine.frame_count,
                "window": [cine.window_low, cine.window_high],
                "patient_key": cine.patient.key,
                "labels": labels,
                "frames_blob": cine.pixels_digest,
                "masks": masks,
                "reading": str(reading.pk),
                "reader_blind_code": reading.assignment.blind_code,
                "assisting_model": reading.checkpoint or None,
                "schema": f"{schema.name}@{schema.version}",
            }
        )
    return lines
