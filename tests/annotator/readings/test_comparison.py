"""What may be laid beside a reading: the model's answers, and other readings, which stay closed to blinded readers."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from django.test import Client

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, Membership
from annotator.campaigns.services import LabelSpec, add_cine, add_member, assign_reader, ensure_schema
from annotator.readings.models import Provenance, Reading
from annotator.readings.selectors import others_of
from annotator.readings.services import AppendResult, open_reading, record_mask, reopen_reading, submit_reading
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    CHECKPOINT,
    FRAMES,
    LABELS,
    Tab,
    click,
    drawing,
    label_of,
    make_campaign,
    make_cine,
    make_member,
    make_reading,
    make_user,
    propagation,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker", "hints")]

NO_READING = {"error": {"code": "reading_not_found", "message": "There is no such reading.", "details": {}}}


def get(user: User, address: str) -> tuple[int, Any]:
    """Return status and body of what a user asks for."""
    client = Client()
    client.force_login(user)
    answer = client.get(f"/api/v1/readings/{address}")
    return answer.status_code, answer.json()


def listed(user: User, reading: Reading) -> list[dict[str, Any]]:
    """Return the readings that a user is offered beside one."""
    status, body = get(user, f"{reading.pk}/others/")
    assert status == 200
    assert body["count"] == len(body["results"])
    return list(body["results"])


def submitted(reading: Reading, x: int = 2, *, label: str = ARTERY, frame: int = 0) -> Reading:
    """Draw a square in a reading and submit it."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(x), label=label, frame=frame))
    return submit_reading(reading=reading, actor=reading.reader, base_revision=tab.revision)


class House:
    """A campaign of which two readers have read the same cine: one has submitted, the other has not."""

    def __init__(self) -> None:
        self.campaign: Campaign = make_campaign(readings_per_cine=9)
        self.cine = make_cine(self.campaign)
        self.done = submitted(self.opened(make_member(self.campaign, username="anna")), 5, frame=2)
        self.draft = self.opened(make_member(self.campaign, username="bert"))
        Tab(self.draft).send("edit", drawing(square(1)))

    def opened(self, reader: User) -> Reading:
        """Return a reader's reading of the cine."""
        return open_reading(reader=reader, cine=self.cine, campaign=self.campaign)


@pytest.fixture
def house() -> House:
    """Return a fresh one."""
    return House()


# --- what a reader must never learn ---------------------------------------------------------------------------------


def test_a_reader_is_offered_nothing_of_others(house: House) -> None:
    """Neither by list nor by address; the answer is that to a reading which does not exist, to the letter."""
    reader = house.draft.reader
    assert listed(reader, house.draft) == []
    for other in (house.done.pk, uuid.uuid4(), house.draft.pk):
        for query in ("", "?start=0&stop=2", "?start=9&stop=1", "?start=x"):
            address = f"{house.draft.pk}/others/{other}/masks/{query}"
            assert get(reader, address) == (404, NO_READING), address


def test_nobody_asks_through_the_reading_of_somebody_else(house: House) -> None:
    """A reading that a user may not see is a reading that is not there, whatever is asked of it."""
    outsider = make_user()
    adjudicator = make_member(house.campaign, "ADJUDICATOR")
    for user in (house.draft.reader, outsider, adjudicator):
        for what in ("answers/", "others/", f"others/{house.draft.pk}/masks/", f"others/{house.done.pk}/masks/"):
            assert get(user, f"{house.done.pk}/{what}") == (404, NO_READING), (user, what)


def test_nothing_is_told_without_signing_in(house: House) -> None:
    """Nor to an account that was switched off."""
    for what in ("answers/", "others/", f"others/{house.draft.pk}/masks/"):
        assert Client().get(f"/api/v1/readings/{house.done.pk}/{what}").status_code == 401
    manager = make_member(house.campaign, "MANAGER")
    assert others_of(manager, house.draft).count() == 1
    manager.is_active = False
    manager.save()
    assert others_of(manager, house.draft).count() == 0


@pytest.mark.parametrize("role", ["READER", "ADJUDICATOR", "MANAGER"])
def test_roles_elsewhere_open_nothing(house: House, role: str) -> None:
    """Whoever manages or adjudicates another campaign is a reader in this one."""
    reader = house.draft.reader
    other = make_campaign()
    add_member(campaign=other, user=reader, role=Membership.Role(role))
    assert listed(reader, house.draft) == []
    assert get(reader, f"{house.draft.pk}/others/{house.done.pk}/masks/") == (404, NO_READING)


def test_readings_of_another_cine_are_no_others(house: House) -> None:
    """Not even for staff."""
    elsewhere = submitted(
        open_reading(reader=house.done.reader, cine=make_cine(house.campaign), campaign=house.campaign)
    )
    staff = make_user(is_staff=True)
    assert [row["id"] for row in listed(staff, house.draft)] == [str(house.done.pk)]
    assert get(staff, f"{house.draft.pk}/others/{elsewhere.pk}/masks/") == (404, NO_READING)


