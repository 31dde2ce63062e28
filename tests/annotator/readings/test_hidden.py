"""Masks beneath others: what an undo brings to light can be fetched before it is undone."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from annotator.readings.models import Provenance, Reading
from annotator.readings.selectors import current_masks, hidden_masks
from annotator.readings.services import record_mask
from tests.factories.readings import Tab, click, drawing, label_of, make_reading, square
from workers.protocol.rle import encode_mask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker", "hints")]


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def test_hidden_masks(reading: Reading) -> None:
    """Those of models beneath a drawing or undone, once for each event; drawings stand in the log anyway."""
    tab, label = Tab(reading), label_of(reading)

    def answer(result: object, x: int) -> None:
        record_mask(
            event=result.event,  # type: ignore[attr-defined]
            label=label,
            frame_index=0,
            mask=encode_mask(square(x, 1)),
            provenance=Provenance.MODEL,
            base_revision=reading.revision,
        )

    first = tab.send("prompt", click(1, 1))
    answer(first, 1)
    answer(first, 2)
    assert hidden_masks(reading) == []
    tab.send("edit", drawing())
    third = tab.send("prompt", click(2, 2))
    answer(third, 3)
    assert [(mask.event_seq, mask.frame_index) for mask in hidden_masks(reading)] == [(1, 0)]
    tab.undo(third)
    assert [mask.event_seq for mask in hidden_masks(reading)] == [3, 1]
    assert [mask.event_seq for mask in current_masks(reading)] == [2]


def test_hidden_masks_over_http(reading: Reading) -> None:
    """In the form of the others, and only for those who may see the reading."""
    tab = Tab(reading)
    drawn = tab.send("prompt", click())
    record_mask(
        event=drawn.event,
        label=label_of(reading),
        frame_index=0,
        mask=encode_mask(square()),
        provenance=Provenance.MODEL,
        base_revision=1,
    )
    tab.undo(drawn)
    client = Client()
    url = f"/api/v1/readings/{reading.pk}/masks/?hidden=true"
    assert client.get(url).status_code == 401
    client.force_login(reading.reader)
    (mask,) = client.get(url).json()["masks"]
    assert (mask["event_seq"], mask["area"], mask["provenance"]) == (1, 16, "MODEL")
    assert client.get(url.replace("?hidden=true", "")).json()["masks"] == []
    assert client.get(f"/api/v1/readings/{uuid.uuid4()}/masks/?hidden=true").status_code == 404
