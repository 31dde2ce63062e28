"""What a worker keeps: eight cines, some masks; and encoding ahead, which fills the feature cache."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workers.edge.parts import FRAMES, PARTS, Desk, disc, run
from workers.engine.cine import CinePixels
from workers.engine.features import FeatureStore
from workers.gpu import CINES_KEPT, MASKS_KEPT, SHARE_OF_A_CINE, PredictJob, PropagateJob, WarmJob
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import JobDone, MaskResult, ModelRef
from workers.scheduler import AHEAD

ABSENT = bytes_digest(b"never stored")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests of the cines whose files were closed, in order."""
    gc.collect()  # the cines of other tests
    digests: list[str] = []
    real = CinePixels.close

    def close(cine: CinePixels) -> None:
        digests.append(cine.digest)
        real(cine)

    monkeypatch.setattr(CinePixels, "close", close)
    return digests


def test_a_model_that_cannot_be_loaded_pushes_out_none(desk: Desk, make_checkpoint: Callable[[int], Path]) -> None:
    bench = desk.bench()
    other = ModelRef(desk.store.put(make_checkpoint(1).read_bytes()), "bundled")
    for model in (desk.model, other):
        bench.models.get(model)
    run(PredictJob(bench, desk.predict(model=ModelRef(ABSENT, "bundled"))))
    assert bench.models.digests == [desk.model.digest, other.digest]


def test_each_model_has_its_own_answer(desk: Desk, make_checkpoint: Callable[[int], Path]) -> None:
    bench, request = desk.bench(), desk.predict()
    other = ModelRef(desk.store.put(make_checkpoint(1).read_bytes()), "bundled")
    for model in (desk.model, other, desk.model):
        run(PredictJob(bench, replace(request, model=model)))
    first, second, third = (message.mask for message in desk.outbox.masks)
    assert first == third != second


def test_the_cine_used_least_is_closed(desk: Desk, closed: list[str]) -> None:
    bench = desk.bench()
    cines = [desk.put_cine(seed, frames=1) for seed in range(20, 20 + CINES_KEPT + 1)]
    for cine in [*cines[:CINES_KEPT], cines[0]]:
        bench.session(desk.model, cine)
    assert closed == []
    bench.session(desk.model, cines[-1])
    assert closed == [cines[1].digest]
    bench.session(desk.model, cines[1])
    assert closed == [cines[1].digest, cines[2].digest]


def test_a_cine_of_another_window_is_another_one(desk: Desk) -> None:
    bench = desk.bench()
    windows = [[0.0, 255.0], [40.0, 200.0], [0.0, 255.0]]
    for window in windows:
        run(PredictJob(bench, desk.predict(cine=replace(desk.cine, window=window))))
    first, second, third = (message.mask for message in desk.outbox.masks)
    assert first == third != second


def test_a_cine_in_use_stays_open_however_many_others_are_asked_for(desk: Desk, closed: list[str]) -> None:
    run(PropagateJob(desk.bench(0), desk.propagate()))
    whole = [message.mask for message in desk.outbox.masks]
    desk.outbox.take()
    closed.clear()
    bench = desk.bench(0)
    steps = PropagateJob(bench, desk.propagate()).steps(lambda: False)
    next(steps)
    for seed in range(20, 20 + CINES_KEPT):
        cine = desk.put_cine(seed, frames=2)
        run(PredictJob(bench, desk.predict(job_id=f"other-{seed}", cine=cine)))
    assert desk.cine.digest not in closed
    assert sum(1 for _ in steps) == 4 * PARTS - 1
    mine = [message for message in desk.outbox.messages if getattr(message, "job_id", "") == "job-2"]
    assert [type(message) for message in mine] == [MaskResult] * 7 + [JobDone]
    assert [message.mask for message in desk.outbox.masks if message.job_id == "job-2"] == whole
    assert desk.cine.digest in closed


def test_masks_are_read_once_while_they_are_kept(desk: Desk) -> None:
    bench = desk.bench()
    digests = [desk.put_mask(disc(3 + 2 * number, 10, 4)) for number in range(MASKS_KEPT + 1)]
    held = bench.mask(digests[0])
    assert bench.mask(digests[0]) is held
    for digest in digests[1:]:
        bench.mask(digest)
    again = bench.mask(digests[0])
    assert again is not held
    assert (again == held).all()


def test_warming_encodes_frames_so_that_nothing_is_left_to_do(desk: Desk) -> None:
    bench = desk.bench()
    job = WarmJob(bench, desk.warm([3, 1]))
    assert (job.job_id, job.priority) == ("", AHEAD)
    assert run(job) == 2
    session = bench.session(desk.model, desk.cine)
    assert [len(list(session.encode([frame]))) for frame in range(FRAMES)] == [1, 0, 1, 0, 1]
    assert desk.outbox.messages == []


def test_warming_without_frames_loads_the_model_only(desk: Desk) -> None:
    bench = desk.bench()
    run(WarmJob(bench, desk.warm([], cine=replace(desk.cine, digest=ABSENT))))
    assert bench.models.digests == [desk.model.digest]
    assert len(bench.features) == 0


def test_warming_stops_when_it_is_cancelled(desk: Desk) -> None:
    bench = desk.bench()
    run(WarmJob(bench, desk.warm([0, 1, 2])), lambda: True)
    assert len(bench.features) == 1


@pytest.mark.parametrize("room", [0.5, 1, 2, 2.5])
def test_warming_stops_when_the_share_of_a_cine_is_full(
    desk: Desk, room: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk.bench()
    run(WarmJob(bench, desk.warm([0])))
    one = bench.features.bytes
    puts: list[int] = []
    real = FeatureStore.put

    def put(store: FeatureStore, key: object, tensors: object) -> None:
        puts.append(1)
        real(store, key, tensors)  # type: ignore[arg-type]

    monkeypatch.setattr(FeatureStore, "put", put)
    small = desk.bench(int(SHARE_OF_A_CINE * one * room))
    run(WarmJob(small, desk.warm(list(range(FRAMES)))))
    assert len(small.features) == int(room)
    assert len(puts) == max(1, int(room)), "no frame is encoded for nothing, but for the one that shows it"


@pytest.mark.parametrize(
    ("frames", "changes"),
    [
        ([0], {"cine": {"digest": ABSENT}}),
        ([0], {"cine": {"rows": 47}}),
        ([0, 9], {}),
        ([], {"model": {"digest": ABSENT}}),
        ([0], {"model": {"family": "sam9"}}),
    ],
)
def test_warming_that_fails_disturbs_nobody(
    desk: Desk, frames: list[int], changes: dict[str, dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    request = desk.warm(frames)
    for name, values in changes.items():
        request = replace(request, **{name: replace(getattr(request, name), **values)})
    run(WarmJob(desk.bench(), request))
    assert desk.outbox.messages == []
    assert "cannot prepare a cine" in caplog.text


def test_warming_that_breaks_disturbs_nobody_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(CinePixels, "frame", fail)
    run(WarmJob(desk.bench(), desk.warm([0])))
    assert desk.outbox.messages == []
    assert "MemoryError" in caplog.text
