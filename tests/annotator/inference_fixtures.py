"""What the tests of readings and of inference share: nothing leaves the process, and everything is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from annotator.core import realtime, tasks
from annotator.inference.services import heartbeats, jobs
from tests.factories.inference import FakeWorker, MemoryBroker


@dataclass
class Hints:
    """What was sent to the sockets: (group, message), where a message is JSON or bytes."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the JSON hints of a type, in order."""
        return [message for _, message in self.sent if isinstance(message, dict) and message["type"] == kind]

    def masks(self) -> list[bytes]:
        """Return the binary hints, in order."""
        return [message for _, message in self.sent if isinstance(message, bytes)]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    """Collect tasks at once, without waiting for a commit."""
    memory = MemoryBroker()
    monkeypatch.setattr(tasks, "send", memory.send)
    monkeypatch.setattr(jobs, "send_on_commit", memory.send)
    monkeypatch.setattr(heartbeats, "send_on_commit", memory.send)
    return memory


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> Hints:
    """Collect hints at once, without waiting for a commit."""
    collected = Hints()

    def collect(group: str, *, json: dict[str, Any] | None = None, binary: bytes | None = None) -> None:
        collected.sent.append((group, json if json is not None else binary))

    monkeypatch.setattr(realtime, "broadcast", collect)
    return collected


@pytest.fixture
def worker(db: None, broker: MemoryBroker) -> FakeWorker:
    """Return a worker that has just been heard of."""
    fake = FakeWorker()
    fake.beat()
    broker.take(fake.queue)
    return fake
