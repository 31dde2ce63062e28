"""Send tasks by name after commit, and define the web tier's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from celery import current_app, shared_task
from django.db import close_old_connections, transaction

RESULTS_QUEUE = "results"
DEFAULT_QUEUE = "default"


def send(name: str, payload: dict[str, Any], *, queue: str) -> None:
    """Send a task now; the payload is its only argument and holds ids and digests, never pixels of patients."""
    current_app.send_task(name, args=[payload], queue=queue)


def send_on_commit(name: str, payload: dict[str, Any], *, queue: str = DEFAULT_QUEUE) -> None:
    """Send a task by name once the current transaction has committed, or at once outside of one."""
    transaction.on_commit(lambda: send(name, payload, queue=queue))


def service_task(name: str) -> Callable[[Callable[[dict[str, Any]], None]], Any]:
    """Make a function the web tier's task of this name.

    The function takes one payload and may be delivered twice: it must be idempotent. It is acknowledged when it has
    ended, and its database connections are handed back.
    """

    def decorate(function: Callable[[dict[str, Any]], None]) -> Any:
        @functools.wraps(function)
        def run(payload: dict[str, Any]) -> None:
            try:
                function(payload)
            finally:
                if not transaction.get_connection().in_atomic_block:
                    close_old_connections()

        return shared_task(name=name, acks_late=True, ignore_result=True)(run)

    return decorate
