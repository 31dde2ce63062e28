"""Checks of the single fields of a message; each returns the value in its one JSON form or raises MessageError."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from workers.protocol.digests import is_digest
from workers.protocol.errors import MessageError

MAX_TEXT = 4_000


def text(value: object, name: str, *, empty: bool = False, limit: int = MAX_TEXT) -> str:
    """Return a text of at most `limit` characters."""
    if not isinstance(value, str) or len(value) > limit or not (value or empty):
        raise MessageError(f"The field {name!r} must be a text of 1 to {limit} characters.")
    return value


def digest(value: object, name: str) -> str:
    """Return a SHA-256 in lower-case hexadecimal."""
    if not isinstance(value, str) or not is_digest(value):
        raise MessageError(f"The field {name!r} must be a SHA-256 in lower-case hexadecimal.")
    return value


def integer(value: object, name: str, *, least: int = 0, most: int = 2**53) -> int:
    """Return a whole number within bounds; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise MessageError(f"The field {name!r} must be a whole number from {least} to {most}.")
    return value


def number(value: object, name: str) -> float:
    """Return a finite number as a float."""
    try:
        # A whole number too large for a float raises OverflowError.
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise MessageError(f"The field {name!r} must be a finite number.")


def boolean(value: object, name: str) -> bool:
    """Return True or False, nothing that only looks like it."""
    if not isinstance(value, bool):
        raise MessageError(f"The field {name!r} must be true or false.")
    return value


def choice(value: object, name: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed texts."""
    if value not in allowed:
        raise MessageError(f"The field {name!r} must be one of {', '.join(allowed)}.")
    return str(value)


def items(value: object, name: str, *, most: int) -> list[Any]:
    """Return a list of at most `most` items."""
    if not isinstance(value, list | tuple) or len(value) > most:
        raise MessageError(f"The field {name!r} must be a list of at most {most} items.")
    return list(value)


def mapping(value: object, name: str, *, fields: Sequence[str] | None = None) -> dict[str, Any]:
    """Return an object with text keys, and, where `fields` are given, with exactly those."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise MessageError(f"The field {name!r} must be an object.")
    if fields is not None and set(value) != set(fields):
        raise MessageError(f"The field {name!r} must have exactly the fields {', '.join(fields)}.")
    return dict(value)
