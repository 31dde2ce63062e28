"""Encoding the next frames of a propagation in threads of their own, while the last one is tracked."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch

from workers.engine.tensors import Features

MOST_ENCODERS = 4
Result = TypeVar("Result")


@dataclass(frozen=True)
class Threads:
    """How many threads compute what on a processor, in all circumstances.

    Numbers may differ in their last bits with the number of threads; so these depend on the machine alone, and a
    replay on another worker of its kind gives the same masks.

    Attributes
    ----------
    encode : int
        Threads of one encoder.
    track : int
        Threads of everything else in a propagation, where more would not pay (`following`).
    cores : int
        Threads of all else, answers to prompts among them.
    encoders : int
        Encoders at work at a time: one more than there is room for, to be at work while the tracker waits.
    """

    encode: int
    track: int
    cores: int
    encoders: int

    @classmethod
    def of(cls, cores: int) -> Threads:
        """Return the threads for a number of processor cores."""
        encode, track = max(1, cores // 4), max(1, cores // 2)
        return cls(encode, track, cores, min(MOST_ENCODERS, (cores - track) // encode + 1))

    def following(self, labels: int, is_small: bool) -> int:
        """Return the threads that follow a number of labels at once with a small model or a large one."""
        return self.track if is_small and labels == 1 else self.cores


@functools.cache
def threads() -> Threads:
    """Return the threads of this process, from those that torch had when it was asked first."""
    return Threads.of(torch.get_num_threads())


@contextlib.contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Compute with a number of threads in the `with` block; other threads of the process keep theirs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_steps_with(count: int, steps: Generator[None, None, Result]) -> Generator[None, None, Result]:
    """Compute each step of a generator with a number of threads; return what it returns."""
    while True:
        with computing_with(count):
            try:
                next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
        yield


Encoders = ThreadPoolExecutor
"""Threads that encode frames ahead, for all sessions of a worker."""


def make_encoders() -> Encoders:
    """Return as many as the machine has room for."""
    return ThreadPoolExecutor(threads().encoders, thread_name_prefix="encoder")


class Ahead:
    """The features of frames that are wanted one after the other.

    Parameters
    ----------
    encode : callable
        Frame index -> features, safe to call from several threads.
    encoders : Encoders, optional
        Without them nothing is encoded ahead.
    """

    def __init__(self, encode: Callable[[int], Features], encoders: Encoders | None) -> None:
        self._encode, self._encoders = encode, encoders
        self._coming: dict[int, Future[Features]] = {}

    def expect(self, frames: Sequence[int]) -> None:
        """Say which frames come next, in their order; what is no longer among them is dropped."""
        if self._encoders is None:
            return
        wanted = frames[: threads().encoders + 1]
        for frame in [frame for frame in self._coming if frame not in wanted]:
            self._coming.pop(frame).cancel()
        for frame in wanted:
            if frame not in self._coming:
                self._coming[frame] = self._encoders.submit(self._encode, frame)

    def get(self, frame_index: int) -> Features:
        """Return the features of a frame, encoded now if they have not been expected."""
        coming = self._coming.pop(frame_index, None)
        return self._encode(frame_index) if coming is None else coming.result()

    def close(self) -> None:
        """Expect nothing any more."""
        for frame in list(self._coming):
            self._coming.pop(frame).cancel()
