"""What a job cannot do it says with a code, what nobody foresaw it keeps to its log, what nobody wants it stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.edge.parts import PARTS, PATIENCE_SECONDS, Desk, disc, run, until
from workers.gpu import INTERNAL, PredictJob, PropagateJob, Workbench
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import JobDone, JobFailed, MaskResult, ModelRef, PredictRequest, PropagateRequest
from workers.scheduler import Scheduler

ABSENT = bytes_digest(b"never stored")
Change = Callable[[Desk, Any], Any]


def small_mask(desk: Desk) -> str:
    return desk.put_mask(disc(5, 5, 3, rows=10, columns=12))


def garbage(desk: Desk) -> str:
    return desk.store.put(b"CM but no mask")


def conditioned(desk: Desk, request: PropagateRequest, digest: str) -> PropagateRequest:
    """Return a request whose one label holds a mask of this digest on frame 1."""
    labels = [{"label": "catheter", "conditioning": [{"frame_index": 1, "mask": digest}], "standing": []}]
    return replace(request, labels=labels)


ANY: dict[str, tuple[str, Change]] = {
    "cine missing": ("blob_missing", lambda desk, it: replace(it, cine=replace(desk.cine, digest=ABSENT))),
    "model missing": ("blob_missing", lambda desk, it: replace(it, model=ModelRef(ABSENT, "bundled"))),
    "unknown family": ("unknown_family", lambda desk, it: replace(it, model=replace(desk.model, family="sam9"))),
    "model unreadable": (
        "checkpoint_unreadable",
        lambda desk, it: replace(it, model=ModelRef(garbage(desk), "bundled")),
    ),
    "cine unreadable": ("cine_unreadable", lambda desk, it: replace(it, cine=replace(desk.cine, digest=garbage(desk)))),
    "other rows": ("cine_unreadable", lambda desk, it: replace(it, cine=replace(desk.cine, rows=47))),
    "other columns": ("cine_unreadable", lambda desk, it: replace(it, cine=replace(desk.cine, columns=41))),
    "other frames": ("cine_unreadable", lambda desk, it: replace(it, cine=replace(desk.cine, frames=6))),
}
PREDICTIONS: dict[str, tuple[str, Change]] = {
    "previous missing": ("blob_missing", lambda desk, it: replace(it, previous_mask=ABSENT)),
    "previous unreadable": ("mask_unreadable", lambda desk, it: replace(it, previous_mask=garbage(desk))),
    "previous of another size": ("mask_size_mismatch", lambda desk, it: replace(it, previous_mask=small_mask(desk))),
    "point outside": ("prompt_outside_image", lambda desk, it: replace(it, points=[[40.5, 3.0, 1]])),
    "box outside": ("prompt_outside_image", lambda desk, it: replace(it, box=[-1.0, 0.0, 9.0, 9.0])),
    "empty box": ("empty_box", lambda desk, it: replace(it, box=[9.0, 9.0, 9.0, 12.0])),
    "no prompt": ("no_prompt", lambda desk, it: replace(it, points=[])),
    "too many points": ("too_many_points", lambda desk, it: replace(it, points=[[1.0, 1.0, 1]] * 513)),
    "no such frame": ("frame_out_of_range", lambda desk, it: replace(it, frame_index=5)),
}
PROPAGATIONS: dict[str, tuple[str, Change]] = {
    "no conditioning": (
        "no_conditioning",
        lambda desk, it: replace(it, labels=[{"label": "catheter", "conditioning": [], "standing": []}]),
    ),
    "a pass from elsewhere": ("no_conditioning", lambda desk, it: replace(it, passes=[[2, 3]])),
    "no such frame": ("frame_out_of_range", lambda desk, it: replace(it, passes=[[1, 5]])),
    "mask missing": ("blob_missing", lambda desk, it: conditioned(desk, it, ABSENT)),
    "mask unreadable": ("mask_unreadable", lambda desk, it: conditioned(desk, it, garbage(desk))),
    "mask of another size": ("mask_size_mismatch", lambda desk, it: conditioned(desk, it, small_mask(desk))),
}


def check_failure(desk: Desk, request: PredictRequest | PropagateRequest, code: str) -> None:
    """See that the one message is a failure with a code and a sentence that says nothing of this machine."""
    failure = desk.outbox.failure
    assert (failure.job_id, failure.epoch, failure.worker) == (request.job_id, request.epoch, "w1")
    assert failure.code == code
    assert failure.message.endswith(".")
    assert str(desk.store.root) not in failure.message


@pytest.mark.parametrize("name", [*ANY, *PREDICTIONS])
def test_a_prediction_that_cannot_be_made_says_why(desk: Desk, name: str) -> None:
    code, change = (ANY | PREDICTIONS)[name]
    request = change(desk, desk.predict())
    run(PredictJob(desk.bench(), request))
    check_failure(desk, request, code)


@pytest.mark.parametrize("name", [*ANY, *PROPAGATIONS])
def test_a_propagation_that_cannot_be_made_says_why(desk: Desk, name: str) -> None:
    code, change = (ANY | PROPAGATIONS)[name]
    request = change(desk, desk.propagate())
    run(PropagateJob(desk.bench(), request))
    check_failure(desk, request, code)


@pytest.mark.parametrize("name", ["unknown family", "other rows", "other columns", "other frames"])
def test_what_an_earlier_job_has_opened_hides_no_mistake(desk: Desk, name: str) -> None:
    code, change = ANY[name]
    bench, request = desk.bench(), desk.predict()
    run(PredictJob(bench, request))
    desk.outbox.take()
    run(PredictJob(bench, change(desk, request)))
    check_failure(desk, request, code)
    desk.outbox.take()
    run(PredictJob(bench, request))
    assert [type(message) for message in desk.outbox.messages] == [MaskResult, JobDone]


def test_a_job_that_fails_in_the_middle_keeps_what_it_has_sent(desk: Desk) -> None:
    # The second stretch is tracked back from frame 4, whose mask is missing.
    held = [desk.held(1, disc(15, 24, 8)), {"frame_index": 4, "mask": ABSENT}]
    labels = [{"label": "catheter", "conditioning": held, "standing": []}]
    run(PropagateJob(desk.bench(), desk.propagate(labels=labels, passes=[[1, 0], [1, 2, 3, 4]])))
    *masks, failure = desk.outbox.messages
    assert isinstance(failure, JobFailed)
    assert failure.code == "blob_missing"
    assert masks == desk.outbox.masks


@pytest.mark.parametrize("kind", ["predict", "propagate"])
def test_what_nobody_foresaw_stays_in_the_log(
    desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("weights of patient Doe in /srv/models")

    monkeypatch.setattr(Workbench, "session", fail)
    jobs: dict[str, Callable[[], int]] = {
        "predict": lambda: run(PredictJob(desk.bench(), desk.predict())),
        "propagate": lambda: run(PropagateJob(desk.bench(), desk.propagate())),
    }
    jobs[kind]()
    assert (desk.outbox.failure.code, desk.outbox.failure.message) == ("worker_error", INTERNAL)
    assert "weights of patient Doe" in caplog.text


@pytest.mark.parametrize("checks", [1, 2, 3])
def test_a_cancelled_propagation_ends_before_its_next_frame_and_says_nothing_more(desk: Desk, checks: int) -> None:
    cancelled = threading.Event()
    job = PropagateJob(desk.bench(), desk.propagate())
    for step, _ in enumerate(job.steps(cancelled.is_set), 1):
        if step == checks * PARTS:
            cancelled.set()
    assert len(desk.outbox.masks) == [0, 2, 3, 5][checks]
    assert desk.outbox.messages == desk.outbox.masks


def test_a_propagation_cancelled_before_it_begins_says_nothing(desk: Desk) -> None:
    assert run(PropagateJob(desk.bench(), desk.propagate()), lambda: True) == 0
    assert desk.outbox.messages == []


def test_a_prediction_cancelled_while_it_is_computed_says_nothing(desk: Desk) -> None:
    run(PredictJob(desk.bench(), desk.predict()), lambda: True)
    assert desk.outbox.messages == []


def test_a_worker_lives_on_when_not_even_its_failure_can_be_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    scheduler, bench = Scheduler(), desk.bench()
    desk.outbox.refuses = lambda message: getattr(message, "job_id", "") == "lost"
    scheduler.submit(PredictJob(bench, desk.predict(job_id="lost")))
    scheduler.submit(PredictJob(bench, desk.predict(job_id="told")))
    scheduler.start()
    until(lambda: any(isinstance(message, JobDone) for message in desk.outbox.messages))
    scheduler.stop()
    assert {message.job_id for message in desk.outbox.masks} == {"told"}
    assert [type(message) for message in desk.outbox.refused] == [MaskResult, JobFailed]
    assert "job lost ended early" in caplog.text


def test_the_scheduler_cancels_a_real_propagation_between_frames(desk: Desk) -> None:
    scheduler, bench = Scheduler(), desk.bench()
    paused, go_on = threading.Event(), threading.Event()

    class Watched(PropagateJob):
        """A propagation that pauses after its first frame."""

        def steps(self, is_cancelled: Callable[[], bool]) -> Any:
            for number, _ in enumerate(super().steps(is_cancelled)):
                if number == 0:
                    paused.set()
                    assert go_on.wait(PATIENCE_SECONDS)
                yield

    scheduler.submit(Watched(bench, desk.propagate()))
    scheduler.start()
    assert paused.wait(PATIENCE_SECONDS)
    scheduler.cancel("job-2")
    go_on.set()
    until(lambda: not scheduler.is_busy)
    scheduler.stop()
    assert len(desk.outbox.messages) == 2


def test_pixels_that_vanish_while_they_are_read_fail_the_job(desk: Desk) -> None:
    cine = desk.put_cine(frames=20)
    steps = PropagateJob(desk.bench(0), desk.propagate(cine=cine, passes=[list(range(1, 20))])).steps(lambda: False)
    for _ in range(PARTS):
        next(steps)
    path: Path = desk.place(cine.digest)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 2 * np.prod((cine.rows, cine.columns)))
    assert len(list(steps)) < 18 * PARTS
    failure = desk.outbox.messages[-1]
    assert isinstance(failure, JobFailed)
    assert failure.code == "cine_unreadable"
