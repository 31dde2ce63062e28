"""Try again what the database refused for the moment: a deadlock, a lost connection."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, close_old_connections

ATTEMPTS = 3
PAUSE_S = 0.2


def retrying(function: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Run a task up to `ATTEMPTS` times when the database is busy; an answer of a worker comes only once."""

    @functools.wraps(function)
    def run(payload: dict[str, Any]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return function(payload)
            except OperationalError:
                if attempt == ATTEMPTS:
                    raise
                close_old_connections()
                time.sleep(PAUSE_S * attempt)
        raise AssertionError("unreachable")

    return run
