"""A line prompt stays a line in the log and is a box to the model: a square around the longest diameter."""

from __future__ import annotations

import itertools
import math
import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.selectors import box_of_line, length_of_line, prompts_of
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import ARTERY, COLUMNS, ROWS, Tab, click, drawing, label_of, make_reading

database = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]


def line(*ends: float, frame: int = 0, **other: Any) -> dict[str, Any]:
    """Return the payload of a prompt of one line."""
    return {"frame_index": frame, "label": ARTERY, "points": [], "line": list(ends), **other}


@pytest.mark.parametrize(
    ("given", "box"),
    [
        ([20, 50, 60, 50], [20, 30, 60, 70]),
        ([40, 30, 40, 70], [20, 30, 60, 70]),
        ([28, 38, 52, 56], [25, 32, 55, 62]),
        ([0, 50, 40, 50], [0, 30, 40, 70]),
        ([0, 10, 40, 10], [0, 0, 40, 30]),
        ([70, 0, 100, 0], [70, 0, 100, 15]),
        ([0, 0, 100, 80], [0, 0, 100, 80]),
    ],
)
def test_the_box_is_the_square_around_the_line_cut_at_the_image(given: list[float], box: list[float]) -> None:
    """In an image of 80 rows and 100 columns, along the axes, aslant and at the borders."""
    assert box_of_line(given, rows=80, columns=100) == pytest.approx(box)


def test_the_box_is_the_same_however_the_line_is_turned_or_drawn() -> None:
    """It is that of the circle with the line as a diameter: all lines across a circle mean one box."""
    boxes = []
    for angle in range(0, 360, 15):
        dx, dy = 20 * math.cos(math.radians(angle)), 20 * math.sin(math.radians(angle))
        boxes.append(box_of_line([50 - dx, 40 - dy, 50 + dx, 40 + dy], rows=80, columns=100))
    for box in boxes:
        assert box == pytest.approx([30, 20, 70, 60])


def test_every_line_inside_an_image_means_a_box_with_an_area_inside_it() -> None:
    """Whatever its ends, which the box holds where the line runs along an axis."""
    places = [(x, y) for x in (0.0, 0.5, 3.25, 8.0) for y in (0.0, 2.0, 6.0)]
    for (x0, y0), (x1, y1) in itertools.permutations(places, 2):
        given = [x0, y0, x1, y1]
        if length_of_line(given) < 1:
            continue
        left, top, right, bottom = box_of_line(given, rows=6, columns=8)
        assert 0 <= left < right <= 8
        assert 0 <= top < bottom <= 6
        if y0 == y1:
            assert left <= min(x0, x1) + 1e-9
            assert right >= max(x0, x1) - 1e-9


class TestReadings:
    """Lines in the log, and in what is asked of a worker."""

    pytestmark = database

    @pytest.fixture
    def reading(self, worker: FakeWorker) -> Reading:
        """Return a fresh reading while a worker is there."""
        return make_reading()

    def test_the_worker_gets_the_box_and_the_log_keeps_the_line(self, reading: Reading, broker: MemoryBroker) -> None:
        """Canonical numbers, no box beside it."""
        Tab(reading).send("prompt", line(4, 6, 10, 6))
        (request,) = broker.named("gpu.predict")
        assert (request.box, request.points) == ([4, 3, 10, 9], [])
        event = ReadingEvent.objects.get(reading=reading)
        assert event.payload == {
            "frame_index": 0,
            "label": ARTERY,
            "points": [],
            "box": None,
            "line": [4.0, 6.0, 10.0, 6.0],
        }

    def test_the_last_of_box_and_line_counts(self, reading: Reading, broker: MemoryBroker) -> None:
        """Each replaces the other; points add to either; an edit retires them all."""
        tab, label = Tab(reading), label_of(reading)
        tab.send("prompt", {**click(1, 1), "box": [0, 0, 8, 8]})
        drawn = tab.send("prompt", line(4, 6, 10, 6, points=[{"x": 7.0, "y": 6.0, "positive": True}]))
        standing = prompts_of(reading, 0, label)
        assert (standing.box, standing.points) == ([4, 3, 10, 9], [[1, 1, 1], [7, 6, 1]])
        tab.send("prompt", {**click(2, 2), "box": [1, 1, 3, 3]})
        assert prompts_of(reading, 0, label).box == [1, 1, 3, 3]
        tab.undo(drawn)
        assert prompts_of(reading, 0, label).box == [1, 1, 3, 3]
        tab.send("edit", drawing())
        assert prompts_of(reading, 0, label).box is None

    def test_an_undone_line_means_nothing(self, reading: Reading) -> None:
        """What stood before it stands again."""
        tab, label = Tab(reading), label_of(reading)
        tab.send("prompt", {**click(1, 1), "box": [0, 0, 8, 8]})
        tab.undo(tab.send("prompt", line(4, 6, 10, 6)))
        assert prompts_of(reading, 0, label).box == [0, 0, 8, 8]

    def test_a_negative_point_may_follow_a_line(self, reading: Reading) -> None:
        """The line asks for something to take away from."""
        tab = Tab(reading)
        tab.send("prompt", line(4, 6, 10, 6))
        assert tab.send("prompt", click(positive=False)).revision == 2

    def test_prompts_without_a_line_are_what_they_were(self, reading: Reading) -> None:
        """A null line is none: an event of before there were lines may be sent again."""
        tab, client_uuid = Tab(reading), uuid.uuid4()
        tab.send("prompt", {**click(), "line": None}, client_uuid=client_uuid)
        event = ReadingEvent.objects.get(reading=reading)
        assert "line" not in event.payload
        tab.revision = 0
        assert not tab.send("prompt", click(), client_uuid=client_uuid).created

    def test_the_log_over_http_shows_the_line(self, reading: Reading) -> None:
        """As it was sent, and a bad one is refused in the usual shape."""
        client = APIClient()
        client.force_authenticate(reading.reader)
        url = f"/api/v1/readings/{reading.pk}/events/"
        body = {"client_uuid": str(uuid.uuid4()), "base_revision": 0, "kind": "prompt"}
        refused = client.post(url, {**body, "payload": line(0, 0, COLUMNS + 1, ROWS)}, format="json")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "prompt_outside_image")
        answer = client.post(url, {**body, "payload": line(0, 0, COLUMNS, ROWS)}, format="json")
        assert answer.status_code == 201
        (event,) = client.get(url).json()["results"]
        assert event["payload"]["line"] == [0.0, 0.0, float(COLUMNS), float(ROWS)]
