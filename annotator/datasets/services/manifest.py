"""The manifest: one canonical line of JSON for each accepted reading."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from annotator.datasets.models import Split

Line = dict[str, Any]


def encode_manifest(lines: Iterable[Line]) -> bytes:
    """Return the one byte string that stands for a set of manifest lines.

    Parameters
    ----------
    lines : iterable of dict
        Lines in any order; each has `cine`, `reading` and `masks`.

    Returns
    -------
    bytes
        JSON Lines in UTF-8: keys sorted, no spaces, lines sorted by (cine, reading), the masks of a line by
        (label, frame_index), every line ended by a line feed. Equal content gives equal bytes.

    Raises
    ------
    ValueError
        When a value is not finite.
    """
    ordered = sorted(lines, key=lambda line: (line["cine"], line["reading"]))
    return b"".join(_encode_line(line) for line in ordered)


def decode_manifest(data: bytes) -> list[Line]:
    """Return the lines of an encoded manifest, in its order."""
    return [json.loads(line) for line in data.decode().splitlines()]


def count_lines(lines: Iterable[Line]) -> dict[str, Any]:
    """Return the counts that a version shows: cines, readings, patients and masks, per split and per label."""
    lines = list(lines)
    labels: Counter[str] = Counter()
    by_split: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        labels.update(mask["label"] for mask in line["masks"])
        by_split[line["split"]].append(line)
    return {
        **_totals(lines),
        "readings": len(lines),
        "splits": {split: _totals(by_split[split]) for split in Split.values},
        "labels": dict(sorted(labels.items())),
    }


def _totals(lines: list[Line]) -> dict[str, int]:
    return {
        "cines": len({line["cine"] for line in lines}),
        "patients": len({line["patient_key"] for line in lines}),
        "masks": sum(len(line["masks"]) for line in lines),
    }


def _encode_line(line: Mapping[str, Any]) -> bytes:
    masks = sorted(line["masks"], key=lambda mask: (mask["label"], mask["frame_index"]))
    text = json.dumps(
        {**line, "masks": masks}, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"
