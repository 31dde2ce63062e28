"""Single values of an event's payload: each check returns the value in its canonical form or refuses it."""

from __future__ import annotations

import math

from annotator.core.errors import InvalidInput
from annotator.imaging.models import Cine


def wrong(field: str, sentence: str) -> InvalidInput:
    """Return the refusal of a field, for the caller to raise."""
    return InvalidInput(sentence, code="invalid_payload", details={"field": field})


def number_of(value: object, field: str) -> float:
    """Return a finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(field, f"The field {field!r} is a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise wrong(field, f"The field {field!r} is a finite number.")
    return number


def check_inside(x: float, y: float, cine: Cine, what: str) -> None:
    """Refuse a place (x, y) in image pixels outside the image."""
    columns, rows = cine.columns, cine.rows
    if not (0 <= x <= columns and 0 <= y <= rows):
        raise InvalidInput(
            f"The {what} ({x:g}, {y:g}) lies outside the image of {columns} x {rows} pixels.",
            code="prompt_outside_image",
            details={"x": x, "y": y, "columns": columns, "rows": rows},
        )
