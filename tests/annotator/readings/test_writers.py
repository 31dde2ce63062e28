"""One tab writes at a time: who claims it, who is told, and that nothing a refused tab had to say is lost."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotator.core.errors import IllegalTransition, PermissionDenied, StaleRevision
from annotator.readings.models import Reading, ReadingEvent, ReadingWriter
from annotator.readings.selectors import current_masks
from annotator.readings.services import append_event, claim_writer, release_writer, submit_reading
from annotator.readings.services.writers import WRITER_LIVES
from tests.annotator.inference_fixtures import Hints
from tests.factories.readings import drawing, make_member, make_reading, square

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def claim(reading: Reading, token: str, *, take: bool = False) -> bool:
    """Claim for a tab; return whether it writes."""
    return claim_writer(reading=reading, actor=reading.reader, token=token, device=f"D-{token}", take=take).yours


def send(reading: Reading, token: str, base: int, *, frame: int = 0, client_uuid: uuid.UUID | None = None) -> Any:
    """Append an edit as a tab."""
    return append_event(
        reading=reading,
        actor=reading.reader,
        client_uuid=client_uuid or uuid.uuid4(),
        base_revision=base,
        kind="edit",
        payload=drawing(square(frame, 2), frame=frame),
        writer=token,
        device=f"D-{token}",
    )


def silence(reading: Reading) -> None:
    """Let the writer look as if it had not been heard of for too long."""
    assert ReadingWriter.objects.filter(reading=reading).update(
        seen_at=timezone.now() - WRITER_LIVES - timedelta(seconds=1)
    )


def refusal(reading: Reading, token: str, base: int) -> IllegalTransition:
    """Return how an event of a tab is refused."""
    with pytest.raises(IllegalTransition) as refused:
        send(reading, token, base)
    return refused.value


def test_the_first_tab_writes_and_the_second_is_told_who_does(reading: Reading, hints: Hints) -> None:
    """Until it takes over; then the first one is told and refused."""
    assert claim(reading, "a")
    assert claim(reading, "a"), "asking again changes nothing"
    assert not claim(reading, "b")
    assert refusal(reading, "b", 0).code == "not_the_writer"
    assert refusal(reading, "b", 0).details["writer"]["device"] == "D-a"
    assert send(reading, "a", 0).created
    assert claim(reading, "b", take=True)
    assert [hint["writer"]["token"] for hint in hints.of("writer")] == ["a", "b"]
    assert refusal(reading, "a", 1).details["writer"]["token"] == "b"
    assert send(reading, "b", 1).created


def test_what_was_refused_is_merged_by_event_once_taken_back(reading: Reading) -> None:
    """Both tabs' drawings of a frame are in the log; the later one shows, and its undo shows the other."""
    claim(reading, "a")
    claim(reading, "b", take=True)
    kept = uuid.uuid4()
    with pytest.raises(IllegalTransition):
        send(reading, "a", 0, client_uuid=kept)
    theirs = send(reading, "b", 0)
    claim(reading, "a", take=True)
    with pytest.raises(StaleRevision):
        send(reading, "a", 0, client_uuid=kept)
    mine = send(reading, "a", 1, client_uuid=kept)
    assert [event.pk for event in ReadingEvent.objects.filter(reading=reading)] == [theirs.event.pk, mine.event.pk]
    assert current_masks(reading)[0].event_seq == mine.event.seq
    append_event(
        reading=reading,
        actor=reading.reader,
        client_uuid=uuid.uuid4(),
        base_revision=2,
        kind="undo",
        payload={"target_client": str(kept)},
        writer="a",
    )
    assert current_masks(reading)[0].event_seq == theirs.event.seq


def test_a_resend_is_answered_whoever_writes_by_now(reading: Reading) -> None:
    """The answer had been lost on the way; the tab must learn that its event counts."""
    client_uuid = uuid.uuid4()
    first = send(reading, "a", 0, client_uuid=client_uuid)
    claim(reading, "b", take=True)
    again = send(reading, "a", 0, client_uuid=client_uuid)
    assert (again.event, again.created) == (first.event, False)


