"""Which tabs are open on a reading: one entry for each, kept by the tabs themselves."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.readings.models import Reading
from tests.annotator.inference.sockets import tab_of
from tests.factories.readings import make_member, make_reading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


@pytest.fixture
def manager(reading: Reading) -> User:
    """Return a manager of the reading's campaign."""
    return make_member(reading.campaign, "MANAGER")


def url_of(reading: Reading) -> str:
    """Return the address of a reading's socket."""
    return f"/ws/readings/{reading.pk}/"


async def test_a_tab_alone_sees_itself(reading: Reading) -> None:
    """By the connection that its hello has named."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        hello = await socket.receive()
        assert await socket.receive() == {
            "type": "presence",
            "readers": [
                {
                    "connection": hello["connection"],
                    "user": reading.reader.username,
                    "display_name": reading.reader.display_name,
                    "device": "another program",
                    "you": True,
                }
            ],
        }


async def test_tabs_come_and_go(reading: Reading, manager: User) -> None:
    """Each is told of the others when they join, and when they leave."""
    me, other = reading.reader.username, manager.username
    async with tab_of(reading.reader, url_of(reading)) as mine:
        await mine.present(me)
        async with tab_of(manager, url_of(reading)) as theirs:
            for socket, name in ((mine, me), (theirs, other)):
                readers = await socket.present(me, other)
                assert [reader["user"] for reader in readers if reader["you"]] == [name]
            async with tab_of(reading.reader, url_of(reading)) as again:
                for socket in (mine, theirs, again):
                    readers = await socket.present(me, me, other)
                    assert len({reader["connection"] for reader in readers}) == 3
                    assert sum(reader["you"] for reader in readers) == 1
            for socket in (mine, theirs):
                await socket.present(me, other)
        assert [reader["you"] for reader in await mine.present(me)] == [True]


async def test_a_tab_asks_who_is_there(reading: Reading, manager: User) -> None:
    """It begins with itself, so that a tab that died unheard disappears, and everyone alive answers."""
    me, other = reading.reader.username, manager.username
    async with tab_of(reading.reader, url_of(reading)) as mine, tab_of(manager, url_of(reading)) as theirs:
        for socket in (mine, theirs):
            await socket.present(me, other)
        await mine.send({"type": "presence"})
        first = await mine.receive()
        assert [reader["user"] for reader in first["readers"]] == [me]
        second = await mine.receive()
        assert sorted(reader["user"] for reader in second["readers"]) == sorted([me, other])
        await theirs.send({"type": "ping"})
        assert await theirs.receive() == {"type": "pong"}, "to the other one nothing has changed"


async def test_a_reading_is_told_of_its_own_tabs_only(reading: Reading, manager: User) -> None:
    """Someone on another reading of the campaign is not there."""
    elsewhere = await database_sync_to_async(make_reading)(reading.campaign)
    async with tab_of(elsewhere.reader, url_of(elsewhere)) as other:
        await other.present(elsewhere.reader.username)
        async with tab_of(reading.reader, url_of(reading)) as mine:
            await mine.present(reading.reader.username)
            async with tab_of(manager, url_of(reading)):
                await mine.present(reading.reader.username, manager.username)


async def test_a_user_without_a_display_name(reading: Reading) -> None:
    """Is shown by the user name."""

    def nameless() -> User:
        return create_user(username="nameless", password="a long password", is_staff=True)

    async with tab_of(await database_sync_to_async(nameless)(), url_of(reading)) as socket:
        (reader,) = await socket.present("nameless")
        assert reader["display_name"] == "nameless"
