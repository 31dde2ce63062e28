"""The seam through which a higher app follows a reading without readings knowing it (ADR 0030).

`inference` stands above `readings`, yet a prompt must make its job, and an undo must cancel it, in the very
transaction that writes the event. So the higher app registers one follower when it starts, and the services of
this app call it, by name, at the places where it matters. Every call happens inside the transaction, with the
Reading locked.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from annotator.readings.models import Reading, ReadingEvent


@dataclass(frozen=True)
class JobError:
    """Why a job waits or has failed."""

    code: str
    message: str


@dataclass(frozen=True)
class JobBrief:
    """What a reader is told of a job; `client_uuid` is that of the event that asked for it."""

    id: uuid.UUID
    client_uuid: uuid.UUID
    kind: str
    run_no: int
    status: str
    done: int
    total: int
    error: JobError | None
    event_seq: int
    early_stop: bool
    created_at: datetime
    reader: str


class ReadingFollower(Protocol):
    """What a higher app can follow."""

    def reading_opened(self, reading: Reading) -> None:
        """A reader has opened the reading, the first time or again."""

    def event_appended(self, event: ReadingEvent) -> JobBrief | None:
        """A prompt or a propagation has been appended; return the job it made."""

    def event_undone(self, event: ReadingEvent) -> None:
        """The event has been undone: nothing that it asked for may come any more."""

    def event_redone(self, event: ReadingEvent) -> JobBrief | None:
        """The event stands again; return its job if there is one."""

    def job_of(self, event: ReadingEvent) -> JobBrief | None:
        """Return the job of the event if there is one (a resent event gives its answer again)."""

    def reading_submitted(self, reading: Reading) -> None:
        """The reading is about to be submitted: nothing may change any more."""


_followers: list[ReadingFollower] = []


def register_follower(follower: ReadingFollower) -> None:
    """Add a follower; called once by each following app when Django starts."""
    if not any(type(known) is type(follower) for known in _followers):
        _followers.append(follower)


def followers() -> Sequence[ReadingFollower]:
    """Return the registered followers in the order of their registration."""
    return tuple(_followers)
