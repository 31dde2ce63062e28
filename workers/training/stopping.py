"""SIGTERM as a flag, so that a training saves its state before it ends."""

from __future__ import annotations

import signal


class StopFlag:
    """Becomes set when SIGTERM arrives."""

    def __init__(self) -> None:
        self.is_set = False

    def __call__(self, *_: object) -> None:
        self.is_set = True


def stop_flag() -> StopFlag:
    """Return the flag of this process, from now on set by SIGTERM."""
    flag = StopFlag()
    signal.signal(signal.SIGTERM, flag)
    return flag
