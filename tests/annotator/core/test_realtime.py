"""Hints: sent to a group when the transaction commits, and never in the way of the work that they speak of."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection, transaction

from annotator.core import realtime
from annotator.core.realtime import broadcast

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Collect (group, message) of each hint at the moment of its sending."""
    collected: Sent = []
    monkeypatch.setattr(realtime, "_send", lambda group, message: collected.append((group, message)))
    return collected


@pytest.mark.django_db(transaction=True)
def test_a_hint_waits_for_the_commit(sent: Sent) -> None:
    """A browser that fetches at once must find what the hint speaks of."""
    with transaction.atomic():
        broadcast("reading.1", json={"type": "revision", "revision": 2})
        with transaction.atomic():
            broadcast("reading.1", binary=b"mask")
        assert sent == []
    assert sent == [
        ("reading.1", {"type": "hint", "json": {"type": "revision", "revision": 2}}),
        ("reading.1", {"type": "hint", "binary": b"mask"}),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_sends_no_hint(sent: Sent) -> None:
    """Neither a whole transaction nor an inner one."""
    with transaction.atomic():
        broadcast("reading.1", json={"type": "revision"})
        transaction.set_rollback(True)
    with transaction.atomic():
        with transaction.atomic():
            broadcast("reading.1", json={"type": "lost"})
            transaction.set_rollback(True)
        broadcast("reading.1", json={"type": "kept"})
    assert [message["json"] for _, message in sent] == [{"type": "kept"}]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_a_hint_goes_at_once(sent: Sent) -> None:
    """There is nothing to wait for."""
    broadcast("campaign.demo", json={"type": "import"})
    assert sent == [("campaign.demo", {"type": "hint", "json": {"type": "import"}})]


@pytest.mark.parametrize("content", [{}, {"json": {"type": "job"}, "binary": b"mask"}])
def test_a_hint_is_either_json_or_bytes(content: dict[str, Any]) -> None:
    """Never both, never neither."""
    with pytest.raises(ValueError, match="either json or binary"):
        broadcast("reading.1", **content)


@pytest.mark.django_db(transaction=True)
def test_a_committed_hint_reaches_the_group() -> None:
    """Through the channel layer of these settings, in-memory or Redis, to every member and to nobody else."""
    group, other = f"reading.{uuid.uuid4()}", f"reading.{uuid.uuid4()}"

    async def listen() -> list[dict[str, Any]]:
        layer = get_channel_layer()
        names = [await layer.new_channel() for _ in range(3)]
        for name in names[:2]:
            await layer.group_add(group, name)
        await layer.group_add(other, names[2])
        await asyncio.to_thread(commit)
        got = [await asyncio.wait_for(layer.receive(name), 20) for name in names]
        if hasattr(layer, "close_pools"):
            await layer.close_pools()
        return got

    def commit() -> None:
        with transaction.atomic():
            broadcast(group, json={"type": "revision", "revision": 7})
            broadcast(other, binary=b"\x00mask")
        connection.close()

    first, second, third = async_to_sync(listen)()
    assert first == second == {"type": "hint", "json": {"type": "revision", "revision": 7}}
    assert third == {"type": "hint", "binary": b"\x00mask"}


class BrokenLayer:
    """A channel layer whose Redis has gone."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Fail."""
        raise ConnectionError("the layer is gone")


@pytest.mark.django_db(transaction=True)
def test_a_hint_that_cannot_be_sent_undoes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The work stands, the following hints are still tried, and the log names the kind of group only."""
    monkeypatch.setattr(realtime, "get_channel_layer", BrokenLayer)
    done: list[str] = []
    with transaction.atomic():
        broadcast("reading.0815", json={"type": "revision"})
        transaction.on_commit(lambda: done.append("what follows"))
    assert done == ["what follows"]
    (record,) = [record for record in caplog.records if record.name == "annotator.core.realtime"]
    assert record.getMessage() == "a hint to reading was not sent"


@pytest.mark.django_db(transaction=True)
def test_without_a_channel_layer_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A management command needs no sockets."""
    monkeypatch.setattr(realtime, "get_channel_layer", lambda: None)
    broadcast("reading.1", json={"type": "revision"})


@pytest.mark.django_db(transaction=True)
def test_an_in_memory_hint_from_another_thread_wakes_the_loop_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that already waits in the server's loop hears what a worker thread commits."""
    layer = InMemoryChannelLayer()
    monkeypatch.setattr(realtime, "get_channel_layer", lambda: layer)

    def work() -> None:
        with transaction.atomic():
            broadcast("reading.1", json={"type": "job"})
        connection.close()

    async def serve() -> dict[str, Any]:
        realtime.serve_from(asyncio.get_running_loop())
        name = await layer.new_channel()
        await layer.group_add("reading.1", name)
        waiting = asyncio.ensure_future(layer.receive(name))
        await asyncio.sleep(0)
        worker = threading.Thread(target=work)
        worker.start()
        message: dict[str, Any] = await asyncio.wait_for(waiting, 20)
        worker.join()
        return message

    try:
        assert asyncio.run(serve()) == {"type": "hint", "json": {"type": "job"}}
    finally:
        realtime.serve_from(None)