# --- who may compare ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["MANAGER", "staff"])
def test_managers_and_staff_compare_submitted_readings(house: House, role: str) -> None:
    """By blind code; work that is not submitted is not offered."""
    user = make_user(is_staff=True) if role == "staff" else make_member(house.campaign, role)
    (row,) = listed(user, house.draft)
    assert row == {
        "id": str(house.done.pk),
        "reader": house.done.assignment.blind_code,
        "is_own": False,
        "campaign_name": house.campaign.name,
        "status": "SUBMITTED",
        "labels_left_out": [],
    }
    assert listed(user, house.done) == []
    assert get(user, f"{house.done.pk}/others/{house.draft.pk}/masks/") == (404, NO_READING)
    status, body = get(user, f"{house.draft.pk}/others/{house.done.pk}/masks/")
    assert status == 200
    (mask,) = body["masks"]
    assert (mask["label"], mask["label_index"], mask["frame_index"], mask["area"]) == (ARTERY, 1, 2, 16)
    assert (decode_mask(base64.b64decode(mask["mask"])) == square(5)).all()
    assert "anna" not in str(row) + str(body)
    reopen_reading(reading=house.done, actor=house.done.reader)
    assert listed(user, house.draft) == []
    assert get(user, f"{house.draft.pk}/others/{house.done.pk}/masks/") == (404, NO_READING)


def test_an_adjudicator_is_blinded_until_the_own_reading_is_submitted(house: House) -> None:
    """An order to read, taken or not, keeps the others closed; so does reopening."""
    adjudicator = make_member(house.campaign, "ADJUDICATOR")
    own = house.opened(adjudicator)
    assert listed(adjudicator, own) == []
    assert get(adjudicator, f"{own.pk}/others/{house.done.pk}/masks/") == (404, NO_READING)
    submitted(own)
    assert [row["id"] for row in listed(adjudicator, own)] == [str(house.done.pk)]
    status, body = get(adjudicator, f"{own.pk}/others/{house.done.pk}/masks/")
    assert (status, len(body["masks"])) == (200, 1)
    # The list of readings itself goes on to show an adjudicator the own ones alone: it names the readers.
    client = Client()
    client.force_login(adjudicator)
    assert [row["id"] for row in client.get("/api/v1/readings/").json()["results"]] == [str(own.pk)]
    own.refresh_from_db()
    reopen_reading(reading=own, actor=adjudicator)
    assert listed(adjudicator, own) == []
    assert get(adjudicator, f"{own.pk}/others/{house.done.pk}/masks/") == (404, NO_READING)


def test_an_adjudicator_does_not_peek_from_another_campaign(house: House) -> None:
    """A finished reading of the same cine elsewhere opens nothing while the cine is still to be read here."""
    adjudicator = make_member(house.campaign, "ADJUDICATOR")
    elsewhere = make_campaign()
    add_member(campaign=elsewhere, user=adjudicator, role=Membership.Role.READER)
    add_cine(campaign=elsewhere, cine=house.cine)
    own = submitted(open_reading(reader=adjudicator, cine=house.cine, campaign=elsewhere))
    assert [row["id"] for row in listed(adjudicator, own)] == [str(house.done.pk)]
    assign_reader(campaign=house.campaign, cine=house.cine, reader=adjudicator)
    assert listed(adjudicator, own) == []
    assert get(adjudicator, f"{own.pk}/others/{house.done.pk}/masks/") == (404, NO_READING)


def test_own_readings_in_two_campaigns_are_compared_by_the_codes_of_labels(house: House) -> None:
    """The same structure has the same code, at whatever place; what is not known here is left out and named."""
    reader = house.draft.reader
    schema = ensure_schema(name="Other order", labels=[LabelSpec("stent", "Stent", "#40c057"), LABELS[1], LABELS[0]])
    second = make_campaign(slug="second")
    second.schema = schema
    second.save()
    add_member(campaign=second, user=reader, role=Membership.Role.READER)
    add_cine(campaign=second, cine=house.cine)
    other = open_reading(reader=reader, cine=house.cine, campaign=second)
    tab = Tab(other)
    tab.send("edit", drawing(square(1), label=ARTERY))
    tab.send("edit", drawing(square(2), label=CATHETER))
    tab.send("edit", drawing(square(3), label="stent"))
    (row,) = listed(reader, house.draft)
    assert (row["id"], row["is_own"], row["status"]) == (str(other.pk), True, "DRAFT")
    assert (row["campaign_name"], row["labels_left_out"]) == ("second", ["Stent"])
    _, body = get(reader, f"{house.draft.pk}/others/{other.pk}/masks/")
    assert [(mask["label"], mask["label_index"]) for mask in body["masks"]] == [(ARTERY, 1), (CATHETER, 2)]
    assert body["revision"] == 3
    Membership.objects.filter(campaign=second, user=reader).delete()
    assert listed(reader, house.draft) == []
    assert get(reader, f"{house.draft.pk}/others/{other.pk}/masks/") == (404, NO_READING)


