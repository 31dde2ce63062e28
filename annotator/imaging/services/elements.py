"""Read single values of files that may hold anything."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset

from annotator.imaging.services.refusal import FileRefused


@contextmanager
def tolerant_reading() -> Iterator[list[warnings.WarningMessage]]:
    """Collect pydicom's warnings, and turn whatever a malformed file makes it raise into a refusal.

    Raises
    ------
    FileRefused
        With code ``nested_too_deeply`` or ``malformed``.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield caught
        except FileRefused:
            raise
        except RecursionError:
            raise FileRefused("nested_too_deeply", "its sequences are nested too deeply") from None
        except (MemoryError, OSError):
            raise
        except Exception as error:
            raise FileRefused("malformed", f"its contents are malformed ({type(error).__name__})") from None


def value_of(dataset: Dataset, name: str) -> Any:
    """Return the value of an element, None where it is absent or malformed."""
    try:
        return dataset.get(name)
    except Exception:
        return None


def number_of(dataset: Dataset, name: str) -> float | None:
    """Return the finite number that an element holds, None where there is none."""
    return finite(value_of(dataset, name))


def finite(value: Any) -> float | None:
    """Return a value as a finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
