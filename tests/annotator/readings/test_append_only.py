"""The database itself refuses what must never happen."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from annotator.readings.models import Mask, Reading, ReadingEvent, Segmentation
from tests.factories.readings import Tab, drawing, label_of, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker", "hints")]


@pytest.fixture
def reading() -> Reading:
    """Return a reading with one drawn frame."""
    reading = make_reading()
    Tab(reading).send("edit", drawing())
    return reading


def test_events_and_masks_are_never_updated(reading: Reading) -> None:
    """A trigger stands in the way, whoever asks."""
    for update in (
        lambda: ReadingEvent.objects.filter(reading=reading).update(payload={}),
        lambda: Mask.objects.filter(segmentation__reading=reading).update(area=0),
        lambda: Mask.objects.get(segmentation__reading=reading).save(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            update()
    assert Mask.objects.get(segmentation__reading=reading).area == 16


def event_of(reading: Reading, **changes: object) -> ReadingEvent:
    """Return an unsaved event."""
    fields = {"seq": 2, "client_uuid": uuid.uuid4(), "kind": "accept", "payload": {}, **changes}
    return ReadingEvent(reading=reading, actor=reading.reader, **fields)


def test_the_constraints_of_events(reading: Reading) -> None:
    """Seq and client UUID are unique within the reading, kinds are known, targets belong to reversals."""
    first = reading.events.get()
    event_of(reading).save()
    for wrong in (
        {"seq": 1},
        {"seq": 0},
        {"seq": 3, "client_uuid": first.client_uuid},
        {"seq": 3, "kind": "paint"},
        {"seq": 3, "kind": "undo"},
        {"seq": 3, "target": first},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            event_of(reading, **wrong).save()


def test_the_constraints_of_masks(reading: Reading) -> None:
    """A place in the order is taken once, provenance is known, a score is a fraction."""
    mask = Mask.objects.get(segmentation__reading=reading)
    kept = {
        "segmentation": mask.segmentation,
        "frame_index": 0,
        "event": mask.event,
        "blob": mask.blob,
        "area": 1,
        "provenance": "HUMAN",
        "ordinal": 2,
        "base_revision": 1,
    }
    for wrong in ({"ordinal": 1}, {"ordinal": 0}, {"provenance": "GUESS"}, {"score": 1.5}, {"score": -0.1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Mask.objects.create(**{**kept, **wrong})
    Mask.objects.create(**kept)


def test_the_constraints_of_readings(reading: Reading) -> None:
    """A segmentation exists once per label, a reader reads a cine once, a submitted reading has a time."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Segmentation.objects.create(reading=reading, label=label_of(reading))
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.filter(pk=reading.pk).update(status="SUBMITTED")
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.filter(pk=reading.pk).update(status="BURNT")
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.create(
            assignment=reading.assignment, campaign=reading.campaign, cine=reading.cine, reader=reading.reader
        )
