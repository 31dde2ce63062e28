"""Predictions and propagations of a real small model: masks in order, and the same again on any worker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workers.edge.parts import COLUMNS, FRAMES, PARTS, ROWS, Desk, decoded, disc, run
from workers.gpu import PredictJob, PropagateJob
from workers.protocol.messages import JobDone, MaskResult
from workers.scheduler import PROMPT, PROPAGATION


def answers(desk: Desk) -> list[tuple[str, int, str, float | None]]:
    """Return what the masks taken so far say, and forget them."""
    return [
        (message.label, message.frame_index, message.mask, message.score)
        for message in desk.outbox.take()
        if isinstance(message, MaskResult)
    ]


def test_a_prediction_is_one_mask_and_then_done(desk: Desk) -> None:
    request = desk.predict(reply_to="results.here")
    job = PredictJob(desk.bench(), request)
    assert (job.job_id, job.epoch, job.priority) == ("job-1", 2, PROMPT)
    assert run(job) == 0
    mask, done = desk.outbox.messages
    assert isinstance(mask, MaskResult)
    assert isinstance(done, JobDone)
    assert (mask.job_id, mask.epoch, mask.worker) == ("job-1", 2, "w1")
    assert (mask.label, mask.frame_index, mask.done, mask.total) == ("coronary_artery", 1, 1, 1)
    assert mask.score is not None
    assert 0 <= mask.score <= 1
    assert decoded(mask).shape == (ROWS, COLUMNS)
    assert 0 < decoded(mask).sum() < ROWS * COLUMNS
    assert (done.job_id, done.epoch, done.worker, done.early_stop) == ("job-1", 2, "w1", False)
    assert done.elapsed_ms >= 0
    assert desk.outbox.queues == ["results.here"] * 2


def test_every_prompt_counts(desk: Desk) -> None:
    bench, request = desk.bench(), desk.predict()
    others = [
        {"points": request.points[:1]},
        {"points": [[15.0, 24.0, 0], [30.0, 5.0, 1]]},
        {"box": [2.0, 3.0, 30.0, 40.0]},
        {"points": [], "box": [2.0, 3.0, 30.0, 40.0]},
        {"previous_mask": None},
        {"previous_mask": desk.put_mask(disc(30, 10, 9))},
        {"frame_index": 4},
        {"cine": replace(desk.cine, window=[50.0, 120.0])},
    ]
    for one in (request, *(replace(request, **changes) for changes in others)):
        run(PredictJob(bench, one))
    masks = [mask.mask for mask in desk.outbox.masks]
    assert len(masks) == len(others) + 1
    assert len(set(masks)) == len(masks)


def test_a_propagation_answers_frame_by_frame_and_then_says_done(desk: Desk) -> None:
    request = desk.propagate(reply_to="results.here")
    job = PropagateJob(desk.bench(), request)
    assert (job.job_id, job.epoch, job.priority) == ("job-2", 2, PROPAGATION)
    assert run(job) == 4 * PARTS, "as many steps for each frame, however many labels"
    *masks, done = desk.outbox.messages
    assert isinstance(done, JobDone)
    assert masks == desk.outbox.masks
    assert [(mask.label, mask.frame_index) for mask in desk.outbox.masks] == [
        ("coronary_artery", 2),
        ("catheter", 2),
        ("coronary_artery", 3),
        ("coronary_artery", 4),
        ("catheter", 4),
        ("coronary_artery", 0),
        ("catheter", 0),
    ]
    assert [(mask.done, mask.total) for mask in desk.outbox.masks] == [(number, 7) for number in range(1, 8)]
    assert {(mask.job_id, mask.epoch, mask.worker) for mask in desk.outbox.masks} == {("job-2", 2, "w1")}
    assert {decoded(mask).shape for mask in desk.outbox.masks} == {(ROWS, COLUMNS)}
    assert all(0 < decoded(mask).sum() < ROWS * COLUMNS for mask in desk.outbox.masks)
    assert set(desk.outbox.queues) == {"results.here"}


def test_the_masks_of_a_frame_are_sent_before_the_next_frame_begins(desk: Desk) -> None:
    arrived = []
    for _ in PropagateJob(desk.bench(), desk.propagate()).steps(lambda: False):
        arrived.append(len(desk.outbox.messages))
    assert arrived[PARTS - 1 :: PARTS] == [2, 3, 5, 7]
    assert arrived[: PARTS - 1] == [0] * (PARTS - 1)


def test_a_propagation_with_nothing_to_answer_is_done_at_once(desk: Desk) -> None:
    everything = list(range(FRAMES))
    run(PropagateJob(desk.bench(), desk.propagate(keep={"coronary_artery": everything, "catheter": everything})))
    (done,) = desk.outbox.messages
    assert isinstance(done, JobDone)


@pytest.mark.parametrize("feature_bytes", [1 << 26, 1 << 17, 0])
def test_a_prediction_is_the_same_again_and_on_a_fresh_worker(desk: Desk, feature_bytes: int) -> None:
    bench, request = desk.bench(), desk.predict()
    for worker in (bench, bench, desk.bench(feature_bytes)):
        run(PredictJob(worker, request))
    first, second, third = answers(desk)
    assert first == second == third


@pytest.mark.parametrize("feature_bytes", [1 << 26, 1 << 17, 0])
def test_a_propagation_is_the_same_again_and_on_a_fresh_worker(desk: Desk, feature_bytes: int) -> None:
    bench, request = desk.bench(), desk.propagate()
    found = []
    for worker in (bench, bench, desk.bench(feature_bytes)):
        run(PropagateJob(worker, request))
        found.append(answers(desk))
    assert len(found[0]) == 7
    assert found[0] == found[1] == found[2]


def test_a_worker_that_dies_in_the_middle_is_replaced_without_a_trace(desk: Desk) -> None:
    request = desk.propagate()
    run(PropagateJob(desk.bench(), request))
    whole = answers(desk)
    dying = PropagateJob(desk.bench(), request).steps(lambda: False)
    next(dying)
    next(dying)
    desk.outbox.take()
    run(PropagateJob(desk.bench(), replace(request, epoch=3)))
    assert {message.epoch for message in desk.outbox.masks} == {3}
    assert answers(desk) == whole


def test_jobs_between_the_steps_of_a_propagation_change_none_of_its_answers(desk: Desk) -> None:
    request = desk.propagate()
    run(PropagateJob(desk.bench(), request))
    whole = answers(desk)
    bench, found = desk.bench(), []
    other = replace(request, job_id="job-3", passes=[[1, 0], [1, 2, 3]])
    steps, turns = PropagateJob(bench, request).steps(lambda: False), PropagateJob(bench, other).steps(lambda: False)
    for frame_index, _ in enumerate(steps):
        found += [message for message in desk.outbox.masks if message.job_id == "job-2"]
        desk.outbox.take()
        run(PredictJob(bench, desk.predict(frame_index=frame_index)))
        next(turns, None)
        desk.outbox.take()
    assert [(mask.label, mask.frame_index, mask.mask, mask.score) for mask in found] == whole


def test_the_conditioning_masks_lead_the_propagation(desk: Desk) -> None:
    bench, request = desk.bench(), desk.propagate()
    run(PropagateJob(bench, request))
    before = answers(desk)
    labels = [dict(entry) for entry in request.labels]
    labels[0]["conditioning"] = [desk.held(1, disc(25, 12, 8))]
    run(PropagateJob(bench, replace(request, labels=labels)))
    changed = [one[:2] for one, other in zip(before, answers(desk), strict=True) if one != other]
    assert changed == [("coronary_artery", frame) for frame in (2, 3, 4, 0)]


def test_a_propagation_that_ends_early_says_so(desk: Desk) -> None:
    bench, frames = desk.bench(), list(range(1, 9))
    request = desk.propagate(
        cine=desk.put_cine(frames=9), passes=[frames], keep={"coronary_artery": [1], "catheter": [1]}
    )
    run(PropagateJob(bench, request))
    first, ended = desk.outbox.masks, desk.outbox.messages[-1]
    assert isinstance(ended, JobDone)
    assert not ended.early_stop
    labels = []
    for entry in request.labels:
        masks = [mask for mask in first if mask.label == entry["label"]]
        labels.append({**entry, "standing": [desk.held(mask.frame_index, decoded(mask)) for mask in masks]})
    before = answers(desk)
    run(PropagateJob(bench, replace(request, labels=labels)))
    ended = desk.outbox.messages[-1]
    assert isinstance(ended, JobDone)
    assert ended.early_stop
    assert answers(desk) == [one for one in before if one[1] <= 4]


def test_masks_are_those_of_the_rows_and_columns_not_transposed(desk: Desk) -> None:
    run(PropagateJob(desk.bench(), desk.propagate()))
    mask = decoded(desk.outbox.masks[0])
    assert mask.dtype == np.bool_
    assert mask.shape == (desk.cine.rows, desk.cine.columns)
    assert desk.cine.rows != desk.cine.columns
