"""Who may listen: the session's user or the owner of a token, and only to what they may see."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async

from annotator.accounts.models import User
from annotator.readings.models import Reading
from tests.annotator.inference.sockets import (
    Socket,
    connected,
    session_of,
    tab_of,
    token_of,
)
from tests.factories.readings import make_campaign, make_member, make_reading, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

NOWHERE = "00000000-0000-4000-8000-000000000000"
UNAUTHENTICATED, NOT_FOUND = 4401, 4404


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def url_of(reading: Reading, query: str = "") -> str:
    """Return the address of a reading's socket."""
    return f"/ws/readings/{reading.pk}/{query}"


async def greeted(socket: Socket) -> bool:
    """Tell whether the first message is a hello."""
    return (await socket.receive())["type"] == "hello"


async def refused(socket: Socket) -> tuple[str, int]:
    """Return (code of the error message, code of the close) of a socket that is refused."""
    message = await socket.receive()
    assert message.keys() == {"type", "code", "message"}
    assert message["type"] == "error"
    assert message["message"].endswith(".")
    return message["code"], await socket.closed()


@database_sync_to_async
def deactivated(user: User) -> User:
    """Lock a user out."""
    user.is_active = False
    user.save()
    return user


async def test_the_reader_with_a_session(reading: Reading) -> None:
    """As browsers come."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        assert await greeted(socket)


async def test_the_reader_with_a_token(reading: Reading) -> None:
    """As scripts come, which send no cookie."""
    async with connected(url_of(reading, f"?token={await token_of(reading.reader)}")) as socket:
        assert await greeted(socket)


@pytest.mark.parametrize("path", ["/ws/readings/{reading}/", "/ws/campaigns/{campaign}/"])
async def test_nobody_is_refused(reading: Reading, path: str) -> None:
    """The browser is told why before the socket is closed."""
    path = path.format(reading=reading.pk, campaign=reading.campaign.slug)
    async with connected(path) as socket:
        assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)


@pytest.mark.parametrize("token", ["x", "0" * 40, "%00", "%ff%fe", "%F0%9F%92%94", "x" * 4000])
async def test_a_wrong_token_is_nobody(reading: Reading, token: str) -> None:
    """Even beside the cookie of a session that would be let in; and no text at all breaks the server."""
    session = await session_of(reading.reader)
    async with connected(url_of(reading, f"?token={token}"), session=session) as socket:
        assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)


async def test_a_token_counts_before_a_session(reading: Reading) -> None:
    """Whoever names a token is its owner, whatever cookies the browser adds."""
    stranger = await database_sync_to_async(make_user)()
    path = url_of(reading, f"?token={await token_of(reading.reader)}")
    async with connected(path, session=await session_of(stranger)) as socket:
        assert await greeted(socket)


async def test_a_session_that_is_none(reading: Reading) -> None:
    """A cookie of yesterday is nobody's."""
    async with connected(url_of(reading), session="nosuchsession") as socket:
        assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)


async def test_a_user_who_was_locked_out(reading: Reading) -> None:
    """Neither the session nor the token of before lets them in."""
    session, token = await session_of(reading.reader), await token_of(reading.reader)
    await deactivated(reading.reader)
    async with connected(url_of(reading), session=session) as socket:
        assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)
    async with connected(url_of(reading, f"?token={token}")) as socket:
        assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)


@pytest.mark.parametrize("role", ["stranger", "other reader"])
async def test_strangers_are_not_told_that_there_is_a_reading(reading: Reading, role: str) -> None:
    """A manager of elsewhere, and a reader of the same campaign, who is blinded."""

    def someone() -> User:
        if role == "stranger":
            return make_member(make_campaign(), "MANAGER")
        return make_member(reading.campaign)

    async with tab_of(await database_sync_to_async(someone)(), url_of(reading)) as socket:
        assert await refused(socket) == ("reading_not_found", NOT_FOUND)


async def test_a_reading_that_is_not_there(reading: Reading) -> None:
    """It looks like one that may not be seen."""
    async with tab_of(reading.reader, f"/ws/readings/{NOWHERE}/") as socket:
        assert await refused(socket) == ("reading_not_found", NOT_FOUND)


@pytest.mark.parametrize("role", ["manager", "staff"])
async def test_those_who_may_look_on(reading: Reading, role: str) -> None:
    """Managers of the campaign, and staff."""

    def someone() -> User:
        return make_member(reading.campaign, "MANAGER") if role == "manager" else make_user(is_staff=True)

    async with tab_of(await database_sync_to_async(someone)(), url_of(reading)) as socket:
        assert await greeted(socket)


@pytest.mark.parametrize("message", ['{"type": "ping"}', '{"type": "presence"}', "no JSON"])
async def test_a_refused_socket_answers_nothing(reading: Reading, message: str) -> None:
    """What the browser still sends before it notices is not even complained about."""
    socket = Socket(url_of(reading))
    assert await socket.open()
    assert await refused(socket) == ("not_authenticated", UNAUTHENTICATED)
    await socket.send_raw(message)
    assert await socket.leave() == []


async def test_pages_of_other_sites_are_not_let_in(reading: Reading) -> None:
    """The browser would send the cookie along, so the handshake itself is refused."""
    session = await session_of(reading.reader)
    socket = Socket(url_of(reading), session=session, origin="https://elsewhere.example")
    assert not await socket.open()
    await socket.leave()


async def test_a_program_names_no_page(reading: Reading) -> None:
    """With its owner's token it is let in."""
    path = f"{url_of(reading)}?token={await token_of(reading.reader)}"
    async with connected(path, origin="") as socket:
        assert await greeted(socket)


async def test_members_listen_to_their_campaign(reading: Reading) -> None:
    """Readers and managers, by session and by token."""
    path = f"/ws/campaigns/{reading.campaign.slug}/"
    async with tab_of(reading.reader, path) as socket:
        assert await socket.receive() == {"type": "hello"}
    async with connected(f"{path}?token={await token_of(reading.reader)}") as socket:
        assert await socket.receive() == {"type": "hello"}


@pytest.mark.parametrize("is_there", [True, False])
async def test_strangers_are_not_told_that_there_is_a_campaign(reading: Reading, is_there: bool) -> None:
    """One that is not there looks the same."""
    stranger: Any = await database_sync_to_async(make_user)()
    slug = reading.campaign.slug if is_there else "no-such-campaign"
    async with tab_of(stranger, f"/ws/campaigns/{slug}/") as socket:
        assert await refused(socket) == ("campaign_not_found", NOT_FOUND)
