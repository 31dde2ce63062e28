"""What comes over a socket: a hello, hints in order, answers to pings; and what cannot break it."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async

from annotator.core import realtime, tasks
from annotator.core.errors import Unprocessable
from annotator.imaging.models import Cine
from annotator.readings.models import Reading
from annotator.readings.services import open_reading, submit_reading
from tests.annotator.inference.sockets import Socket, tab_of
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import Tab, click, drawing, make_cine, make_reading, propagation, square
from workers.protocol.rle import decode_mask, read_header

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def url_of(reading: Reading) -> str:
    """Return the address of a reading's socket."""
    return f"/ws/readings/{reading.pk}/"


async def settled(socket: Socket) -> dict[str, Any]:
    """Read the hello and the first word of who is there; return the hello."""
    hello = await socket.receive()
    assert (await socket.receive())["type"] == "presence"
    return hello


async def answers(socket: Socket) -> bool:
    """Tell whether a ping is answered."""
    await socket.send({"type": "ping"})
    return await socket.receive() == {"type": "pong"}


async def broadcast(group: str, **message: Any) -> None:
    """Send a hint from another thread, as services do."""
    await database_sync_to_async(realtime.broadcast)(group, **message)


async def test_the_hello_names_the_revision(reading: Reading) -> None:
    """So that a tab knows at once whether it has missed something."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        hello = await settled(socket)
        assert (hello["type"], hello["revision"]) == ("hello", 0)
    await database_sync_to_async(Tab(reading).send)("edit", drawing())
    async with tab_of(reading.reader, url_of(reading)) as socket:
        assert (await settled(socket))["revision"] == 1


async def test_ping_and_pong(reading: Reading) -> None:
    """On both sockets, as often as one likes."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        for _ in range(3):
            assert await answers(socket)
    async with tab_of(reading.reader, f"/ws/campaigns/{reading.campaign.slug}/") as socket:
        assert await socket.receive() == {"type": "hello"}
        assert await answers(socket)


INVALID = {
    "no JSON": "{",
    "empty": "",
    "a word": '"ping"',
    "a number": "7",
    "nothing": "null",
    "a list": '[{"type": "ping"}]',
    "no type": '{"kind": "ping"}',
    "deep": "[" * 200_000,
    "long number": "1" * 10_000,
    "bytes": b"\x00\xff",
    "JSON as bytes": b'{"type": "ping"}',
}
UNKNOWN = {
    "another type": '{"type": "shout"}',
    "an object as type": '{"type": {"type": "ping"}}',
    "nothing as type": '{"type": null}',
    "a list as type": '{"type": ["ping"]}',
    "half a character": '{"type": "\\ud800"}',
    "a hint": '{"type": "hint", "json": {}}',
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID.keys())
async def test_what_is_no_message_does_not_kill_the_socket(reading: Reading, data: str | bytes) -> None:
    """It is answered with an error, and the next ping with a pong."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        await socket.send_raw(data)
        error = await socket.receive()
        assert (error["type"], error["code"]) == ("error", "invalid_message")
        assert await answers(socket)


@pytest.mark.parametrize("data", UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_messages_that_nobody_knows_do_not_kill_the_socket(reading: Reading, data: str) -> None:
    """They reach nothing inside either: a client cannot send hints."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        await socket.send_raw(data)
        error = await socket.receive()
        assert (error["type"], error["code"]) == ("error", "unknown_message")
        assert await answers(socket)


async def test_a_campaign_socket_knows_no_presence(reading: Reading) -> None:
    """Readers of a campaign are not told of each other."""
    async with tab_of(reading.reader, f"/ws/campaigns/{reading.campaign.slug}/") as socket:
        assert await socket.receive() == {"type": "hello"}
        await socket.send({"type": "presence"})
        assert (await socket.receive())["code"] == "unknown_message"


