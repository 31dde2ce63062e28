"""Heartbeats: who is alive, what is sent again, and which models are loaded ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.inference.models import Lease, WorkerNode
from annotator.inference.selectors import live_gpu_workers
from annotator.inference.services import finish_ended_jobs, record_heartbeat
from annotator.inference.services.heartbeats import MAX_LOADED_MODELS, WARM_AGAIN
from annotator.inference.services.results import LATE_RESULTS
from annotator.readings.models import Reading
from tests.annotator.inference.helpers import asked, frames_of, job_of, silence, spread, standing_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker, predicted, propagated
from tests.factories.readings import CHECKPOINT, FRAMES, Tab, click, make_campaign, make_cine, make_reading
from workers.protocol.messages import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def test_a_heartbeat_is_kept_as_it_came(broker: MemoryBroker) -> None:
    """One row for each name, with the clock of the web tier."""
    before = timezone.now()
    for busy in (True, False):
        record_heartbeat(
            heartbeat=Heartbeat(
                worker="w",
                queue="gpu.w",
                kind="gpu",
                models=[CHECKPOINT],
                cache_bytes=2**40,
                busy=busy,
                started_ms=12.5,
            )
        )
    node = WorkerNode.objects.get()
    assert (node.name, node.queue, node.kind, node.models) == ("w", "gpu.w", "gpu", [CHECKPOINT])
    assert (node.cache_bytes, node.busy, node.started_ms) == (2**40, False, 12.5)
    assert node.last_seen >= before


def test_a_worker_is_alive_until_it_has_been_silent_for_ten_seconds(worker: FakeWorker) -> None:
    """And again with its next heartbeat."""
    assert list(live_gpu_workers()) == [WorkerNode.objects.get()]
    silence(worker)
    assert not live_gpu_workers().exists()
    worker.beat()
    assert live_gpu_workers().exists()


def test_the_jobs_of_a_dead_worker_go_to_another(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The cine moves with them, the epoch grows, and what the dead one still says is refused."""
    result = Tab(reading).send("prompt", click())
    old = asked(broker)
    silence(worker)
    other = FakeWorker("worker-2")
    other.beat()
    (sent,) = broker.take(other.queue)
    assert sent.message.epoch == old.epoch + 1
    assert {**sent.message.to_dict(), "epoch": old.epoch} == old.to_dict()
    job = job_of(result)
    assert (job.epoch, job.status) == (old.epoch + 1, "QUEUED")
    assert job.worker is not None
    assert job.worker.name == other.name
    lease = Lease.objects.get()
    assert (lease.worker, lease.epoch) == (job.worker, job.epoch)
    worker.predict(old)
    assert frames_of(reading) == {}
    assert standing_of(result)[0] == "QUEUED"
    other.predict(sent.message)
    assert standing_of(result) == ("DONE", 1, 1, "")