# --- frames ---------------------------------------------------------------------------------------------------------


def test_masks_come_by_frames(house: House) -> None:
    """Both ends are included; what is no range of the cine is refused in words."""
    tab = Tab(house.draft)
    for frame in range(1, FRAMES):
        tab.send("edit", drawing(frame=frame))
    done = submit_reading(reading=house.draft, actor=house.draft.reader, base_revision=tab.revision)
    staff = make_user(is_staff=True)

    def frames(query: str) -> list[int]:
        _, body = get(staff, f"{house.done.pk}/others/{done.pk}/masks/{query}")
        return [mask["frame_index"] for mask in body["masks"]]

    assert frames("") == list(range(FRAMES))
    assert frames("?start=1&stop=3") == [1, 2, 3]
    assert frames("?start=4") == [4, 5]
    assert frames("?stop=0") == [0]
    addresses = (f"{house.done.pk}/others/{done.pk}/masks/", f"{house.done.pk}/answers/")
    for address in addresses:
        for query in ("start=2&stop=1", f"stop={FRAMES}", "start=-1", "start=x", "start=", "stop=1.5", "stop=٣"):
            status, body = get(staff, f"{address}?{query}")
            assert (status, body["error"]["code"]) == (400, "invalid_frames"), query
            assert body["error"]["message"].endswith(".")


# --- the model ------------------------------------------------------------------------------------------------------


def answer(
    result: AppendResult, x: int, *, frame: int = 0, provenance: Provenance = Provenance.MODEL, label: str = ARTERY
) -> None:
    """Record a square as what the model answered to an event."""
    reading = result.event.reading
    record_mask(
        event=result.event,
        label=label_of(reading, label),
        frame_index=frame,
        mask=encode_mask(square(x, 1)),
        provenance=provenance,
        base_revision=reading.revision,
        score=0.5,
        checkpoint=CHECKPOINT,
    )


def answers(reading: Reading, query: str = "") -> list[tuple[int, int, int, int]]:
    """Return (label index, frame, event seq, left column) of the answers as the reader gets them."""
    status, body = get(reading.reader, f"{reading.pk}/answers/{query}")
    assert status == 200
    assert body["revision"] == Reading.objects.get(pk=reading.pk).revision
    return [
        (
            mask["label_index"],
            mask["frame_index"],
            mask["event_seq"],
            int(decode_mask(base64.b64decode(mask["mask"])).any(0).argmax()),
        )
        for mask in body["masks"]
    ]


def test_the_last_answer_of_the_model_is_found_beneath_drawings() -> None:
    """Of prompts and propagations alike, the last one of an event; drawings and interpolations are no answers."""
    reading = make_reading()
    tab = Tab(reading)
    assert answers(reading) == []
    first = tab.send("prompt", click())
    answer(first, 1)
    answer(first, 2)
    assert answers(reading) == [(1, 0, 1, 2)]
    tab.send("edit", drawing(square(9)))
    tab.send("edit", drawing(square(9), frame=3))
    assert answers(reading) == [(1, 0, 1, 2)]
    run = tab.send("propagate", propagation(3, 1))
    answer(run, 3, frame=3, provenance=Provenance.PROPAGATED)
    answer(run, 4, frame=1, provenance=Provenance.PROPAGATED)
    answer(run, 5, frame=5, provenance=Provenance.PROPAGATED)
    drawn = tab.send("edit", drawing(square(9), frame=3))
    answer(drawn, 6, frame=4, provenance=Provenance.INTERPOLATED)
    other = tab.send("prompt", click(label=CATHETER, frame=1))
    answer(other, 7, frame=1, label=CATHETER)
    everything = [(1, 0, 1, 2), (1, 1, 4, 4), (1, 3, 4, 3), (1, 5, 4, 5), (2, 1, 6, 7)]
    assert answers(reading) == everything
    assert answers(reading, "?start=1&stop=3") == [everything[1], everything[2], everything[4]]


def test_what_was_taken_back_is_an_answer_only_where_no_other_stands() -> None:
    """A question that was undone does not count; without any other it is still what the model said."""
    reading = make_reading()
    tab = Tab(reading)
    first = tab.send("prompt", click())
    answer(first, 1)
    second = tab.send("prompt", click(9, 9))
    answer(second, 2)
    assert answers(reading) == [(1, 0, 2, 2)]
    tab.undo(second)
    assert answers(reading) == [(1, 0, 1, 1)]
    tab.undo(first)
    assert answers(reading) == [(1, 0, 2, 2)]
    tab.redo(first)
    assert answers(reading) == [(1, 0, 1, 1)]


def test_masks_of_a_label_that_left_the_schema_are_no_answers() -> None:
    """They are hidden everywhere else too."""
    reading = make_reading()
    asked = Tab(reading).send("prompt", click(label=CATHETER))
    answer(asked, 1, label=CATHETER)
    assert len(answers(reading)) == 1
    reading.campaign.schema = ensure_schema(name="Only arteries", labels=[LABELS[0]])
    reading.campaign.save()
    assert answers(reading) == []
