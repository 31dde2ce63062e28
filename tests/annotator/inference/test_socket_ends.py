"""What was allowed when a socket was opened may end: then it is told why and closed."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.test import Client

from annotator.accounts.models import User
from annotator.campaigns.models import AssignmentStatus
from annotator.core import tasks
from annotator.core.transitions import transition
from annotator.inference import consumers
from annotator.readings.models import Reading
from annotator.readings.services import reopen_reading, submit_reading
from annotator.readings.services.hints import send_access_hint
from tests.annotator.inference.sockets import Socket, connected, session_of, tab_of, token_of
from tests.factories.readings import Tab, drawing, make_member, make_reading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]
PING = {"type": "ping"}


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def url_of(reading: Reading) -> str:
    """Return the address of a reading's socket."""
    return f"/ws/readings/{reading.pk}/"


async def ended(socket: Socket) -> tuple[str, int]:
    """Return (code of the error message, code of the close) of a socket that the server ends."""
    message = await socket.until("error")
    assert message["message"].endswith(".")
    return message["code"], await socket.closed()


async def test_signing_out_ends_the_sockets_of_that_session(reading: Reading) -> None:
    """At once, in every tab; a session on another device goes on."""
    here, elsewhere = await session_of(reading.reader), await session_of(reading.reader)
    async with (
        connected(url_of(reading), session=here) as first,
        connected(f"/ws/campaigns/{reading.campaign.slug}/", session=here) as second,
        connected(url_of(reading), session=elsewhere) as other,
    ):
        for socket in (first, second, other):
            await socket.until("hello")

        def sign_out() -> int:
            client = Client()
            client.cookies[settings.SESSION_COOKIE_NAME] = here
            return client.post("/api/v1/auth/logout/").status_code

        assert await database_sync_to_async(sign_out)() == 204
        for socket in (first, second):
            assert await ended(socket) == ("session_ended", 4401)
        await other.send(PING)
        assert await other.until("pong")


async def test_a_token_that_is_taken_back(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is noticed with the next message, once the last look is old enough."""
    monkeypatch.setattr(consumers, "ACCESS_SECONDS", 0)
    async with connected(f"{url_of(reading)}?token={await token_of(reading.reader)}") as socket:
        await socket.until("hello")
        await socket.send(PING)
        assert await socket.until("pong")
        await database_sync_to_async(reading.reader.auth_token.delete)()
        await socket.send(PING)
        assert await ended(socket) == ("session_ended", 4401)


async def test_no_mask_reaches_a_reader_who_was_locked_out(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look comes before the hint is sent on."""
    monkeypatch.setattr(consumers, "ACCESS_SECONDS", 0)
    manager = await database_sync_to_async(make_member)(reading.campaign, "MANAGER")
    async with tab_of(manager, url_of(reading)) as socket:
        await socket.until("presence")
        await database_sync_to_async(User.objects.filter(pk=manager.pk).update)(is_active=False)
        await database_sync_to_async(Tab(reading).send)("edit", drawing())
        assert await ended(socket) == ("session_ended", 4401)
        assert await socket.leave() == []


async def test_a_reader_who_leaves_the_campaign(reading: Reading) -> None:
    """The reading looks as if it were not there."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await socket.until("presence")

        def leave() -> None:
            reading.reader.memberships.all().delete()
            send_access_hint(reading)

        await database_sync_to_async(leave)()
        assert await ended(socket) == ("reading_not_found", 4404)


async def test_an_order_that_is_withdrawn(reading: Reading) -> None:
    """Ends the reader's socket and refuses a new one; a manager goes on looking."""
    manager = await database_sync_to_async(make_member)(reading.campaign, "MANAGER")
    async with tab_of(reading.reader, url_of(reading)) as socket, tab_of(manager, url_of(reading)) as looking:
        for one in (socket, looking):
            await one.until("presence")

        def withdraw() -> None:
            transition(reading.assignment, AssignmentStatus.WITHDRAWN)
            send_access_hint(reading)

        await database_sync_to_async(withdraw)()
        assert await ended(socket) == ("assignment_withdrawn", 4403)
        assert (await looking.until("access"))["can_write"] is False
    async with tab_of(reading.reader, url_of(reading)) as again:
        assert await ended(again) == ("assignment_withdrawn", 4403)


async def test_tabs_learn_of_a_submission_elsewhere(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """And of the reopening: each is told whether it may write now."""
    monkeypatch.setattr(tasks, "send", lambda *args, **options: None)  # training is no matter here
    await database_sync_to_async(Tab(reading).send)("edit", drawing())
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await socket.until("hello")
        submit = database_sync_to_async(submit_reading)
        await submit(reading=reading, actor=reading.reader, base_revision=1)
        assert await socket.until("access") == {"type": "access", "status": "SUBMITTED", "can_write": False}
        await database_sync_to_async(reopen_reading)(reading=reading, actor=reading.reader)
        assert await socket.until("access") == {"type": "access", "status": "REOPENED", "can_write": True}
