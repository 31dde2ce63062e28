"""Answers of workers that must not count: too late, to the wrong question, or no mask at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from annotator.inference import tasks
from annotator.inference.services import brief_job, cancel_job, redispatch_job
from annotator.readings.models import Reading
from annotator.readings.services import reopen_reading, submit_reading
from tests.annotator.inference.helpers import asked, frames_of, job_of, snapshot, spread, standing_of, text_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker, propagated
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    COLUMNS,
    FRAMES,
    ROWS,
    Tab,
    click,
    drawing,
    make_reading,
    propagation,
    square,
)
from workers.protocol.messages import JobDone, JobFailed, MaskResult, MessageError

pytestmark = pytest.mark.django_db

LAST = FRAMES - 1
DATA = base64.b64decode(text_of(square()))


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def answer_everything(worker: FakeWorker, request: Any) -> None:
    """Send masks, the last word and a failure."""
    for number, answer in enumerate(propagated(request), 1):
        worker.answer(request, *answer, done=number, total=LAST)
    worker.done(request)
    worker.done(request, early_stop=True)
    worker.fail(request)


def sent_again(tab: Tab, result: Any) -> None:
    """Let the job be sent under a higher epoch."""
    redispatch_job(job_id=job_of(result).pk)


def stopped(tab: Tab, result: Any) -> None:
    """Let the reader stop the job."""
    cancel_job(job=job_of(result), actor=tab.reading.reader)


def undone(tab: Tab, result: Any) -> None:
    """Undo the event."""
    tab.undo(result)


def submitted(tab: Tab, result: Any) -> None:
    """Submit the reading."""
    submit_reading(reading=tab.reading, actor=tab.reading.reader, base_revision=tab.revision)


def reopened(tab: Tab, result: Any) -> None:
    """Submit the reading and open it again."""
    submitted(tab, result)
    reopen_reading(reading=tab.reading, actor=tab.reading.reader)


def undone_and_redone(tab: Tab, result: Any) -> None:
    """Undo the event and redo it, which sends the job again."""
    tab.undo(result)
    tab.redo(result)


@pytest.mark.parametrize("happens", [sent_again, stopped, undone, submitted, reopened, undone_and_redone])
def test_answers_that_come_too_late_change_nothing(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints, happens: Callable[[Tab, Any], None]
) -> None:
    """The reading is afterwards as it was before, and no socket hears of them."""
    tab, result, request = spread(reading, broker)
    worker.answer(request, *propagated(request)[0], done=1, total=LAST)
    happens(tab, result)
    before, told = snapshot(reading), len(hints.sent)
    answer_everything(worker, request)
    assert snapshot(reading) == before
    assert len(hints.sent) == told


@pytest.mark.parametrize("happens", [undone, submitted])
def test_late_masks_of_a_job_that_is_done(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, happens: Callable[[Tab, Any], None]
) -> None:
    """A finished job is not cancelled, but its event or its reading may not stand open any more."""
    tab, result, request = spread(reading, broker)
    worker.answer(request, *propagated(request)[0], done=1, total=LAST)
    worker.done(request, early_stop=True)
    happens(tab, result)
    before = snapshot(reading)
    answer_everything(worker, request)
    assert snapshot(reading) == before
    assert standing_of(result) == ("DONE", 1, LAST, "")


@pytest.mark.parametrize("epoch", [0, 2, 2**40])
def test_only_the_epoch_of_the_job_counts(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, epoch: int
) -> None:
    """An older one is too late, and a newer one has never been sent."""
    _, _, request = spread(reading, broker)
    before = snapshot(reading)
    answer_everything(worker, type(request)(**{**request.__dict__, "epoch": epoch}))
    assert snapshot(reading) == before


def answers_to(job_id: str) -> list[tuple[Any, Any]]:
    """Return a task and its message for each kind of answer to a job."""
    common = {"job_id": job_id, "epoch": 1, "worker": "worker-1"}
    mask = MaskResult(**common, label=ARTERY, frame_index=1, mask=text_of(square()), score=None, done=1, total=1)
    return [
        (tasks.record_mask, mask),
        (tasks.record_done, JobDone(**common, elapsed_ms=1.0, early_stop=False)),
        (tasks.record_failed, JobFailed(**common, code="x", message="No.")),
    ]


@pytest.mark.parametrize("job_id", ["7", "not a job", "00000000-0000-4000-8000-000000000000", "\x00"])
def test_answers_to_jobs_that_there_are_not(reading: Reading, broker: MemoryBroker, job_id: str) -> None:
    """They are dropped without a word."""
    spread(reading, broker)
    before = snapshot(reading)
    for task, message in answers_to(job_id):
        task(message.to_dict())
    assert snapshot(reading) == before


@pytest.mark.parametrize("change", [{"version": 2}, {"colour": "red"}, {"epoch": "1"}, {"job_id": None}])
def test_messages_that_are_none(reading: Reading, broker: MemoryBroker, change: dict[str, Any]) -> None:
    """A message of another protocol is refused before anything is looked up."""
    _, result, _ = spread(reading, broker)
    before = snapshot(reading)
    for task, message in answers_to(str(job_of(result).pk)):
        with pytest.raises(MessageError):
            task({**message.to_dict(), **change})
    assert snapshot(reading) == before


def answer_raw(request: Any, label: str, frame: int, mask: str, *, total: int = 1) -> None:
    """Send a mask whose text is whatever it is."""
    result = MaskResult(
        job_id=request.job_id,
        epoch=request.epoch,
        worker="worker-1",
        label=label,
        frame_index=frame,
        mask=mask,
        score=0.5,
        done=1,
        total=total,
    )
    tasks.record_mask(result.to_dict())


BAD_MASKS = {
    "no base64": "?!",
    "no ASCII": "maské",
    "no mask": base64.b64encode(b"nothing of the kind, but long enough").decode(),
    "too short": base64.b64encode(DATA[:20]).decode(),
    "cut off": base64.b64encode(DATA[:-1]).decode(),
    "trailing bytes": base64.b64encode(DATA + b"\x01").decode(),
    "another version": base64.b64encode(DATA[:2] + b"\x02" + DATA[3:]).decode(),
    "one row more": text_of(square(rows=ROWS + 1)),
    "one column less": text_of(square(columns=COLUMNS - 1)),
    "on its side": text_of(square(rows=COLUMNS, columns=ROWS)),
    "huge": base64.b64encode(bytes(100_000)).decode(),
}


@pytest.mark.parametrize("mask", BAD_MASKS.values(), ids=BAD_MASKS.keys())
def test_what_is_no_mask_of_this_cine_fails_the_job(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints, mask: str
) -> None:
    """It becomes neither a row nor an error of the server; the reader is told, and what had come stays."""
    _, result, request = spread(reading, broker)
    worker.answer(request, *propagated(request)[0], done=1, total=LAST)
    answer_raw(request, ARTERY, 2, mask, total=LAST)
    assert standing_of(result) == ("FAILED", 1, LAST, "bad_result")
    error = brief_job(job_of(result)).error
    assert error is not None
    assert error.message.startswith("The worker's answer is wrong: ")
    assert hints.of("job")[-1]["job"]["error"]["code"] == "bad_result"
    assert frames_of(reading) == {0: "HUMAN", 1: "PROPAGATED"}


def test_a_bad_mask_does_not_undo_what_was_done(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """A job that is done stays so."""
    result = Tab(reading).send("prompt", click())
    request = asked(broker)
    worker.serve(broker)
    before = snapshot(reading)
    answer_raw(request, ARTERY, 0, "?")
    assert snapshot(reading) == before
    assert standing_of(result) == ("DONE", 1, 1, "")


@pytest.mark.parametrize(
    ("label", "frame"), [("spleen", 0), (CATHETER, 0), (ARTERY, 1), (ARTERY, FRAMES), (ARTERY, 10**6)]
)
def test_what_a_prompt_did_not_ask_for(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, label: str, frame: int
) -> None:
    """Another label or frame than the one of the prompt."""
    result = Tab(reading).send("prompt", click())
    worker.answer(asked(broker), label, frame, square())
    assert standing_of(result) == ("FAILED", 0, 1, "bad_result")
    assert frames_of(reading, label) == {}


@pytest.mark.parametrize(
    ("label", "frame"),
    [("spleen", 3), (CATHETER, 3), (ARTERY, 0), (ARTERY, 2), (ARTERY, 4), (ARTERY, 5), (ARTERY, FRAMES)],
)
def test_what_a_propagation_did_not_ask_for(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, label: str, frame: int
) -> None:
    """Another label, a frame outside of its range, or one that was to be kept."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=2))
    tab.send("accept", {"frame_indices": [4], "accepted": True})
    result = tab.send("propagate", propagation(2, 1, 4))
    request = asked(broker)
    assert (request.passes, request.keep) == ([[2, 3, 4], [2, 1]], {ARTERY: [2, 4]})
    before = frames_of(reading, label)
    worker.answer(request, label, frame, square(), total=2)
    assert standing_of(result) == ("FAILED", 0, 2, "bad_result")
    assert frames_of(reading, label) == before
