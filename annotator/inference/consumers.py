"""Sockets: they carry hints to the browsers and who else is there; the truth is fetched over HTTP."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from annotator.accounts.services import user_group
from annotator.campaigns.selectors import visible_to as visible_campaigns
from annotator.core.devices import device_of
from annotator.core.errors import DomainError, NotFound, PermissionDenied
from annotator.inference.authentication import user_now
from annotator.readings.permissions import can_write, require_listener
from annotator.readings.selectors import visible_reading
from annotator.readings.services.hints import campaign_group, reading_group

CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_NOT_FOUND = 4404
ACCESS_SECONDS = 15
"""How old the last look at who may listen can become before the next message."""


class HintConsumer(AsyncWebsocketConsumer):
    """A socket of one group: sends its hints on, answers pings, refuses everything else with an error message."""

    group = ""
    own_group = ""
    is_refused = False
    checked_at = 0.0

    async def connect(self) -> None:
        """Check who is there and what they may see, join the group, and say hello."""
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated:
            await self._refuse("not_authenticated", "Sign in first.", CLOSE_UNAUTHENTICATED)
            return
        group = await self._authorised(user)
        if group is None:
            return
        self.group, self.own_group = group, user_group(user.pk)
        for joined in (self.group, self.own_group):
            await self.channel_layer.group_add(joined, self.channel_name)
        await self.welcome(user)

    async def _authorised(self, user: Any) -> str | None:
        """Return the group if the user may listen; else say why not, close, and return None."""
        self.checked_at = time.monotonic()
        try:
            return await database_sync_to_async(self.authorise)(user)
        except PermissionDenied as error:
            await self._refuse(error.code, error.message, CLOSE_FORBIDDEN)
        except DomainError as error:
            await self._refuse(error.code, error.message, CLOSE_NOT_FOUND)
        return None

    async def may_go_on(self, *, at_once: bool = False) -> bool:
        """Tell whether this socket may still listen, looking again when the last look is too old.

        What was allowed when the socket was opened may have ended since: the session, the membership, the order.
        """
        if self.is_refused:
            return False
        if not at_once and time.monotonic() - self.checked_at < ACCESS_SECONDS:
            return True
        user = await user_now(self.scope)
        if user is None or not user.is_authenticated:
            await self._refuse("session_ended", "Your session has ended; sign in again.", CLOSE_UNAUTHENTICATED)
            return False
        return await self._authorised(user) is not None

    def authorise(self, user: Any) -> str:
        """Return the group of this address, or raise a DomainError."""
        raise NotImplementedError

    async def welcome(self, user: Any) -> None:
        """Send the first message; the group has been joined, so that nothing falls in between."""
        await self.send_json({"type": "hello"})

    async def disconnect(self, code: int) -> None:
        """Leave the groups."""
        for joined in filter(None, (self.group, self.own_group)):
            await self.channel_layer.group_discard(joined, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Read one message of the client; a socket that was refused answers nothing more."""
        if not self.group or not await self.may_go_on():
            return
        try:
            message = json.loads(text_data or "")
            kind = message["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            await self._complain("invalid_message", "A message is a JSON object with a type.")
            return
        if kind == "ping":
            await self.send_json({"type": "pong"})
        elif not await self.receive_kind(kind):
            await self._complain("unknown_message", "A message is of the type ping or presence.")

    async def receive_kind(self, kind: object) -> bool:
        """Handle another kind of message; return False when it is unknown."""
        return False

    async def hint(self, message: dict[str, Any]) -> None:
        """Send a hint of the group on to the browser, if it may still have it."""
        is_access = message.get("json", {}).get("type") == "access"
        if not await self.may_go_on(at_once=is_access):
            return
        if is_access:
            await self.access_checked()
        elif "binary" in message:
            await self.send(bytes_data=message["binary"])
        else:
            await self.send_json(message["json"])

    async def access_checked(self) -> None:
        """Tell the browser what a new look at its access has found."""

    async def send_json(self, message: dict[str, Any]) -> None:
        """Send a JSON message."""
        await self.send(text_data=json.dumps(message))

    async def _complain(self, code: str, message: str) -> None:
        await self.send_json({"type": "error", "code": code, "message": message})

    async def _refuse(self, code: str, message: str, close_code: int) -> None:
        """Say why, then close: a handshake that is refused outright tells a browser nothing."""
        self.is_refused = True
        await self._complain(code, message)
        await self.close(close_code)


class ReadingConsumer(HintConsumer):
    """`/ws/readings/{id}/`: masks, jobs and revisions as they come, and which tabs are open on the reading.

    Presence is kept by the sockets themselves: each newcomer asks the group who is there, and everyone answers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = uuid.uuid4().hex
        self.me: dict[str, Any] = {}
        self.access: dict[str, Any] = {}
        self.present: dict[str, dict[str, Any]] = {}

    def authorise(self, user: Any) -> str:
        """Return the group of the reading that the user may see."""
        reading = visible_reading(user, self.scope["url_route"]["kwargs"]["reading_id"])
        require_listener(user, reading)
        self.access = {"status": reading.status, "can_write": reading.is_editable and can_write(user, reading)}
        self.me = {
            "connection": self.connection,
            "user": user.username,
            "display_name": user.display_name or user.username,
            "device": device_of(dict(self.scope["headers"]).get(b"user-agent", b"").decode("latin-1")),
        }
        return reading_group(reading.pk)

    async def welcome(self, user: Any) -> None:
        """Send the revision, read after the group has been joined, and ask who is there."""
        reading_id = self.scope["url_route"]["kwargs"]["reading_id"]
        reading = await database_sync_to_async(visible_reading)(user, reading_id)
        await self.send_json({"type": "hello", "revision": reading.revision, "connection": self.connection})
        await self._ask_presence()

    async def access_checked(self) -> None:
        """Tell where the reading stands and whether this user may write now."""
        await self.send_json({"type": "access", **self.access})

    async def disconnect(self, code: int) -> None:
        """Tell the others that this tab has gone."""
        await super().disconnect(code)
        if self.group:
            await self._tell("presence.left", self.me)

    async def receive_kind(self, kind: object) -> bool:
        """Answer a question about presence."""
        if kind != "presence":
            return False
        await self._ask_presence()
        return True

    async def _ask_presence(self) -> None:
        """Forget who was there and ask again, so that a tab that died unheard disappears."""
        self.present = {self.connection: self.me}
        await self._send_presence()
        await self._tell("presence.ask", self.me)

    async def _tell(self, kind: str, who: dict[str, Any]) -> None:
        await self.channel_layer.group_send(self.group, {"type": kind, "who": who})

    async def presence_ask(self, message: dict[str, Any]) -> None:
        """Note the newcomer and answer that this tab is here."""
        if message["who"]["connection"] != self.connection:
            await self._note(message["who"])
            await self._tell("presence.here", self.me)

    async def presence_here(self, message: dict[str, Any]) -> None:
        """Note a tab that has answered."""
        await self._note(message["who"])

    async def presence_left(self, message: dict[str, Any]) -> None:
        """Note that a tab has gone."""
        if self.present.pop(message["who"]["connection"], None) is not None:
            await self._send_presence()

    async def _note(self, who: dict[str, Any]) -> None:
        if self.present.get(who["connection"]) != who:
            self.present[who["connection"]] = who
            await self._send_presence()

    async def _send_presence(self) -> None:
        readers = [{**who, "you": connection == self.connection} for connection, who in sorted(self.present.items())]
        await self.send_json({"type": "presence", "readers": readers})


class CampaignConsumer(HintConsumer):
    """`/ws/campaigns/{slug}/`: what to look at again after an import, a training, a promotion, a freeze."""

    def authorise(self, user: Any) -> str:
        """Return the group of the campaign that the user may see."""
        slug = self.scope["url_route"]["kwargs"]["slug"]
        if not visible_campaigns(user).filter(slug=slug).exists():
            raise NotFound("There is no such campaign.", code="campaign_not_found")
        return campaign_group(slug)