def test_an_event_takes_the_pen_that_nobody_holds(reading: Reading, hints: Hints) -> None:
    """Whether it was never taken, was laid down, or its tab has fallen silent."""
    send(reading, "a", 0)
    assert refusal(reading, "b", 1).code == "not_the_writer"
    release_writer(reading=reading, actor=reading.reader, token="b")
    assert refusal(reading, "b", 1).code == "not_the_writer", "only its holder lays the pen down"
    release_writer(reading=reading, actor=reading.reader, token="a")
    send(reading, "b", 1)
    silence(reading)
    send(reading, "a", 2)
    tokens = [hint["writer"] and hint["writer"]["token"] for hint in hints.of("writer")]
    assert tokens == ["a", None, "b", "a"]


def test_a_silent_writer_goes_on_when_nobody_took_over(reading: Reading, hints: Hints) -> None:
    """A tab that was asleep is still the writer, without a word to the others."""
    claim(reading, "a")
    silence(reading)
    send(reading, "a", 0)
    assert not claim(reading, "b")
    assert len(hints.of("writer")) == 1


def test_a_program_writes_only_while_no_tab_does(reading: Reading) -> None:
    """It sends no token, holds nothing, and never writes beneath a reader's hands."""
    send(reading, "", 0)
    assert not ReadingWriter.objects.exists()
    claim(reading, "a")
    assert refusal(reading, "", 1).code == "not_the_writer"


def test_only_the_reader_claims(reading: Reading) -> None:
    """A manager looks on."""
    manager = make_member(reading.campaign, "MANAGER")
    with pytest.raises(PermissionDenied):
        claim_writer(reading=reading, actor=manager, token="m", device="", take=True)
    with pytest.raises(PermissionDenied):
        release_writer(reading=reading, actor=manager, token="m")


def test_only_the_writer_submits(reading: Reading) -> None:
    """A submission from the tab that looks on would cut off what the other has not sent yet."""
    send(reading, "a", 0)
    with pytest.raises(IllegalTransition) as refused:
        submit_reading(reading=reading, actor=reading.reader, base_revision=1, writer="b")
    assert refused.value.code == "not_the_writer"
    submit_reading(reading=reading, actor=reading.reader, base_revision=1, writer="a")


@pytest.fixture
def browser(reading: Reading) -> Client:
    """Return the reader's browser."""
    client = Client(HTTP_USER_AGENT=CHROME)
    client.force_login(reading.reader)
    return client


def test_claiming_over_http(reading: Reading, browser: Client) -> None:
    """The device is that of the request, for people to read; tokens of strange letters are refused."""
    url = f"/api/v1/readings/{reading.pk}/writer/"

    def post(path: str, body: dict[str, object]) -> Any:
        return browser.post(path, body, content_type="application/json")

    answer = post(url, {"writer": "a"}).json()
    assert (answer["yours"], answer["writer"]["token"], answer["writer"]["device"]) == (True, "a", "Chrome on Windows")
    assert post(url, {"writer": "b"}).json()["yours"] is False
    body = {"client_uuid": str(uuid.uuid4()), "base_revision": 0, "kind": "edit", "payload": drawing(), "writer": "b"}
    refused = post(f"/api/v1/readings/{reading.pk}/events/", body)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "not_the_writer"
    assert refused.json()["error"]["details"]["writer"]["device"] == "Chrome on Windows"
    assert post(f"{url}release/", {"writer": "a"}).status_code == 204
    assert post(f"/api/v1/readings/{reading.pk}/events/", body).status_code == 201
    for bad in ({}, {"writer": "a b"}, {"writer": "x" * 81}, {"writer": "a\x00"}, {"writer": ["a"]}, {"writer": None}):
        assert post(url, bad).status_code == 400, bad
    assert post(f"/api/v1/readings/{uuid.uuid4()}/writer/", {"writer": "a"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once(reading: Reading) -> None:
    """However their claims and events cross, the log has no gap, and each of its events was the writer's."""
    barrier = threading.Barrier(2)

    def work(token: str) -> int:
        sent = 0
        barrier.wait()
        try:
            for turn in range(6):
                claim(Reading.objects.get(pk=reading.pk), token, take=turn % 2 == 0)
                base = Reading.objects.get(pk=reading.pk).revision
                try:
                    send(reading, token, base)
                    sent += 1
                except (IllegalTransition, StaleRevision):
                    pass
        finally:
            connection.close()
        return sent

    with ThreadPoolExecutor(2) as pool:
        sent = sum(pool.map(work, ("a", "b")))
    seqs = list(ReadingEvent.objects.filter(reading=reading).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, sent + 1))
    assert ReadingWriter.objects.filter(reading=reading).count() == 1