async def test_hints_are_sent_on_as_they_are(reading: Reading) -> None:
    """JSON as text, masks as bytes, in their order, to every tab."""
    group, data = f"reading.{reading.pk}", bytes(range(256))
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        await broadcast(group, binary=data)
        await broadcast(group, json={"type": "revision", "revision": 3})
        assert await socket.receive() == data
        assert await socket.receive() == {"type": "revision", "revision": 3}


async def test_a_click_seen_by_the_socket(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """From the event to the mask: job, revision, mask, progress, end."""
    tab = Tab(reading)
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        result = await database_sync_to_async(tab.send)("prompt", click(5, 6, frame=2))
        await database_sync_to_async(worker.serve)(broker)
        received = [await socket.receive() for _ in range(5)]
    kinds = ["mask" if isinstance(one, bytes) else one["type"] for one in received]
    assert kinds == ["job", "revision", "mask", "job", "job"]
    jobs = [one["job"] for one in received if isinstance(one, dict) and one["type"] == "job"]
    assert [job["status"] for job in jobs] == ["QUEUED", "RUNNING", "DONE"]
    assert {job["id"] for job in jobs} == {str(result.job.id)}
    assert received[1] == {"type": "revision", "revision": 1}
    header = read_header(received[2])
    assert (header.label, header.frame_index, header.status, header.run_id) == (1, 2, 1, 1)
    assert decode_mask(received[2])[5:8, 4:7].all()


async def test_a_stroke_reaches_the_other_tab(reading: Reading) -> None:
    """Both tabs of the reader get the mask and the revision."""
    async with tab_of(reading.reader, url_of(reading)) as first, tab_of(reading.reader, url_of(reading)) as second:
        for socket in (first, second):
            await socket.present(*[reading.reader.username] * 2)
        await database_sync_to_async(Tab(reading).send)("edit", drawing(square(1, 2)))
        for socket in (first, second):
            data = await socket.receive()
            assert (decode_mask(data) == square(1, 2)).all()
            assert await socket.receive() == {"type": "revision", "revision": 1}


async def test_an_event_that_was_refused_is_not_heard_of(reading: Reading, worker: FakeWorker) -> None:
    """Hints are sent on commit: what is rolled back says nothing."""
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)

        def send_twice() -> None:
            tab = Tab(reading)
            with pytest.raises(Unprocessable):
                tab.send("propagate", propagation())
            tab.send("edit", drawing())

        await database_sync_to_async(send_twice)()
        assert isinstance(await socket.receive(), bytes)
        assert await socket.receive() == {"type": "revision", "revision": 1}


async def test_a_socket_hears_of_its_own_reading_only(reading: Reading) -> None:
    """What is said of another one passes by."""
    other = await database_sync_to_async(make_reading)(reading.campaign)
    async with tab_of(reading.reader, url_of(reading)) as socket:
        await settled(socket)
        await broadcast(f"reading.{other.pk}", json={"type": "revision", "revision": 7})
        await broadcast(f"reading.{reading.pk}", json={"type": "revision", "revision": 8})
        assert (await socket.receive())["revision"] == 8


async def test_a_campaign_hears_of_its_readings(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened and submitted, with the cine and without reader or mask: readers are blinded."""
    monkeypatch.setattr(tasks, "send", lambda *args, **kwargs: None)  # what a submission sets off elsewhere
    campaign = reading.campaign
    cine: Cine = await database_sync_to_async(make_cine)(campaign)

    def open_draw_submit() -> None:
        opened = open_reading(reader=reading.reader, cine=cine, campaign=campaign)
        Tab(opened).send("edit", drawing())
        submit_reading(reading=opened, actor=reading.reader, base_revision=1)

    async with tab_of(reading.reader, f"/ws/campaigns/{campaign.slug}/") as socket:
        assert await socket.receive() == {"type": "hello"}
        await database_sync_to_async(open_draw_submit)()
        for _ in range(2):
            assert await socket.receive() == {"type": "reading", "cine": str(cine.pk)}
        await broadcast(f"campaign.{campaign.slug}", json={"type": "dataset", "dataset": "7"})
        assert await socket.receive() == {"type": "dataset", "dataset": "7"}
