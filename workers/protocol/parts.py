"""The parts of messages that have parts of their own: points, labels with their masks, lists of frames."""

from __future__ import annotations

from typing import Any

from workers.protocol import checks
from workers.protocol.errors import MessageError

MAX_FRAMES = 1_000_000


def point_of(value: object) -> list[float]:
    """Return a point [x, y, sign] in image pixels, sign 1 = positive and 0 = negative."""
    point = checks.items(value, "points", most=3)
    if len(point) != 3 or point[2] not in (0, 1):
        raise MessageError("A point must be [x, y, 1 or 0].")
    return [checks.number(point[0], "points"), checks.number(point[1], "points"), int(point[2])]


def label_of(value: object) -> dict[str, Any]:
    """Return a label with its conditioning and its standing masks."""
    entry = checks.mapping(value, "labels", fields=("label", "conditioning", "standing"))
    return {
        "label": checks.text(entry["label"], "label", limit=128),
        "conditioning": held_of(entry["conditioning"], "conditioning"),
        "standing": held_of(entry["standing"], "standing"),
    }


def held_of(value: object, name: str) -> list[dict[str, Any]]:
    """Return masks by frame: a list of {frame_index, mask} that names no frame twice."""
    found = []
    for one in checks.items(value, name, most=MAX_FRAMES):
        held = checks.mapping(one, name, fields=("frame_index", "mask"))
        frame_index = checks.integer(held["frame_index"], "frame_index", most=MAX_FRAMES)
        found.append({"frame_index": frame_index, "mask": checks.digest(held["mask"], "mask")})
    if len({held["frame_index"] for held in found}) != len(found):
        raise MessageError(f"The field {name!r} names a frame twice.")
    return found


def frames_of(value: object, name: str) -> list[int]:
    """Return a list of 0-based frames."""
    return [checks.integer(frame, name, most=MAX_FRAMES) for frame in checks.items(value, name, most=MAX_FRAMES)]
