"""Hints to the browsers: they may be lost, so they only say what to look at again."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

_server_loop: asyncio.AbstractEventLoop | None = None


def serve_from(loop: asyncio.AbstractEventLoop | None) -> None:
    """Name the event loop whose consumers listen on an in-memory layer, which knows no other thread."""
    global _server_loop
    _server_loop = loop


def broadcast(group: str, *, json: dict[str, Any] | None = None, binary: bytes | None = None) -> None:
    """Send a JSON message or bytes to every socket of a group once the current transaction has committed.

    Parameters
    ----------
    group : str
        Such as ``reading.<id>``.
    json : dict, optional
    binary : bytes, optional
        Exactly one of the two.

    Notes
    -----
    Consumers receive {"type": "hint", "json": ...} or {"type": "hint", "binary": ...}.
    """
    if (json is None) == (binary is None):
        raise ValueError("broadcast takes either json or binary")
    message: dict[str, Any] = {"type": "hint", **({"json": json} if json is not None else {"binary": binary})}
    transaction.on_commit(lambda: _send(group, message))


def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        if isinstance(layer, InMemoryChannelLayer) and _server_loop is not None and _server_loop.is_running():
            _send_into(_server_loop, layer, group, message)
        else:
            async_to_sync(layer.group_send)(group, message)
    except Exception:
        # A lost hint must never undo the work it speaks of.
        logger.warning("a hint to %s was not sent", group.partition(".")[0], exc_info=True)


def _send_into(
    loop: asyncio.AbstractEventLoop, layer: InMemoryChannelLayer, group: str, message: dict[str, Any]
) -> None:
    asyncio.run_coroutine_threadsafe(layer.group_send(group, message), loop)
