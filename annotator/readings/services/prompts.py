"""What a reader may ask a model with: the parts of a prompt (docs/architecture.md has the shapes)."""

from __future__ import annotations

from typing import Any

from annotator.core.errors import InvalidInput
from annotator.imaging.models import Cine
from annotator.readings.selectors import length_of_line

from .fields import check_inside, number_of, wrong

MAX_POINTS_PER_EVENT = 64
SHORTEST_LINE = 1.0
"""In pixels."""
LONGEST_TEXT = 200
"""In characters, as `workers.protocol.messages.MAX_WORDS`."""


def parse_points(value: object, cine: Cine) -> list[dict[str, Any]]:
    """Return checked points."""
    if not isinstance(value, list):
        raise wrong("points", "The field 'points' is a list.")
    if len(value) > MAX_POINTS_PER_EVENT:
        raise InvalidInput(
            f"One prompt holds at most {MAX_POINTS_PER_EVENT} points.",
            code="too_many_points",
            details={"points": len(value), "limit": MAX_POINTS_PER_EVENT},
        )
    points = []
    for point in value:
        if not isinstance(point, dict) or set(point) != {"x", "y", "positive"}:
            raise wrong("points", "A point has exactly the fields x, y and positive.")
        x, y = number_of(point["x"], "x"), number_of(point["y"], "y")
        if not isinstance(point["positive"], bool):
            raise wrong("positive", "The field 'positive' is true or false.")
        check_inside(x, y, cine, "point")
        points.append({"x": x, "y": y, "positive": point["positive"]})
    return points


def parse_box(value: object, cine: Cine) -> list[float] | None:
    """Return a checked box [x0, y0, x1, y1], or None."""
    if value is None:
        return None
    x0, y0, x1, y1 = _two_places(value, "box", cine, "corner of the box")
    if not (x0 < x1 and y0 < y1):
        raise InvalidInput(
            "A box has an area: x0 < x1 and y0 < y1.", code="empty_box", details={"box": [x0, y0, x1, y1]}
        )
    return [x0, y0, x1, y1]


def parse_line(value: object, cine: Cine) -> list[float] | None:
    """Return a checked line [x0, y0, x1, y1], or None."""
    if value is None:
        return None
    line = _two_places(value, "line", cine, "end of the line")
    if length_of_line(line) < SHORTEST_LINE:
        raise InvalidInput("A line is at least one pixel long.", code="empty_line", details={"line": line})
    return line


def _two_places(value: object, field: str, cine: Cine, what: str) -> list[float]:
    """Return two places inside the image as [x0, y0, x1, y1]."""
    if not isinstance(value, list) or len(value) != 4:
        raise wrong(field, f"A {field} is [x0, y0, x1, y1].")
    x0, y0, x1, y1 = (number_of(end, field) for end in value)
    check_inside(x0, y0, cine, what)
    check_inside(x1, y1, cine, what)
    return [x0, y0, x1, y1]


def parse_text(value: object) -> str | None:
    """Return the words of a text prompt without the space around them, or None."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable():
        raise wrong("text", "The field 'text' is words on one line.")
    text = value.strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise InvalidInput(
            f"A text has 1 to {LONGEST_TEXT} characters.",
            code="text_too_long" if text else "empty_text",
            details={"limit": LONGEST_TEXT},
        )
    return text


def parse_window(value: object, cine: Cine) -> str | None:
    """Return the name of one of the windows of a cine, or None for its own."""
    if value is None:
        return None
    if not isinstance(value, str) or value not in cine.windows:
        known = ", ".join(cine.windows)
        raise InvalidInput(
            f"The cine has no window {str(value)[:64]!r}; it has {known}."
            if known
            else "This cine has no other windows than its own.",
            code="unknown_window",
            details={"windows": list(cine.windows)},
        )
    return value
