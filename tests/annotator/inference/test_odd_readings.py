"""Cines of unusual size, prompts in unusual number, labels that leave: a right answer or a refusal, never an error."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from annotator.campaigns.models import Label
from annotator.campaigns.services import LabelSpec, ensure_schema
from annotator.inference.models import InferenceJob
from annotator.readings.models import Mask, Reading
from annotator.readings.selectors import current_masks
from tests.annotator.inference.helpers import asked, job_of, standing_of
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    FRAMES,
    Tab,
    click,
    drawing,
    encoded,
    make_reading,
    propagation,
    square,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("worker")]


class Browser:
    """Talks to a reading over HTTP, and fails on any answer that is neither good nor a refusal of the usual shape."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.revision = reading, 0
        self.client = APIClient(raise_request_exception=False)
        self.client.force_authenticate(reading.reader)

    def send(self, kind: str, payload: Any) -> tuple[int, str, Any]:
        """Append an event; return (status, code of the refusal, body)."""
        body = {"client_uuid": str(uuid.uuid4()), "base_revision": self.revision, "kind": kind, "payload": payload}
        answer = self.client.post(f"/api/v1/readings/{self.reading.pk}/events/", body, format="json")
        content = answer.json()
        if answer.status_code == 201:
            self.revision = content["revision"]
            return 201, "", content
        assert 400 <= answer.status_code < 500, content
        assert content["error"]["message"].endswith(".")
        return answer.status_code, content["error"]["code"], content

    def masks(self) -> list[Any]:
        """Return the current masks."""
        answer = self.client.get(f"/api/v1/readings/{self.reading.pk}/masks/")
        assert answer.status_code == 200
        rows: list[Any] = answer.json()["masks"]
        return rows


def box(*edges: float, frame: int = 0) -> dict[str, Any]:
    """Return the payload of a prompt of one box."""
    return {"frame_index": frame, "label": ARTERY, "points": [], "box": list(edges)}


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 90), (90, 1), (4096, 4096)])
def test_cines_of_every_size_are_prompted_drawn_and_propagated(
    worker: FakeWorker, broker: MemoryBroker, rows: int, columns: int
) -> None:
    """Points on the corners, a box and a line over all of it; masks of its own size come back."""
    browser = Browser(make_reading(rows=rows, columns=columns, frames=2))
    corners = [{"x": float(x), "y": float(y), "positive": True} for x in (0, columns) for y in (0, rows)]
    assert browser.send("prompt", {**click(), "points": corners})[0] == 201
    assert browser.send("prompt", box(0, 0, columns, rows))[0] == 201
    line = [0.0, 0.0, float(columns), float(rows)]
    assert browser.send("prompt", {**click(), "points": [], "box": None, "line": line})[0] == 201
    worker.serve(broker)
    full = np.ones((rows, columns), bool)
    assert browser.send("edit", drawing(full))[0] == 201
    assert browser.send("propagate", propagation(stop=1))[0] == 201
    worker.serve(broker)
    masks = browser.masks()
    assert [(mask["frame_index"], mask["provenance"], mask["area"]) for mask in masks] == [
        (0, "HUMAN", rows * columns),
        (1, "PROPAGATED", rows * columns),
    ]
    assert [job.status for job in InferenceJob.objects.all()] == ["DONE"] * 4


def test_the_longest_mask_of_the_largest_cine_is_kept(worker: FakeWorker, broker: MemoryBroker) -> None:
    """Every second pixel of 4096 x 4096, drawn and answered: as many runs as there can be."""
    browser = Browser(make_reading(rows=4096, columns=4096, frames=1))
    mask = (np.indices((4096, 4096)).sum(0) % 2).astype(bool)
    assert browser.send("prompt", click(label=CATHETER))[0] == 201
    worker.answer(asked(broker), CATHETER, 0, ~mask)
    assert browser.send("edit", drawing(mask))[0] == 201
    assert [row["area"] for row in browser.masks()] == [2**23, 2**23]


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_a_single_frame_is_prompted_and_propagates_nowhere(
    worker: FakeWorker, broker: MemoryBroker, direction: str
) -> None:
    """The refusal says why; the mask stays."""
    browser = Browser(make_reading(frames=1))
    assert browser.send("prompt", click())[0] == 201
    worker.serve(broker)
    status, code, content = browser.send("propagate", propagation(stop=0, direction=direction))
    assert (status, code) == (422, "nothing_to_compute")
    assert content["error"]["message"] == "There is no frame to propagate to: the range holds frame 1 alone."
    assert [mask["frame_index"] for mask in browser.masks()] == [0]


def test_prompts_on_all_frames_leave_nothing_to_propagate(worker: FakeWorker, broker: MemoryBroker) -> None:
    """Each frame keeps its own mask."""
    browser = Browser(make_reading())
    for frame in range(FRAMES):
        assert browser.send("prompt", click(frame=frame))[0] == 201
    worker.serve(broker)
    assert browser.send("propagate", propagation())[:2] == (422, "nothing_to_compute")
    assert [mask["provenance"] for mask in browser.masks()] == ["MODEL"] * FRAMES


