"""A browser tab's end of a socket, over the whole ASGI application."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.conf import settings
from django.test import Client
from rest_framework.authtoken.models import Token

from annotator.accounts.models import User
from annotator.asgi import application

PATIENCE_S = 30
"""How long a message is waited for before the test fails; on a busy machine it may take its time."""
ORIGIN = "http://testserver"


class Socket:
    """One connection: sends texts, receives messages.

    Notes
    -----
    `channels.testing` has a communicator too, but it cannot be imported without daphne, which nothing here needs.
    """

    def __init__(self, path: str, *, session: str = "", origin: str = ORIGIN) -> None:
        place, _, query = path.partition("?")
        headers = [(b"host", b"testserver")]
        if origin:
            headers.append((b"origin", origin.encode()))
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        scope = {
            "type": "websocket",
            "path": place,
            "query_string": query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        self.communicator = ApplicationCommunicator(application, scope)

    async def open(self) -> bool:
        """Shake hands; tell whether the server accepts."""
        await self.communicator.send_input({"type": "websocket.connect"})
        answer = await self.communicator.receive_output(PATIENCE_S)
        assert answer["type"] in ("websocket.accept", "websocket.close")
        return answer["type"] == "websocket.accept"

    async def leave(self) -> list[Any]:
        """Go away, wait until the server has noticed, and return what it had still sent."""
        await self.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.communicator.wait(PATIENCE_S)
        left = []
        while not self.communicator.output_queue.empty():
            left.append(self.communicator.output_queue.get_nowait())
        return left

    async def send(self, message: object) -> None:
        """Send JSON."""
        await self.send_raw(json.dumps(message))

    async def send_raw(self, data: str | bytes) -> None:
        """Send a text or bytes as they are."""
        if isinstance(data, str):
            await self.communicator.send_input({"type": "websocket.receive", "text": data})
        else:
            await self.communicator.send_input({"type": "websocket.receive", "bytes": data})

    async def receive(self) -> Any:
        """Return the next message: JSON or bytes."""
        message = await self.communicator.receive_output(PATIENCE_S)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"]) if "text" in message else message["bytes"]

    async def until(self, kind: str) -> Any:
        """Return the next message of a type, passing over the others."""
        while True:
            message = await self.receive()
            if isinstance(message, dict) and message["type"] == kind:
                return message

    async def present(self, *names: str) -> list[dict[str, Any]]:
        """Wait until exactly these users' tabs are said to be there; return what is said of them."""
        while True:
            readers = (await self.until("presence"))["readers"]
            if sorted(reader["user"] for reader in readers) == sorted(names):
                return readers

    async def closed(self) -> int:
        """Wait for the server to close; return its code."""
        message = await self.communicator.receive_output(PATIENCE_S)
        assert message["type"] == "websocket.close", message
        return message.get("code", 1000)


@contextlib.asynccontextmanager
async def connected(path: str, *, session: str = "", origin: str = ORIGIN) -> AsyncIterator[Socket]:
    """Open a socket that the server accepts, whatever it says then; close it in the end."""
    socket = Socket(path, session=session, origin=origin)
    assert await socket.open()
    try:
        yield socket
    finally:
        await socket.leave()


@database_sync_to_async
def session_of(user: User) -> str:
    """Sign a user in and return the key of the session."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@database_sync_to_async
def token_of(user: User) -> str:
    """Return a token of a user."""
    return Token.objects.get_or_create(user=user)[0].key


@contextlib.asynccontextmanager
async def tab_of(user: User, path: str) -> AsyncIterator[Socket]:
    """Open a socket as a user who has signed in."""
    async with connected(path, session=await session_of(user)) as socket:
        yield socket
