"""Words ask for a mask by themselves; what follows corrects it, and a model that takes none says so."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.core.errors import Unprocessable
from annotator.inference.models import InferenceJob
from annotator.inference.services import redispatch_job
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.selectors import current_masks, prompts_of
from tests.annotator.inference.helpers import asked, job_of, standing_of
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    Tab,
    click,
    drawing,
    label_of,
    make_campaign,
    make_reading,
    propagation,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a reading with SAM 3, while a worker is there."""
    return make_reading(make_campaign(current_family="sam3"))


def words(text: str, *, frame: int = 0, label: str = ARTERY, **other: Any) -> dict[str, Any]:
    """Return the payload of a prompt of words."""
    return {"frame_index": frame, "label": label, "points": [], "text": text, **other}


def test_words_go_to_the_worker_alone(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Whatever stood on the frame before; the log keeps them, without the space around."""
    tab = Tab(reading)
    tab.send("prompt", {**click(), "box": [0, 0, 8, 8]})
    worker.serve(broker)
    tab.send("prompt", words("  left ventricle "))
    request = asked(broker)
    assert (request.text, request.points, request.box, request.previous_mask) == ("left ventricle", [], None, None)
    event = ReadingEvent.objects.get(reading=reading, seq=2)
    assert event.payload == {**words("left ventricle"), "box": None}


def test_what_follows_corrects_the_mask_that_was_found(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Prompts from before the words are retired, as by drawing; undoing the words brings them back."""
    tab, label = Tab(reading), label_of(reading)
    tab.send("prompt", {**click(1, 1), "box": [0, 0, 8, 8]})
    worker.serve(broker)
    found = tab.send("prompt", words("vessel"))
    worker.serve(broker)
    (mask,) = current_masks(reading)
    tab.send("prompt", click(5, 5, positive=False))
    request = asked(broker)
    assert (request.text, request.points, request.box, request.previous_mask) == (None, [[5, 5, 0]], None, mask.blob)
    worker.serve(broker)
    tab.undo(found)
    assert prompts_of(reading, 0, label).points == [[1, 1, 1], [5, 5, 0]]
    assert prompts_of(reading, 0, label).box == [0, 0, 8, 8]


def test_what_was_found_is_propagated_and_counts_as_prompted(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """It is a mask like any other."""
    tab = Tab(reading)
    tab.send("prompt", words("vessel", frame=2))
    worker.serve(broker)
    tab.send("propagate", propagation(frame=2))
    worker.serve(broker)
    assert [mask.provenance for mask in current_masks(reading)] == ["PROPAGATED"] * 2 + ["MODEL"] + ["PROPAGATED"] * 3


def test_words_for_one_label_leave_the_others_alone(reading: Reading, broker: MemoryBroker) -> None:
    """Labels do not mix."""
    tab = Tab(reading)
    tab.send("prompt", click(label=CATHETER))
    tab.send("prompt", words("vessel"))
    assert prompts_of(reading, 0, label_of(reading, CATHETER)).points == [[4.5, 5.5, 1]]


def test_sent_again_it_asks_for_the_same_words(reading: Reading, broker: MemoryBroker) -> None:
    """And a request that was stored before there were words is still sent."""
    tab = Tab(reading)
    result = tab.send("prompt", words("vessel"))
    redispatch_job(job_id=job_of(result).pk)
    assert asked(broker).text == "vessel"
    older = tab.send("prompt", click(frame=1))
    job = job_of(older)
    del job.request["text"]
    job.save()
    redispatch_job(job_id=job.pk)
    assert (asked(broker).frame_index, asked(broker).text) == (1, None)


@pytest.mark.parametrize("family", ["bundled", "sam2.1-tiny", "medsam2"])
def test_a_family_that_takes_no_words_says_so_at_once(worker: FakeWorker, broker: MemoryBroker, family: str) -> None:
    """Nothing is appended, and clicks go on working."""
    tab = Tab(make_reading(make_campaign(current_family=family)))
    with pytest.raises(Unprocessable, match=r"takes no words") as refused:
        tab.send("prompt", words("vessel"))
    assert refused.value.code == "no_text_prompts"
    assert not ReadingEvent.objects.exists()
    assert not InferenceJob.objects.exists()
    assert tab.send("prompt", click()).revision == 1


@pytest.mark.parametrize("code", ["no_text_prompts", "nothing_found", "text_too_long"])
def test_what_a_worker_refuses_leaves_the_mask_that_stood(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, code: str
) -> None:
    """Its sentence reaches the reader; nothing is cleared."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    before = current_masks(reading)
    result = tab.send("prompt", words("vessel"))
    worker.fail(asked(broker), code)
    assert standing_of(result) == ("FAILED", 0, 1, code)
    assert current_masks(reading) == before
