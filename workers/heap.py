"""The heap of a worker's process."""

from __future__ import annotations

import contextlib
import ctypes

M_ARENA_MAX = -8
"""Of ``malloc.h`` of the GNU C library."""


def keep_one_heap() -> None:
    """Let all threads share one heap; does nothing where the C library is not GNU's.

    Notes
    -----
    Encoders, tracker and scheduler hand tensors to each other. With a heap for each thread, what one takes another
    gives back, and holes are left in all of them (docs/performance.md).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