@pytest.mark.parametrize(
    ("count", "events", "code"), [(200, 1, "too_many_points"), (50, 4, ""), (64, 4, ""), (64, 5, "too_many_points")]
)
def test_points_in_every_number(worker: FakeWorker, broker: MemoryBroker, count: int, events: int, code: str) -> None:
    """Two hundred in one event are too many, in four they are not; the limit of what may stand holds."""
    browser = Browser(make_reading())
    points = [{"x": number % 16, "y": number % 12, "positive": number % 2 == 0} for number in range(count)]
    answers = [browser.send("prompt", {**click(), "points": points}) for _ in range(events)]
    assert [answer[:2] for answer in answers[:-1]] == [(201, "")] * (events - 1)
    assert answers[-1][:2] == ((400, code) if code else (201, ""))
    if not code:
        worker.serve(broker)
        assert len(browser.masks()) == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({**click(), "points": []}, "empty_prompt"),
        ({**click(), "points": [], "box": None, "line": None}, "empty_prompt"),
        (box(3, 3, 3, 9), "empty_box"),
        (box(3, 3, 9, 3), "empty_box"),
        (box(3, 3, 3, 3), "empty_box"),
        (box(9, 9, 3, 3), "empty_box"),
        (click(positive=False), "only_negative_points"),
        (click(label="spleen"), "unknown_label"),
        (click(frame=FRAMES), "frame_out_of_range"),
        ({**click(), "points": [{"x": 1e308 * 10, "y": 1, "positive": True}]}, "invalid_payload"),
        ({**click(), "points": [{"x": "NaN", "y": 1, "positive": True}]}, "invalid_payload"),
    ],
)
def test_prompts_that_ask_for_nothing_are_refused(payload: dict[str, Any], code: str) -> None:
    """By their codes; nothing is sent to a worker."""
    browser = Browser(make_reading())
    if code == "invalid_payload" and payload["points"][0]["x"] == float("inf"):
        # No JSON number: what a careless client writes is refused as it is read.
        body = '{"client_uuid":"%s","base_revision":0,"kind":"prompt","payload":{"points":[{"x":Infinity}]}}'
        url = f"/api/v1/readings/{browser.reading.pk}/events/"
        answer = browser.client.post(url, body % uuid.uuid4(), content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["error"]["code"]
        return
    assert browser.send("prompt", payload)[:2] == (400, code)
    assert not InferenceJob.objects.exists()


def another_schema(reading: Reading) -> None:
    """Let the campaign go over to a schema without the artery."""
    schema = ensure_schema(
        name=f"Another {uuid.uuid4()}",
        labels=[LabelSpec(CATHETER, "Catheter", "#1971c2"), LabelSpec("stent", "Stent", "#1971c3")],
    )
    reading.campaign.schema = schema
    reading.campaign.save()


def renamed(reading: Reading) -> None:
    """Give the artery another code."""
    Label.objects.filter(schema=reading.campaign.schema, code=ARTERY).update(code="artery")


class TestALabelThatLeaves:
    """The campaign's labels change while a reading is under way."""

    @pytest.fixture
    def reading(self) -> Reading:
        """Return a fresh reading."""
        return make_reading()

    @pytest.mark.parametrize("leaves", [another_schema, renamed])
    def test_a_mask_that_comes_afterwards_is_not_kept_and_says_why(
        self, reading: Reading, worker: FakeWorker, broker: MemoryBroker, leaves: Callable[[Reading], None]
    ) -> None:
        """The job fails by name of the label, the log of errors stays clean, the next prompt works."""
        tab = Tab(reading)
        result = tab.send("prompt", click())
        leaves(reading)
        worker.serve(broker)
        assert standing_of(result) == ("FAILED", 0, 1, "label_removed")
        assert ARTERY in job_of(result).error_message
        assert not Mask.objects.exists()
        after = Browser(Reading.objects.get(pk=reading.pk))
        after.revision = tab.revision
        assert after.send("prompt", click())[:2] == (400, "unknown_label")
        assert after.send("prompt", click(label=CATHETER))[0] == 201
        worker.serve(broker)
        assert [mask["label"] for mask in after.masks()] == [CATHETER]

    def test_the_others_of_a_propagation_are_kept(
        self, reading: Reading, worker: FakeWorker, broker: MemoryBroker
    ) -> None:
        """Until the first mask of the label that has left; what came stays."""
        tab = Tab(reading)
        tab.send("edit", drawing(label=CATHETER))
        tab.send("edit", drawing())
        result = tab.send("propagate", propagation(labels=[CATHETER, ARTERY]))
        renamed(reading)
        worker.serve(broker)
        assert standing_of(result) == ("FAILED", 5, 10, "label_removed")
        masks = current_masks(Reading.objects.get(pk=reading.pk))
        assert {mask.label for mask in masks} == {CATHETER, "artery"}
        assert len(masks) == 7

    def test_its_masks_hide_and_come_back_with_it(
        self, reading: Reading, worker: FakeWorker, broker: MemoryBroker
    ) -> None:
        """Nothing is lost; undo, accept and a late look at the changes raise nothing meanwhile."""
        before, browser = reading.campaign.schema, Browser(reading)
        browser.send("edit", drawing(square()))
        drawn = browser.send("edit", drawing(square(5, 5)))[2]
        browser.send("accept", {"frame_indices": [0], "accepted": True})
        another_schema(reading)
        assert browser.masks() == []
        for since in range(4):
            url = f"/api/v1/readings/{reading.pk}/masks/?since={since}"
            assert browser.client.get(url).json()["masks"] == []
        assert browser.client.get(f"/api/v1/readings/{reading.pk}/").status_code == 200
        undone = browser.send("undo", {"target": drawn["event"]["id"]})
        assert undone[0] == 201
        assert undone[2]["masks"] == []
        assert browser.send("accept", {"frame_indices": [0], "accepted": False})[0] == 201
        assert browser.send("redo", {"target": drawn["event"]["id"]})[0] == 201
        reading.campaign.schema = before
        reading.campaign.save()
        (mask,) = browser.masks()
        assert mask["label"] == ARTERY
        assert mask["mask"] == encoded(square(5, 5))
