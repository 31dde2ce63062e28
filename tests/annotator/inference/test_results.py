"""Answers of workers that count: recorded once, in whatever order they come, and shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from annotator.core import blobs
from annotator.inference.services import brief_job
from annotator.readings.models import Mask, Reading
from annotator.readings.selectors import current_masks
from tests.annotator.inference.helpers import asked, frames_of, job_of, snapshot, spread, standing_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker, predicted, propagated
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    CHECKPOINT,
    FRAMES,
    Tab,
    click,
    drawing,
    make_reading,
    propagation,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask, read_header

pytestmark = pytest.mark.django_db

LAST = FRAMES - 1


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def test_a_mask_is_stored_with_where_it_comes_from(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Pixels, score, checkpoint, window, event, and since when it can have been seen."""
    tab = Tab(reading)
    result = tab.send("prompt", click(frame=3))
    tab.send("edit", drawing(frame=0))
    request = asked(broker)
    worker.answer(request, ARTERY, 3, square(2, 2), score=1.5)
    mask = Mask.objects.get(event=result.event)
    assert (decode_mask(blobs.get_bytes(mask.blob)) == square(2, 2)).all()
    assert blobs.get_bytes(mask.blob) == encode_mask(square(2, 2))
    assert (mask.frame_index, mask.area, mask.provenance) == (3, 16, "MODEL")
    assert (mask.score, mask.checkpoint, mask.window) == (1.0, CHECKPOINT, [0.0, 255.0])
    assert mask.base_revision == 2
    assert [found.frame_index for found in current_masks(reading, since=2)] == [3], "a late mask has a revision"


