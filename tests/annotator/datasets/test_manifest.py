"""The manifest: canonical bytes, whatever the order of the input."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest

from annotator.datasets.services.manifest import count_lines, decode_manifest, encode_manifest


def line(cine: str, reading: str, split: str = "train", patient: str = "P-1", frames: int = 2) -> dict[str, Any]:
    """Return a manifest line with masks of two labels, not in order."""
    masks = [
        {"frame_index": index, "label": label, "mask": "0" * 64, "provenance": "HUMAN", "accepted": True}
        for index in reversed(range(frames))
        for label in ("vessel", "catheter")
    ]
    return {
        "cine": cine,
        "reading": reading,
        "split": split,
        "patient_key": patient,
        "masks": masks,
        "window": [0, 255],
    }


def test_equal_content_gives_equal_bytes() -> None:
    """Order of lines, masks and keys does not reach the bytes."""
    lines = [line("b", "2"), line("a", "9"), line("a", "1")]
    data = encode_manifest(lines)
    shuffled = [dict(reversed(list(entry.items()))) for entry in lines]
    for entry in shuffled:
        random.Random(3).shuffle(entry["masks"])
    assert encode_manifest(reversed(shuffled)) == data
    assert [(entry["cine"], entry["reading"]) for entry in decode_manifest(data)] == [
        ("a", "1"),
        ("a", "9"),
        ("b", "2"),
    ]


def test_the_bytes_are_json_lines_without_spaces() -> None:
    """Each line ends with a line feed and reads back to the same canonical text."""
    data = encode_manifest([line("ä", "1")])
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    text = data.decode().rstrip("\n")
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    assert "ä" in text


def test_the_digest_is_pinned() -> None:
    """A change of the format would silently make every version new: it must be meant."""
    digest = hashlib.sha256(encode_manifest([line("a", "1", frames=1)])).hexdigest()
    expected = (
        b'{"cine":"a","masks":['
        b'{"accepted":true,"frame_index":0,"label":"catheter","mask":"' + b"0" * 64 + b'","provenance":"HUMAN"},'
        b'{"accepted":true,"frame_index":0,"label":"vessel","mask":"' + b"0" * 64 + b'","provenance":"HUMAN"}],'
        b'"patient_key":"P-1","reading":"1","split":"train","window":[0,255]}\n'
    )
    assert digest == hashlib.sha256(expected).hexdigest()


def test_numbers_that_are_not_finite_are_refused() -> None:
    """NaN has no canonical JSON."""
    bad = line("a", "1") | {"window": [0, float("nan")]}
    with pytest.raises(ValueError, match="JSON"):
        encode_manifest([bad])


def test_counts() -> None:
    """Cines and patients are counted once, masks per split and label."""
    lines = [line("a", "1"), line("a", "2"), line("b", "3", split="test", patient="P-2", frames=1)]
    counts = count_lines(lines)
    assert counts["cines"] == 2
    assert counts["readings"] == 3
    assert counts["patients"] == 2
    assert counts["masks"] == 10
    assert counts["splits"]["train"] == {"cines": 1, "patients": 1, "masks": 8}
    assert counts["splits"]["val"] == {"cines": 0, "patients": 0, "masks": 0}
    assert counts["splits"]["test"] == {"cines": 1, "patients": 1, "masks": 2}
    assert counts["labels"] == {"catheter": 5, "vessel": 5}
