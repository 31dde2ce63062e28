"""A stopped propagation goes on: it asks for what is left, keeps what is done, and says what it goes on with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from annotator.core.errors import DomainError
from annotator.inference.models import InferenceJob
from annotator.inference.services import cancel_job
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.selectors import current_masks
from annotator.readings.services import AppendResult
from tests.annotator.inference.helpers import asked, job_of, spread, standing_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker, propagated
from tests.factories.readings import ARTERY, CATHETER, FRAMES, Tab, click, drawing, make_reading, propagation, square

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def stop_after(worker: FakeWorker, broker: MemoryBroker, result: AppendResult, answers: int) -> None:
    """Let a worker give some answers to the newest request, and stop the job."""
    request = asked(broker)
    for answer in propagated(request)[:answers]:
        worker.answer(request, *answer, total=len(propagated(request)))
    job = job_of(result)
    cancel_job(job=job, actor=job.reading.reader)


def resume(tab: Tab, stopped: AppendResult) -> AppendResult:
    """Go on with a stopped propagation."""
    return tab.send("propagate", {**stopped.event.payload, "resumes": str(stopped.event.pk)})


def blobs_of(reading: Reading) -> dict[tuple[str, int], tuple[str | None, int]]:
    """Return {(label, frame): (digest, seq of its event)} of the current masks."""
    return {(mask.label, mask.frame_index): (mask.blob, mask.event_seq) for mask in current_masks(reading)}


def test_the_rest_is_asked_for_and_what_is_done_is_kept(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """From the same start along the same passes, so that the answers are those of a run that was never stopped."""
    tab, stopped, first = spread(reading, broker)
    stop_after(worker, broker, stopped, 2)
    before = blobs_of(reading)
    resumed = resume(tab, stopped)
    request = asked(broker)
    assert (request.passes, request.labels[0]["conditioning"]) == (first.passes, first.labels[0]["conditioning"])
    assert request.keep == {ARTERY: [0, 1, 2]}
    assert standing_of(resumed) == ("QUEUED", 0, FRAMES - 3, "")
    worker.serve(broker)
    after = blobs_of(reading)
    assert {pair: after[pair] for pair in before} == before
    assert {seq for pair, (_, seq) in after.items() if pair not in before} == {resumed.event.seq}
    assert after.keys() == {(ARTERY, frame) for frame in range(FRAMES)}
    assert resumed.event.payload["resumes"] == str(stopped.event.pk)


def test_stopped_and_resumed_again_and_again(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Each goes on where the one before was stopped; undoing one takes back what it brought alone."""
    tab, first, _ = spread(reading, broker)
    stop_after(worker, broker, first, 2)
    second = resume(tab, first)
    stop_after(worker, broker, second, 1)
    third = resume(tab, second)
    assert asked(broker).keep == {ARTERY: [0, 1, 2, 3]}
    worker.serve(broker)
    assert standing_of(third)[:3] == ("DONE", 2, 2)
    tab.undo(second)
    assert {frame for _, frame in blobs_of(reading)} == {0, 1, 2, 4, 5}
    resume(tab, third)
    assert asked(broker).keep == {ARTERY: [0, 1, 2, 4, 5]}


