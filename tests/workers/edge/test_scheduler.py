"""The scheduler does what readers wait for first, one step at a time, and survives whatever a job does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from tests.workers.edge.parts import PATIENCE_SECONDS, until
from workers.scheduler import AHEAD, PROMPT, PROPAGATION, Scheduler

Log = list[str]


@dataclass
class Scripted:
    """A job that writes its name into a log at each step, and does there what the test says."""

    log: Log
    name: str
    priority: int = PROMPT
    count: int = 1
    job_id: str = ""
    epoch: int = 1
    during: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        try:
            for number in range(self.count):
                if is_cancelled():
                    return
                self.log.append(self.name)
                self.during.get(number, lambda: None)()
                yield
        finally:
            self.ended.set()


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    found = Scheduler()
    yield found
    found.stop()


@pytest.fixture
def log() -> Log:
    return []


def work_off(scheduler: Scheduler, *jobs: Scripted) -> None:
    """Start and wait until jobs have ended."""
    scheduler.start()
    for job in jobs:
        assert job.ended.wait(PATIENCE_SECONDS)


def test_prompts_come_before_propagations_and_both_before_encoding_ahead(scheduler: Scheduler, log: Log) -> None:
    last = Scripted(log, "ahead", AHEAD)
    for job in (last, Scripted(log, "propagation", PROPAGATION), Scripted(log, "prompt")):
        scheduler.submit(job)
    work_off(scheduler, last)
    assert log == ["prompt", "propagation", "ahead"]


def test_jobs_of_one_priority_come_in_the_order_of_asking(scheduler: Scheduler, log: Log) -> None:
    jobs = [Scripted(log, name, job_id=name) for name in "abc"]
    for job in jobs:
        scheduler.submit(job)
    work_off(scheduler, *jobs)
    assert log == ["a", "b", "c"]


@pytest.mark.parametrize("priority", [PROPAGATION, AHEAD])
@pytest.mark.parametrize("step", [0, 2])
def test_a_prompt_waits_for_at_most_one_step(scheduler: Scheduler, log: Log, priority: int, step: int) -> None:
    prompt = Scripted(log, "prompt")
    long = Scripted(log, "long", priority, count=5, during={step: lambda: scheduler.submit(prompt)})
    scheduler.submit(long)
    work_off(scheduler, long)
    assert log.index("prompt") == step + 1
    assert log.count("long") == 5


def test_a_prompt_of_another_thread_waits_for_the_step_under_way(scheduler: Scheduler, log: Log) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)

    long = Scripted(log, "long", PROPAGATION, count=3, during={0: wait})
    scheduler.submit(long)
    scheduler.start()
    assert begun.wait(PATIENCE_SECONDS)
    scheduler.submit(Scripted(log, "prompt"))
    assert log == ["long"]
    go_on.set()
    assert long.ended.wait(PATIENCE_SECONDS)
    assert log == ["long", "prompt", "long", "long"]


def test_two_propagations_take_turns(scheduler: Scheduler, log: Log) -> None:
    jobs = [Scripted(log, name, PROPAGATION, count=3, job_id=name) for name in "ab"]
    for job in jobs:
        scheduler.submit(job)
    work_off(scheduler, *jobs)
    assert log == ["a", "b"] * 3


def test_a_cancelled_job_that_waits_never_begins(scheduler: Scheduler, log: Log) -> None:
    last = Scripted(log, "last", AHEAD)
    for job in (Scripted(log, "a", job_id="a"), Scripted(log, "b", job_id="b"), last):
        scheduler.submit(job)
    scheduler.cancel("a")
    work_off(scheduler, last)
    assert log == ["b", "last"]


@pytest.mark.parametrize("step", [0, 1])
def test_a_cancelled_job_that_runs_ends_before_its_next_step(scheduler: Scheduler, log: Log, step: int) -> None:
    job = Scripted(log, "a", PROPAGATION, 5, "a", during={step: lambda: scheduler.cancel("a")})
    scheduler.submit(job)
    work_off(scheduler, job)
    assert log == ["a"] * (step + 1)


@pytest.mark.parametrize("job_id", ["unknown", ""])
def test_cancelling_what_is_not_there_changes_nothing(scheduler: Scheduler, log: Log, job_id: str) -> None:
    job = Scripted(log, "ahead", AHEAD)
    scheduler.submit(job)
    scheduler.cancel(job_id)
    work_off(scheduler, job)
    assert log == ["ahead"]


@pytest.mark.parametrize(
    ("epochs", "answered"),
    [((1, 2), ["2"]), ((2, 1), ["2"]), ((1, 1), ["1"]), ((1, 3, 2), ["3"])],
)
def test_of_jobs_with_one_id_the_newest_epoch_counts(
    scheduler: Scheduler, log: Log, epochs: tuple[int, ...], answered: Log
) -> None:
    last = Scripted(log, "last", AHEAD)
    for epoch in epochs:
        scheduler.submit(Scripted(log, str(epoch), job_id="a", epoch=epoch))
    scheduler.submit(last)
    work_off(scheduler, last)
    assert log == [*answered, "last"]


@pytest.mark.parametrize(
    ("epoch", "wanted"),
    [(1, ["old", "old", "old"]), (2, ["old", "old", "old"]), (3, ["old", "new"])],
)
def test_a_newer_epoch_replaces_the_job_that_runs(scheduler: Scheduler, log: Log, epoch: int, wanted: Log) -> None:
    new = Scripted(log, "new", PROPAGATION, job_id="a", epoch=epoch)
    old = Scripted(log, "old", PROPAGATION, 3, "a", epoch=2, during={0: lambda: scheduler.submit(new)})
    last = Scripted(log, "last", AHEAD)
    for job in (old, last):
        scheduler.submit(job)
    work_off(scheduler, last)
    assert log == [*wanted, "last"]


def test_jobs_without_an_id_are_never_taken_for_each_other(scheduler: Scheduler, log: Log) -> None:
    jobs = [Scripted(log, name, AHEAD) for name in "ab"]
    for job in jobs:
        scheduler.submit(job)
    work_off(scheduler, *jobs)
    assert log == ["a", "b"]


def test_a_job_that_was_cancelled_may_be_asked_for_again(scheduler: Scheduler, log: Log) -> None:
    again = Scripted(log, "again", job_id="a")
    scheduler.submit(Scripted(log, "first", job_id="a"))
    scheduler.cancel("a")
    scheduler.submit(again)
    work_off(scheduler, again)
    assert log == ["again"]


def test_stop_cancels_the_job_under_way_and_all_that_wait(scheduler: Scheduler, log: Log) -> None:
    begun = threading.Event()
    noticed: list[bool] = []

    class Patient(Scripted):
        """A job with one long step, which asks whether it is wanted still."""

        def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
            begun.set()
            until(is_cancelled)
            noticed.append(True)
            yield

    scheduler.submit(Patient(log, "patient", PROPAGATION))
    scheduler.submit(Scripted(log, "waiting", PROPAGATION))
    scheduler.start()
    assert begun.wait(PATIENCE_SECONDS)
    scheduler.stop()
    assert noticed == [True]
    assert log == []
    assert "scheduler" not in {thread.name for thread in threading.enumerate()}


def test_stop_before_start_is_no_error(log: Log) -> None:
    scheduler = Scheduler()
    scheduler.submit(Scripted(log, "a"))
    scheduler.stop()
    assert log == []


@pytest.mark.parametrize(("priority", "is_busy"), [(PROMPT, True), (PROPAGATION, True), (AHEAD, False)])
def test_a_worker_is_busy_with_what_readers_wait_for(
    scheduler: Scheduler, log: Log, priority: int, is_busy: bool
) -> None:
    seen: list[bool] = []
    job = Scripted(log, "a", priority, during={0: lambda: seen.append(scheduler.is_busy)})
    assert not scheduler.is_busy
    scheduler.submit(job)
    assert scheduler.is_busy is is_busy
    work_off(scheduler, job)
    assert seen == [is_busy]
    until(lambda: not scheduler.is_busy)


@pytest.mark.parametrize("step", [0, 1])
def test_a_job_that_raises_ends_and_the_next_one_is_done(
    scheduler: Scheduler, log: Log, step: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ConnectionError("the broker is away")

    broken = Scripted(log, "broken", PROMPT, 3, "broken", during={step: fail})
    last = Scripted(log, "last", PROPAGATION)
    scheduler.submit(broken)
    scheduler.submit(last)
    work_off(scheduler, broken, last)
    assert log == ["broken"] * (step + 1) + ["last"]
    assert "job broken ended early" in caplog.text
    until(lambda: not scheduler.is_busy)


def test_a_job_whose_steps_cannot_begin_ends_too(scheduler: Scheduler, log: Log) -> None:
    class Unfit(Scripted):
        """A job that is no generator and raises at once."""

        def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
            raise RuntimeError("never begun")

    last = Scripted(log, "last", AHEAD)
    scheduler.submit(Unfit(log, "unfit"))
    scheduler.submit(last)
    work_off(scheduler, last)
    assert log == ["last"]


def test_more_than_may_wait_is_refused_with_the_number_ahead(log: Log) -> None:
    scheduler = Scheduler(most_waiting=2)
    taken = [
        Scripted(log, name, priority) for name, priority in (("a", PROMPT), ("b", PROPAGATION), ("c", PROPAGATION))
    ]
    assert [scheduler.submit(job) for job in taken] == [0, 0, 0]
    refused = Scripted(log, "refused", PROPAGATION)
    assert scheduler.submit(refused) == 3
    assert scheduler.submit(Scripted(log, "d", PROMPT)) == 0
    assert scheduler.submit(Scripted(log, "ahead", AHEAD)) == 0
    work_off(scheduler, *taken)
    scheduler.stop()
    assert "refused" not in log
    assert log[:2] == ["a", "d"]
