"""The window that a model looks through is chosen by the event, sent to the worker, and recorded with each mask."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotator.core.errors import InvalidInput
from annotator.inference.services import redispatch_job
from annotator.readings.models import Mask, Reading, ReadingEvent
from annotator.readings.selectors import current_masks
from annotator.readings.services import open_reading
from tests.annotator.inference.helpers import asked, job_of
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import Tab, click, drawing, make_reading, propagation

pytestmark = pytest.mark.django_db

OWN, BONE, LUNG = [0.0, 255.0], [524.0, 2324.0], [-326.0, 1174.0]


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading of a cine with two windows to choose from, while a worker is there."""
    made = make_reading()
    made.cine.windows = {"bone": BONE, "lung": LUNG}
    made.cine.save()
    return made


def windows(reading: Reading) -> dict[int, Any]:
    """Return the window of the current mask of each frame."""
    return {mask.frame_index: mask.window for mask in current_masks(reading)}


def test_an_event_chooses_the_window_of_its_own_request(reading: Reading, broker: MemoryBroker) -> None:
    """The next one, without a word, sees the cine through its own again; the log keeps the name."""
    tab = Tab(reading)
    for window, expected in (("bone", BONE), (None, OWN), ("lung", LUNG)):
        tab.send("prompt", {**click(), "window": window})
        assert asked(broker).cine.window == expected
    payloads = ReadingEvent.objects.filter(reading=reading).values_list("payload", flat=True)
    assert [payload.get("window") for payload in payloads] == ["bone", None, "lung"]
    assert [("window" in payload) for payload in payloads] == [True, False, True]


def test_each_mask_keeps_the_window_that_it_was_made_through(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Those of prompts and of propagations; a drawn one has none. The API tells it."""
    tab = Tab(reading)
    tab.send("prompt", {**click(), "window": "bone"})
    worker.serve(broker)
    tab.send("propagate", {**propagation(stop=2), "window": "lung"})
    worker.serve(broker)
    tab.send("prompt", click(frame=3))
    worker.serve(broker)
    tab.send("edit", drawing(frame=4))
    assert windows(reading) == {0: BONE, 1: LUNG, 2: LUNG, 3: OWN, 4: None}
    client = APIClient()
    client.force_authenticate(reading.reader)
    rows = client.get(f"/api/v1/readings/{reading.pk}/masks/").json()["masks"]
    assert [row["window"] for row in rows] == [BONE, LUNG, LUNG, OWN, None]


def test_frames_are_encoded_ahead_through_the_window_of_last_time(reading: Reading, broker: MemoryBroker) -> None:
    """That of the last prompt or propagation; the cine's own where there is none, or where it is gone."""
    tab = Tab(reading)
    tab.send("prompt", {**click(), "window": "bone"})
    tab.send("edit", drawing(frame=4))
    assert warmed(reading, broker) == BONE
    tab.send("prompt", click(frame=1))
    assert warmed(reading, broker) == OWN
    tab.send("prompt", {**click(frame=2), "window": "lung"})
    assert warmed(reading, broker) == LUNG
    reading.cine.windows = {}
    reading.cine.save()
    assert warmed(reading, broker) == OWN


def warmed(reading: Reading, broker: MemoryBroker) -> list[float]:
    """Return the window through which frames are encoded when the reading is opened again."""
    open_reading(reader=reading.reader, cine=reading.cine, campaign=reading.campaign)
    window: list[float] = list(broker.named("gpu.warm")[-1].cine.window)
    return window


def test_a_late_answer_records_what_its_worker_saw(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Not what the cine says by then, nor what the reader has chosen since; sent again it is the same window."""
    tab = Tab(reading)
    first = tab.send("prompt", {**click(), "window": "bone"})
    redispatch_job(job_id=job_of(first).pk)
    assert asked(broker).cine.window == BONE
    tab.send("prompt", {**click(frame=1), "window": "lung"})
    reading.cine.windows = {}
    reading.cine.save()
    worker.serve(broker)
    assert windows(reading) == {0: BONE, 1: LUNG}
    assert Mask.objects.count() == 2


def test_a_propagation_compares_itself_with_what_was_seen_through_the_same_window_only(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Three equal frames say nothing of the next ones where these were seen otherwise."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    tab.send("propagate", {**propagation(), "window": "bone"})
    worker.serve(broker)
    for window, count in (("bone", 5), ("lung", 0), (None, 0)):
        tab.send("propagate", {**propagation(), "window": window})
        (label,) = asked(broker).labels
        assert len(label["standing"]) == count


@pytest.mark.parametrize("window", ["spleen", "", "BONE", 7, ["bone"], [0, 255], {"bone": 1}, True])
@pytest.mark.parametrize("kind", ["prompt", "propagate"])
def test_a_window_that_the_cine_does_not_have_is_refused(
    reading: Reading, broker: MemoryBroker, kind: str, window: Any
) -> None:
    """With the names of those that it has; nothing is appended."""
    payload = {"prompt": click(), "propagate": propagation()}[kind]
    with pytest.raises(InvalidInput) as refused:
        Tab(reading).send(kind, {**payload, "window": window})
    assert refused.value.code == "unknown_window"
    assert refused.value.details == {"windows": ["bone", "lung"]}
    assert not ReadingEvent.objects.exists()
    assert broker.named("gpu.predict", "gpu.propagate") == []


def test_a_cine_without_presets_has_nothing_to_choose(worker: FakeWorker) -> None:
    """The refusal says so."""
    with pytest.raises(InvalidInput, match="no other windows"):
        Tab(make_reading()).send("prompt", {**click(), "window": "bone"})


def test_an_event_of_before_there_were_windows_may_be_sent_again(reading: Reading) -> None:
    """Its canonical form is what it was."""
    tab, client_uuid = Tab(reading), uuid.uuid4()
    tab.send("prompt", click(), client_uuid=client_uuid)
    tab.revision = 0
    assert not tab.send("prompt", {**click(), "window": None}, client_uuid=client_uuid).created