def test_a_propagation_goes_on_elsewhere(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The masks that had come are counted once and are the same in the end."""
    _, result, old = spread(reading, broker)
    for number, answer in enumerate(propagated(old)[:2], 1):
        worker.answer(old, *answer, done=number, total=FRAMES - 1)
    silence(worker)
    other = FakeWorker("worker-2")
    other.beat()
    assert standing_of(result) == ("QUEUED", 2, FRAMES - 1, "")
    assert other.serve(broker) == 1
    assert standing_of(result) == ("DONE", FRAMES - 1, FRAMES - 1, "")
    assert result.event.masks.count() == FRAMES - 1


def test_several_stranded_jobs_of_a_cine_move_together(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """The lease moves once; no job keeps the epoch of the dead worker."""
    tab = Tab(reading)
    results = [tab.send("prompt", click(frame=frame)) for frame in range(3)]
    silence(worker)
    other = FakeWorker("worker-2")
    other.beat()
    assert {job_of(result).epoch for result in results} == {2}
    assert other.serve(broker) == 3
    assert [standing_of(result)[0] for result in results] == ["DONE"] * 3


def test_a_worker_that_has_started_anew_gets_its_jobs_again(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Under its old name and never silent, yet it has lost what it was doing."""
    result = Tab(reading).send("prompt", click())
    (lost,) = (task.message for task in broker.take(worker.queue) if task.name == "gpu.predict")
    worker.beat()
    assert broker.sent == [], "an ordinary heartbeat sends nothing"
    worker.started_ms += 1
    worker.beat()
    assert asked(broker).epoch == lost.epoch + 1
    worker.predict(lost)
    assert frames_of(reading) == {}
    worker.serve(broker)
    assert standing_of(result) == ("DONE", 1, 1, "")


def test_the_late_message_of_an_earlier_life_says_nothing(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """It neither makes a dead worker live nor sends jobs again."""
    Tab(reading).send("prompt", click())
    worker.started_ms += 1000
    worker.beat()
    silence(worker)
    broker.sent.clear()
    worker.started_ms -= 1000
    worker.beat()
    assert broker.sent == []
    assert not live_gpu_workers().exists()
    assert WorkerNode.objects.get().started_ms == worker.started_ms + 1000


def test_ended_jobs_are_not_sent_again(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Done, failed and cancelled ones are nobody's business any more."""
    tab = Tab(reading)
    tab.send("prompt", click(frame=0))
    worker.serve(broker)
    tab.send("prompt", click(frame=1))
    worker.fail(asked(broker))
    tab.undo(tab.send("prompt", click(frame=2)))
    silence(worker)
    broker.sent.clear()
    FakeWorker("worker-2").beat()
    worker.started_ms += 1
    worker.beat()
    assert broker.named("gpu.predict") == []


def test_a_training_worker_takes_no_jobs(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Its heartbeat is kept, and that is all."""
    Tab(reading).send("prompt", click())
    silence(worker)
    broker.sent.clear()
    record_heartbeat(
        heartbeat=Heartbeat(
            worker="trainer", queue="training", kind="training", models=[], cache_bytes=0, busy=False, started_ms=1.0
        )
    )
    assert broker.sent == []
    assert WorkerNode.objects.get(name="trainer").kind == "training"


def test_a_worker_that_starts_is_told_to_load_the_models_in_use(broker: MemoryBroker) -> None:
    """Not more than it can hold, none whose campaign has no cine, none twice within half a minute."""
    campaigns = [make_campaign(current_checkpoint=f"{number}" * 64) for number in range(1, MAX_LOADED_MODELS + 2)]
    for campaign in campaigns[1:]:
        make_cine(campaign)
    worker = FakeWorker(models=[])
    worker.beat()
    assert [(task.name, task.message.model.digest, list(task.message.frames)) for task in broker.sent] == [
        ("gpu.warm", "2" * 64, [])
    ]
    worker.beat()
    assert len(broker.sent) == 1
    WorkerNode.objects.update(warmed_at=timezone.now() - WARM_AGAIN - timedelta(seconds=1))
    worker.beat()
    assert len(broker.sent) == 2
    worker.started_ms += 1
    worker.beat()
    assert len(broker.sent) == 3, "a new life has loaded nothing"
    worker.models = ["2" * 64]
    WorkerNode.objects.update(warmed_at=None)
    worker.beat()
    assert len(broker.sent) == 3


def test_a_worker_is_not_told_to_load_where_no_campaign_has_a_model(broker: MemoryBroker) -> None:
    """There is nothing to load."""
    make_cine(make_campaign(current_model_id=None, current_checkpoint="", current_family=""))
    FakeWorker(models=[]).beat()
    assert broker.sent == []


def test_a_job_whose_last_masks_never_come_ends_all_the_same(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """Ten seconds after its worker's word, with the next heartbeat, and not before."""
    _, result, request = spread(reading, broker)
    worker.answer(request, *propagated(request)[0], done=1, total=FRAMES - 1)
    worker.done(request)
    worker.beat()
    assert standing_of(result) == ("RUNNING", 1, FRAMES - 1, "")
    job = job_of(result)
    type(job).objects.filter(pk=job.pk).update(ended_at=timezone.now() - LATE_RESULTS - timedelta(seconds=1))
    worker.beat()
    assert standing_of(result) == ("DONE", 1, FRAMES - 1, "")
    assert hints.of("job")[-1]["job"]["status"] == "DONE"
    told = len(hints.sent)
    finish_ended_jobs()
    assert len(hints.sent) == told
    worker.answer(request, *propagated(request)[1], done=2, total=FRAMES - 1)
    assert frames_of(reading).keys() == {0, 1, 2}, "a mask that comes after all is welcome"


def test_a_job_taken_up_again_forgets_the_word_of_its_former_worker(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Else it would end with its first mask instead of its last."""
    _, result, request = spread(reading, broker)
    worker.done(request)
    assert job_of(result).ended_at is not None
    silence(worker)
    other = FakeWorker("worker-2")
    other.beat()
    assert job_of(result).ended_at is None
    assert other.serve(broker) == 1
    assert standing_of(result) == ("DONE", FRAMES - 1, FRAMES - 1, "")


def test_the_answer_of_a_worker_declared_dead_too_early_counts_until_another_is_asked(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Nobody else works on it yet, so the answer is welcome."""
    result = Tab(reading).send("prompt", click())
    request = asked(broker)
    silence(worker)
    worker.answer(request, request.label, request.frame_index, predicted(request))
    worker.done(request)
    assert standing_of(result) == ("DONE", 1, 1, "")