def test_each_label_has_its_own_rest(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """A job may be stopped when one label is further than the other; what the reader drew since is kept too."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.send("edit", drawing(square(8, 3), frame=0, label=CATHETER))
    stopped = tab.send("propagate", propagation(labels=(ARTERY, CATHETER)))
    stop_after(worker, broker, stopped, 3)
    tab.send("edit", drawing(frame=5, label=CATHETER))
    resume(tab, stopped)
    assert asked(broker).keep == {ARTERY: [0, 1, 2, 3], CATHETER: [0, 5]}


def test_a_resend_of_a_resumption_is_the_same_event(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """And another one under its UUID is refused."""
    tab, stopped, _ = spread(reading, broker)
    stop_after(worker, broker, stopped, 2)
    payload, name = {**stopped.event.payload, "resumes": str(stopped.event.pk)}, uuid.uuid4()
    first = tab.send("propagate", payload, client_uuid=name)
    again = tab.send("propagate", payload, client_uuid=name)
    assert (again.created, again.event.pk, again.job and again.job.id) == (False, first.event.pk, job_of(first).pk)
    with pytest.raises(DomainError) as refused:
        tab.send("propagate", stopped.event.payload, client_uuid=name)
    assert refused.value.code == "client_uuid_reused"


def unknown(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Name an event that is not there."""
    return {**stopped.event.payload, "resumes": str(uuid.uuid4())}


def no_id(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Name no event at all."""
    return {**stopped.event.payload, "resumes": 7}


def an_edit(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Name an event that is no propagation."""
    return {**stopped.event.payload, "resumes": str(ReadingEvent.objects.get(reading=tab.reading, seq=1).pk)}


def of_another_reading(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Name a propagation of another reader's."""
    other = Tab(make_reading(tab.reading.campaign))
    other.send("edit", drawing())
    foreign = other.send("propagate", propagation())
    return {**stopped.event.payload, "resumes": str(foreign.event.pk)}


def other_range(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Ask for fewer frames."""
    return {**stopped.event.payload, "stop": 4, "resumes": str(stopped.event.pk)}


def other_direction(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Ask for another direction."""
    return {**stopped.event.payload, "direction": "forward", "resumes": str(stopped.event.pk)}


def undone(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Undo it first."""
    tab.undo(stopped)
    return {**stopped.event.payload, "resumes": str(stopped.event.pk)}


def prompted(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Let the mask of the starting frame be computed anew."""
    tab.send("prompt", click())
    return {**stopped.event.payload, "resumes": str(stopped.event.pk)}


def accepted(tab: Tab, stopped: AppendResult) -> dict[str, Any]:
    """Accept all that was left."""
    tab.send("accept", {"frame_indices": [3, 4, 5], "accepted": True})
    return {**stopped.event.payload, "resumes": str(stopped.event.pk)}


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (unknown, "unknown_event"),
        (no_id, "invalid_payload"),
        (an_edit, "unknown_event"),
        (of_another_reading, "unknown_event"),
        (other_range, "resume_mismatch"),
        (other_direction, "resume_mismatch"),
        (undone, "already_undone"),
        (prompted, "prompt_running"),
        (accepted, "nothing_to_compute"),
    ],
)
def test_what_cannot_be_resumed(
    reading: Reading,
    worker: FakeWorker,
    broker: MemoryBroker,
    prepare: Callable[[Tab, AppendResult], dict[str, Any]],
    code: str,
) -> None:
    """Each refusal has its code and leaves nothing behind."""
    tab, stopped, _ = spread(reading, broker)
    stop_after(worker, broker, stopped, 2)
    payload = prepare(tab, stopped)
    events, jobs = ReadingEvent.objects.count(), InferenceJob.objects.count()
    with pytest.raises(DomainError) as refused:
        tab.send("propagate", payload)
    assert refused.value.code == code
    assert (ReadingEvent.objects.count(), InferenceJob.objects.count()) == (events, jobs)


def test_one_that_still_runs_cannot_be_resumed(reading: Reading, broker: MemoryBroker) -> None:
    """It has to be stopped first."""
    tab, running, _ = spread(reading, broker)
    with pytest.raises(DomainError) as refused:
        resume(tab, running)
    assert refused.value.code == "job_still_active"


def test_a_reader_is_told_what_a_job_is_about(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """Its event, who asked when, the score of each mask as it comes, and at last whether it stopped early."""
    _, result, request = spread(reading, broker)
    for answer in propagated(request)[:2]:
        worker.answer(request, *answer, score=0.25)
    worker.done(request, early_stop=True)
    told = hints.of("job")
    assert [hint.get("scored") for hint in told] == [
        None,
        {"label": ARTERY, "frame_index": 1, "score": 0.25},
        {"label": ARTERY, "frame_index": 2, "score": 0.25},
        None,
    ]
    assert [hint["job"]["early_stop"] for hint in told] == [False, False, False, True]
    last = told[-1]["job"]
    job = job_of(result)
    assert (last["event_seq"], last["reader"]) == (result.event.seq, reading.reader.display_name)
    assert (last["created_at"], job.early_stop) == (job.created_at.isoformat(), True)


def test_a_mask_that_is_not_taken_has_no_score_to_tell(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """The reader drew there meanwhile."""
    tab, _, request = spread(reading, broker)
    tab.send("edit", drawing(square(9, 3), frame=1))
    worker.answer(request, *propagated(request)[0])
    assert "scored" not in hints.of("job")[-1]
