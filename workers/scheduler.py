"""Which job runs next on the one thread that computes: prompts before propagations, both before encoding ahead."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

logger = logging.getLogger(__name__)

PROMPT, PROPAGATION, AHEAD = range(3)
MOST_WAITING = 64


class Job(Protocol):
    """Work in steps: a frame is one step, so that a prompt never waits longer than for one frame.

    `job_id` is empty for work that nobody can cancel; of two jobs with one id only the newer epoch counts.
    """

    @property
    def job_id(self) -> str: ...

    @property
    def epoch(self) -> int: ...

    @property
    def priority(self) -> int: ...

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Do the work, yielding after each step; an error that it lets through ends this job, and no other."""


@dataclass
class _Entry:
    job: Job
    cancelled: threading.Event = field(default_factory=threading.Event)
    running: Iterator[None] | None = None


class Scheduler:
    """A thread that computes, and the queues it takes its jobs from.

    Parameters
    ----------
    most_waiting : int
        Jobs of one priority that may wait; more are refused, so that nobody waits for what will not come.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._queues: tuple[deque[_Entry], ...] = (deque(), deque(), deque())
        self._condition = threading.Condition()
        self._is_stopping = False
        self._current: _Entry | None = None
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to compute."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step under way and wait for it."""
        with self._condition:
            self._is_stopping = True
            for queue in self._queues:
                for entry in queue:
                    entry.cancelled.set()
            if self._current is not None:
                self._current.cancelled.set()
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    @property
    def is_busy(self) -> bool:
        """Whether something a reader waits for is under way."""
        with self._condition:
            current = self._current is not None and self._current.job.priority < AHEAD
            return current or any(self._queues[:AHEAD])

    def submit(self, job: Job) -> int:
        """Take a job; a job of the same id and an older epoch is dropped, of a newer one stays instead.

        Returns
        -------
        int
            0, or, where the job was refused, how many jobs are ahead of it.
        """
        with self._condition:
            for entry in self._entries():
                if job.job_id and entry.job.job_id == job.job_id and not entry.cancelled.is_set():
                    if entry.job.epoch >= job.epoch:
                        return 0
                    entry.cancelled.set()
            if len(self._queues[job.priority]) >= self._most_waiting:
                return sum(len(queue) for queue in self._queues[: job.priority + 1])
            self._queues[job.priority].append(_Entry(job))
            self._condition.notify_all()
            return 0

    def cancel(self, job_id: str) -> None:
        """Stop a job before its next frame; unknown ids are no error, the job may have ended."""
        with self._condition:
            for entry in self._entries():
                if job_id and entry.job.job_id == job_id:
                    entry.cancelled.set()

    def _entries(self) -> Iterator[_Entry]:
        if self._current is not None:
            yield self._current
        for queue in self._queues:
            yield from queue

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._is_stopping and not any(self._queues):
                    self._condition.wait()
                if self._is_stopping:
                    return
                entry = next(queue for queue in self._queues if queue).popleft()
                self._current = entry
            has_more = self._step(entry)
            with self._condition:
                self._current = None
                if has_more:
                    # Readers who propagate at the same time take turns, frame by frame.
                    self._queues[entry.job.priority].append(entry)

    def _step(self, entry: _Entry) -> bool:
        """Do one step of a job; return whether there are more."""
        try:
            if entry.running is None:
                if entry.cancelled.is_set():
                    return False
                entry.running = entry.job.steps(entry.cancelled.is_set)
            next(entry.running)
        except StopIteration:
            return False
        except Exception:
            # Such as a broker that is away: nobody can be told, and the next job may fare better.
            logger.exception("job %s ended early", entry.job.job_id)
            return False
        return True
