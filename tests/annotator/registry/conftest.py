"""What the tests of the registry share."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.core import tasks


@pytest.fixture(autouse=True)
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any], str]]:
    """Collect (name, payload, queue) of each task instead of sending it, without waiting for a commit."""
    sent: list[tuple[str, dict[str, Any], str]] = []

    def collect(name: str, payload: dict[str, Any], *, queue: str = "default") -> None:
        sent.append((name, payload, queue))

    for module in ("runs", "updates", "follower"):
        monkeypatch.setattr(f"annotator.registry.services.{module}.send_on_commit", collect)
    monkeypatch.setattr(tasks, "send", lambda *args, **kwargs: None)
    return sent