def test_a_mask_without_a_score(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """A model need not judge itself."""
    Tab(reading).send("prompt", click())
    worker.answer(asked(broker), ARTERY, 0, square(), score=None)
    assert Mask.objects.get().score is None


def test_an_empty_mask_is_an_answer(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The model may find nothing there."""
    result = Tab(reading).send("prompt", click())
    worker.answer(asked(broker), ARTERY, 0, square(side=0))
    worker.done(asked(broker))
    assert standing_of(result) == ("DONE", 1, 1, "")
    assert Mask.objects.get().area == 0


def test_a_mask_is_shown_to_the_reader(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """The binary message says of which label, frame, run and kind it is, and whether the frame is accepted."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=2, label=CATHETER))
    tab.send("propagate", propagation(2, labels=(CATHETER,)))
    worker.serve(broker)
    tab.send("accept", {"frame_indices": [4], "accepted": True})
    tab.send("prompt", click(9, 9, frame=4))
    worker.serve(broker)
    headers = [read_header(data) for data in hints.masks()[1:]]
    assert [(one.label, one.frame_index, one.status, one.run_id, one.flags) for one in headers] == [
        *((2, frame, 2, 1, 0) for frame in (3, 4, 5, 1, 0)),
        (1, 4, 1, 2, 1),
    ]
    assert all(one.server_ms > 0 for one in headers)
    drawn = Mask.objects.order_by("created_at").last()
    assert drawn is not None
    assert (decode_mask(hints.masks()[-1]) == decode_mask(blobs.get_bytes(drawn.blob))).all()


def some_masks(worker: FakeWorker, request: Any) -> None:
    """Answer two frames."""
    for number, answer in enumerate(propagated(request)[:2], 1):
        worker.answer(request, *answer, done=number, total=LAST)


def all_masks(worker: FakeWorker, request: Any) -> None:
    """Answer everything without a last word."""
    for number, answer in enumerate(propagated(request), 1):
        worker.answer(request, *answer, done=number, total=LAST)


def masks_then_done(worker: FakeWorker, request: Any) -> None:
    """Answer everything."""
    all_masks(worker, request)
    worker.done(request)


def done_then_masks(worker: FakeWorker, request: Any) -> None:
    """Let the last word come first."""
    worker.done(request)
    all_masks(worker, request)


def done_early(worker: FakeWorker, request: Any) -> None:
    """Stop before the end."""
    some_masks(worker, request)
    worker.done(request, early_stop=True)


def done_only(worker: FakeWorker, request: Any) -> None:
    """Say the last word, while the masks are still on their way."""
    worker.done(request)


def failed(worker: FakeWorker, request: Any) -> None:
    """Fail after two frames."""
    some_masks(worker, request)
    worker.fail(request)


@pytest.mark.parametrize(
    ("answer", "standing", "masks"),
    [
        (some_masks, ("RUNNING", 2, LAST, ""), 2),
        (all_masks, ("RUNNING", LAST, LAST, ""), LAST),
        (masks_then_done, ("DONE", LAST, LAST, ""), LAST),
        (done_then_masks, ("DONE", LAST, LAST, ""), LAST),
        (done_early, ("DONE", 2, LAST, ""), 2),
        (done_only, ("RUNNING", 0, LAST, ""), 0),
        (failed, ("FAILED", 2, LAST, "out_of_memory"), 2),
    ],
)
def test_answers_that_come_twice_count_once(
    reading: Reading,
    worker: FakeWorker,
    broker: MemoryBroker,
    answer: Callable[[FakeWorker, Any], None],
    standing: tuple[str, int, int, str],
    masks: int,
) -> None:
    """The second delivery of everything changes not one field of anything."""
    _, result, request = spread(reading, broker)
    answer(worker, request)
    assert standing_of(result) == standing
    assert result.event.masks.count() == masks
    once = snapshot(reading)
    answer(worker, request)
    assert snapshot(reading) == once


def test_masks_may_come_in_any_order_and_after_the_last_word(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """The job ends with its last mask, not with the word that it is over."""
    _, result, request = spread(reading, broker)
    answers = propagated(request)
    worker.answer(request, *answers[2], done=3, total=LAST)
    worker.done(request)
    for answer in (answers[4], answers[0], answers[3]):
        assert standing_of(result)[0] == "RUNNING"
        worker.answer(request, *answer, done=1, total=LAST)
    assert standing_of(result) == ("RUNNING", 4, LAST, "")
    worker.answer(request, *answers[1], done=2, total=LAST)
    assert standing_of(result) == ("DONE", LAST, LAST, "")


def test_masks_come_after_an_early_stop_too(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Another thread still recorded them; the job stays done and nothing is lost."""
    _, result, request = spread(reading, broker)
    worker.done(request, early_stop=True)
    some_masks(worker, request)
    assert standing_of(result) == ("DONE", 2, LAST, "")
    assert frames_of(reading).keys() == {0, 1, 2}


def test_a_failure_shows_its_code_and_sentence(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """On the job and in the hint; the masks that have come stay, and the reader may go on."""
    tab, result, request = spread(reading, broker)
    some_masks(worker, request)
    worker.fail(request)
    error = brief_job(job_of(result)).error
    assert error is not None
    assert (error.code, error.message) == ("out_of_memory", "The worker ran out of memory.")
    told = hints.of("job")[-1]["job"]
    assert told["status"] == "FAILED"
    assert told["error"] == {"code": "out_of_memory", "message": "The worker ran out of memory."}
    assert frames_of(reading) == {0: "HUMAN", 1: "PROPAGATED", 2: "PROPAGATED"}
    tab.send("propagate", propagation())
    worker.serve(broker)
    assert frames_of(reading).keys() == set(range(FRAMES))


def test_after_a_failure_nothing_counts(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Neither masks nor a last word, nor another failure."""
    _, result, request = spread(reading, broker)
    worker.fail(request)
    once = snapshot(reading)
    masks_then_done(worker, request)
    worker.fail(request, code="worker_error")
    assert snapshot(reading) == once
    assert standing_of(result) == ("FAILED", 0, LAST, "out_of_memory")


def test_a_job_that_is_done_does_not_fail(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """A failure that comes after the last word is too late."""
    _, result, request = spread(reading, broker)
    masks_then_done(worker, request)
    worker.fail(request)
    assert standing_of(result) == ("DONE", LAST, LAST, "")


def test_the_second_of_two_prompts_may_be_answered_first(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """The mask of the newer event counts, whichever row is newer; undo shows the other."""
    tab = Tab(reading)
    first, second = tab.send("prompt", click(3, 3)), tab.send("prompt", click(9, 9))
    older, newer = broker.named("gpu.predict")
    worker.predict(newer)
    worker.predict(older)
    assert standing_of(first) == standing_of(second) == ("DONE", 1, 1, "")
    (current,) = current_masks(reading)
    assert current.event_seq == second.event.seq
    assert current.blob is not None
    assert (decode_mask(blobs.get_bytes(current.blob)) == predicted(newer)).all()
    tab.undo(second)
    assert [mask.event_seq for mask in current_masks(reading)] == [first.event.seq]
