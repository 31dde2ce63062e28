"""A job from its event to its end: sent, shown, stopped, undone and taken up again."""

from __future__ import annotations

import pytest

from annotator.core.errors import IllegalTransition, PermissionDenied
from annotator.inference.models import InferenceJob, JobStatus
from annotator.inference.services import brief_job, cancel_job, dispatch_job, jobs, redispatch_job
from annotator.inference.transitions import move_job
from annotator.readings.models import Mask, Reading
from annotator.readings.services import open_reading, reopen_reading, submit_reading
from tests.annotator.inference.helpers import asked, frames_of, job_of, silence, spread, standing_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker, propagated
from tests.factories.readings import (
    ARTERY,
    FRAMES,
    Tab,
    click,
    drawing,
    make_campaign,
    make_cine,
    make_member,
    make_reading,
    make_user,
    propagation,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(broker: MemoryBroker) -> Reading:
    """Return a fresh reading; whether a worker is there, each test says."""
    return make_reading()


def test_a_prediction_from_click_to_mask(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """The reader is told of each step, in order."""
    result = Tab(reading).send("prompt", click(frame=2))
    assert result.job is not None
    assert (result.job.kind, result.job.status, result.job.run_no, result.job.error) == ("PREDICT", "QUEUED", 1, None)
    assert worker.serve(broker) == 1
    assert standing_of(result) == ("DONE", 1, 1, "")
    assert job_of(result).elapsed_ms == 5.0
    assert frames_of(reading) == {2: "MODEL"}
    told = [(hint["job"]["status"], hint["job"]["done"]) for hint in hints.of("job")]
    assert told == [("QUEUED", 0), ("RUNNING", 1), ("DONE", 1)]
    assert {group for group, _ in hints.sent} == {f"reading.{reading.pk}"}
    assert hints.of("job")[0]["job"] == {
        "id": str(result.job.id),
        "client_uuid": str(result.event.client_uuid),
        "kind": "PREDICT",
        "run_no": 1,
        "status": "QUEUED",
        "done": 0,
        "total": 1,
        "error": None,
        "event_seq": 1,
        "early_stop": False,
        "created_at": job_of(result).created_at.isoformat(),
        "reader": reading.reader.display_name,
    }


def test_a_propagation_shows_its_progress(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """Frame by frame until all are there."""
    _, result, _ = spread(reading, broker)
    worker.serve(broker)
    assert standing_of(result) == ("DONE", FRAMES - 1, FRAMES - 1, "")
    told = [(hint["job"]["status"], hint["job"]["done"]) for hint in hints.of("job")]
    assert told == [("QUEUED", 0), *(("RUNNING", n) for n in range(1, FRAMES)), ("DONE", FRAMES - 1)]
    assert frames_of(reading) == {0: "HUMAN", **dict.fromkeys(range(1, FRAMES), "PROPAGATED")}


def test_jobs_are_numbered_within_their_reading(reading: Reading, worker: FakeWorker) -> None:
    """From 1, whatever other readings do."""
    tab, other = Tab(reading), Tab(make_reading())
    numbers = []
    for frame in range(3):
        other.send("prompt", click(frame=frame))
        numbers.append(job_of(tab.send("prompt", click(frame=frame))).run_no)
    assert numbers == [1, 2, 3]


def test_edits_and_accepts_make_no_job(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """They need no model."""
    tab = Tab(reading)
    broker.sent.clear()
    assert tab.send("edit", drawing()).job is None
    assert tab.send("accept", {"frame_indices": [0], "accepted": True}).job is None
    assert not InferenceJob.objects.exists()
    assert broker.sent == []


def test_a_job_without_any_worker_waits_and_says_so(reading: Reading, broker: MemoryBroker, hints: Hints) -> None:
    """It is sent as soon as a worker is heard of, and is then like any other."""
    result = Tab(reading).send("prompt", click())
    assert result.job is not None
    assert result.job.error is not None
    assert (result.job.status, result.job.error.code) == ("QUEUED", "waiting_for_worker")
    assert hints.of("job")[-1]["job"]["error"]["code"] == "waiting_for_worker"
    assert broker.sent == []
    assert job_of(result).worker is None
    worker = FakeWorker()
    worker.beat()
    assert brief_job(job_of(result)).error is None
    assert hints.of("job")[-1]["job"]["error"] is None
    assert asked(broker).epoch == 1
    worker.serve(broker)
    assert standing_of(result) == ("DONE", 1, 1, "")


def test_a_job_whose_worker_is_dead_says_that_it_waits(reading: Reading, worker: FakeWorker) -> None:
    """Until it has ended; then nobody waits for anything."""
    result = Tab(reading).send("prompt", click())
    assert brief_job(job_of(result)).error is None
    silence(worker)
    waiting = brief_job(job_of(result)).error
    assert waiting is not None
    assert waiting.code == "waiting_for_worker"
    cancel_job(job=job_of(result), actor=reading.reader)
    stopped = brief_job(job_of(result)).error
    assert stopped is not None
    assert stopped.code == "stopped"


def test_sending_again_without_a_worker_waits(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The job is nobody's then, keeps its epoch, and what it has stays."""
    _, result, request = spread(reading, broker)
    label, frame, mask = propagated(request)[0]
    worker.answer(request, label, frame, mask, done=1, total=FRAMES - 1)
    silence(worker)
    sent = len(broker.sent)
    assert redispatch_job(job_id=job_of(result).pk) is not None
    assert job_of(result).worker is None
    assert job_of(result).epoch == request.epoch
    assert len(broker.sent) == sent
    assert frames_of(reading) == {0: "HUMAN", 1: "PROPAGATED"}


def test_ended_and_unknown_jobs_are_not_sent_again(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """There is nothing more to compute."""
    result = Tab(reading).send("prompt", click())
    worker.serve(broker)
    broker.sent.clear()
    assert redispatch_job(job_id=job_of(result).pk) is None
    assert redispatch_job(job_id=reading.pk) is None
    assert broker.sent == []


def test_the_reader_stops_a_job(reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints) -> None:
    """The worker is told, the masks that have come stay, and no more come."""
    _, result, request = spread(reading, broker)
    first, second, *_ = propagated(request)
    worker.answer(request, *first, done=1, total=FRAMES - 1)
    stopped = cancel_job(job=job_of(result), actor=reading.reader)
    assert (stopped.status, stopped.error_code) == ("CANCELLED", "stopped")
    assert broker.named("gpu.cancel")[-1].job_id == str(stopped.pk)
    assert hints.of("job")[-1]["job"]["error"]["code"] == "stopped"
    worker.answer(request, *second, done=2, total=FRAMES - 1)
    assert frames_of(reading) == {0: "HUMAN", 1: "PROPAGATED"}


def test_a_job_that_waits_can_be_stopped(reading: Reading, broker: MemoryBroker) -> None:
    """There is no worker to tell, and none that starts later takes it."""
    result = Tab(reading).send("prompt", click())
    cancel_job(job=job_of(result), actor=reading.reader)
    assert broker.sent == []
    FakeWorker().beat()
    assert broker.named("gpu.predict") == []
    assert standing_of(result)[0] == "CANCELLED"


def test_who_cannot_stop_a_job(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Neither strangers nor managers; and nobody stops what has ended."""
    result = Tab(reading).send("prompt", click())
    for actor in (make_user(), make_member(reading.campaign), make_member(reading.campaign, "MANAGER")):
        with pytest.raises(PermissionDenied) as refused:
            cancel_job(job=job_of(result), actor=actor)
        assert refused.value.code == "not_your_reading"
    assert broker.named("gpu.cancel") == []
    worker.serve(broker)
    with pytest.raises(IllegalTransition) as ended:
        cancel_job(job=job_of(result), actor=reading.reader)
    assert (ended.value.code, ended.value.details) == ("job_not_active", {"status": "DONE"})


def test_undo_cancels_and_redo_takes_up_again(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """It is the same request under a higher epoch; answers to the first one come to nothing."""
    tab, result, first = spread(reading, broker)
    label, frame, mask = propagated(first)[0]
    worker.answer(first, label, frame, mask, done=1, total=FRAMES - 1)
    tab.undo(result)
    assert standing_of(result) == ("CANCELLED", 1, FRAMES - 1, "undone")
    assert broker.named("gpu.cancel")[-1].job_id == str(job_of(result).pk)
    assert frames_of(reading) == {0: "HUMAN"}
    again = tab.redo(result)
    assert again.job is not None
    assert (again.job.id, again.job.status, again.job.error) == (job_of(result).pk, "QUEUED", None)
    assert frames_of(reading) == {0: "HUMAN", 1: "PROPAGATED"}
    second = asked(broker)
    assert {**second.to_dict(), "epoch": first.epoch} == first.to_dict()
    assert second.epoch > first.epoch
    worker.answer(first, *propagated(first)[1], done=2, total=FRAMES - 1)
    assert frames_of(reading).keys() == {0, 1}
    worker.propagate(second)
    assert standing_of(result) == ("DONE", FRAMES - 1, FRAMES - 1, "")
    assert Mask.objects.filter(event=result.event).count() == FRAMES - 1
    assert hints.of("job")[-1]["job"]["status"] == "DONE"


def test_redo_without_a_worker_waits(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """And the next worker takes it up."""
    tab = Tab(reading)
    result = tab.send("prompt", click())
    tab.undo(result)
    silence(worker)
    again = tab.redo(result)
    assert again.job is not None
    assert again.job.error is not None
    assert again.job.error.code == "waiting_for_worker"
    broker.sent.clear()
    worker.beat()
    worker.serve(broker)
    assert standing_of(result) == ("DONE", 1, 1, "")


def test_redo_computes_nothing_twice(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The mask of a job that had ended comes back with its event."""
    tab = Tab(reading)
    result = tab.send("prompt", click())
    worker.serve(broker)
    tab.undo(result)
    assert frames_of(reading) == {}
    broker.sent.clear()
    again = tab.redo(result)
    assert again.job is not None
    assert again.job.status == "DONE"
    assert frames_of(reading) == {0: "MODEL"}
    assert broker.sent == []


def test_a_job_that_the_reader_stopped_stays_stopped(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Undo and redo of its event change nothing about that."""
    tab = Tab(reading)
    result = tab.send("prompt", click())
    cancel_job(job=job_of(result), actor=reading.reader)
    broker.sent.clear()
    tab.undo(result)
    assert standing_of(result)[3] == "stopped"
    again = tab.redo(result)
    assert again.job is not None
    assert again.job.error is not None
    assert (again.job.status, again.job.error.code) == ("CANCELLED", "stopped")
    assert broker.sent == []


def test_submission_stops_the_jobs_of_the_reading(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Those that run and those that wait, for good; those of other readings go on."""
    tab = Tab(reading)
    done = tab.send("prompt", click(frame=4))
    worker.serve(broker)
    tab.send("edit", drawing())
    running = [tab.send("propagate", propagation()), tab.send("prompt", click(frame=1))]
    other = Tab(make_reading(reading.campaign)).send("prompt", click())
    submit_reading(reading=reading, actor=reading.reader, base_revision=tab.revision)
    assert [standing_of(result)[0::3] for result in running] == [("CANCELLED", "submitted")] * 2
    assert [message.job_id for message in broker.named("gpu.cancel")] == [str(job_of(r).pk) for r in running]
    assert standing_of(done)[0] == "DONE"
    assert standing_of(other)[0] == "QUEUED"
    reopen_reading(reading=reading, actor=reading.reader)
    assert [standing_of(result)[0] for result in running] == ["CANCELLED"] * 2


def test_opening_lets_a_worker_encode_ahead(worker: FakeWorker, broker: MemoryBroker) -> None:
    """All frames, up to a limit, on the worker that will be asked; opened again, it is told again."""
    campaign = make_campaign()
    reader, cine = make_member(campaign), make_cine(campaign)
    for _ in range(2):
        open_reading(reader=reader, cine=cine, campaign=campaign)
        (sent,) = broker.take(worker.queue)
        assert sent.name == "gpu.warm"
        assert sent.message.cine.digest == cine.pixels_digest
        assert list(sent.message.frames) == list(range(FRAMES))


def test_a_long_cine_is_encoded_ahead_in_part(
    worker: FakeWorker, broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest comes when it is asked for."""
    monkeypatch.setattr(jobs, "MAX_WARM_FRAMES", 4)
    make_reading()
    assert list(broker.named("gpu.warm")[-1].frames) == [0, 1, 2, 3]


@pytest.mark.parametrize("model", [{}, {"current_model_id": None, "current_checkpoint": "", "current_family": ""}])
def test_opening_asks_nobody_where_there_is_nobody_or_nothing(broker: MemoryBroker, model: dict[str, None]) -> None:
    """Without a worker, or without a model, a reading opens all the same."""
    if model:
        FakeWorker(models=[]).beat()
    make_reading(make_campaign(**model))
    assert broker.sent == []


@pytest.mark.parametrize("ended", [JobStatus.DONE, JobStatus.FAILED])
@pytest.mark.parametrize("to", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.CANCELLED])
def test_what_has_ended_does_not_start_again(
    reading: Reading, worker: FakeWorker, ended: JobStatus, to: JobStatus
) -> None:
    """The table of a job says so, whoever asks."""
    job = move_job(job_of(Tab(reading).send("prompt", click())), ended, code="x")
    with pytest.raises(IllegalTransition) as refused:
        move_job(job, to)
    assert refused.value.details == {"from": ended, "to": to}
    assert InferenceJob.objects.get(pk=job.pk).status == ended


def test_a_dead_workers_epoch_is_never_used_twice(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """However often a job is sent again in the same place, each sending has its own epoch."""
    result = Tab(reading).send("prompt", click())
    epochs = [asked(broker).epoch]
    for _ in range(3):
        dispatch_job(job=job_of(result))
        epochs.append(asked(broker).epoch)
    assert epochs == [1, 2, 3, 4]
    assert asked(broker).label == ARTERY
