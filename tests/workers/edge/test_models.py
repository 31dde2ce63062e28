"""Models stay loaded up to a number of bytes, the one in use always; each computes in the precision of the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.workers.edge.parts import Desk, decoded, run
from workers import app as edge
from workers import models as module
from workers.config import WorkerConfig
from workers.engine.families import best_precision, load_segmenter
from workers.gpu import PredictJob
from workers.models import Models, memory_of
from workers.protocol.families import Precision
from workers.protocol.messages import JobDone, MaskResult, ModelRef

CPU = torch.device("cpu")


@pytest.fixture
def refs(desk: Desk, make_checkpoint: Callable[[int], Path]) -> list[ModelRef]:
    """Three models of the same size."""
    return [ModelRef(desk.store.put(make_checkpoint(seed).read_bytes()), "bundled") for seed in (5, 1, 7)]


@pytest.fixture
def size(desk: Desk, refs: list[ModelRef]) -> int:
    """Bytes of the weights of each."""
    return Models(desk.store, CPU).get(refs[0]).spec.bytes


def test_the_models_used_last_stay_loaded_as_long_as_they_fit(desk: Desk, refs: list[ModelRef], size: int) -> None:
    first, second, third = (ref.digest for ref in refs)
    models = Models(desk.store, CPU, max_bytes=2 * size)
    held = models.get(refs[0])
    models.get(refs[1])
    assert models.get(refs[0]) is held
    assert models.digests == [second, first]
    assert models.bytes == 2 * size
    models.get(refs[2])
    assert models.digests == [first, third]
    assert models.get(refs[0]) is held
    assert models.get(refs[1]).spec.digest == second


@pytest.mark.parametrize(("room", "kept"), [(0, 1), (0.5, 1), (1, 1), (1.99, 1), (2, 2), (3, 3), (100, 3)])
def test_bytes_are_the_limit_and_one_model_stays_whatever_its_size(
    desk: Desk, refs: list[ModelRef], size: int, room: float, kept: int
) -> None:
    models = Models(desk.store, CPU, max_bytes=int(room * size))
    for ref in refs:
        models.get(ref)
    assert models.digests == [ref.digest for ref in refs[-kept:]]
    assert models.bytes == kept * size


def test_a_model_that_finds_no_memory_takes_that_of_idle_ones(
    desk: Desk, refs: list[ModelRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(desk.store, CPU)
    for ref in refs[:2]:
        models.get(ref)

    def scarce(*arguments: Any, **options: Any) -> Any:
        if models.digests:
            raise torch.OutOfMemoryError("full")
        return load_segmenter(*arguments, **options)

    monkeypatch.setattr(module, "load_segmenter", scarce)
    models.get(refs[2])
    assert models.digests == [refs[2].digest]


def test_a_model_that_fits_nowhere_is_a_failure_and_the_worker_lives(
    desk: Desk, refs: list[ModelRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk.bench()
    run(PredictJob(bench, desk.predict()))
    desk.outbox.take()

    def full(*arguments: Any, **options: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "load_segmenter", full)
        run(PredictJob(bench, desk.predict(model=refs[1])))
    assert desk.outbox.failure.code == "out_of_memory"
    desk.outbox.take()
    run(PredictJob(bench, desk.predict()))
    assert [type(message) for message in desk.outbox.messages] == [MaskResult, JobDone]


def test_without_a_limit_half_of_the_memory_is_one(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(module, "MEMORY_LIMITS", (tmp_path / "absent", limit))
    machine = memory_of(CPU)
    assert machine > 1 << 28
    assert Models(desk.store, CPU).max_bytes == machine // 2
    limit.write_text("max\n")
    assert memory_of(CPU) == machine
    limit.write_text(f"{1 << 27}\n")
    assert Models(desk.store, CPU).max_bytes == 1 << 26


def test_the_settings_of_a_worker_reach_its_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Watched(Models):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            seen.update(options)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("workers.gpu.Models", Watched)
    config = WorkerConfig("memory://", tmp_path, "w1", model_bytes=7, precision="mixed")
    edge.Worker(edge.make_app(config), config, (edge.GPU,))
    assert seen == {"max_bytes": 7, "precision": "mixed"}


@pytest.mark.parametrize(
    ("capable", "device", "precision"),
    [
        ({"avx512_bf16": True}, "cpu", "mixed"),
        ({"amx_bf16": True, "avx512_bf16": False}, "cpu", "mixed"),
        ({"avx512_f": True}, "cpu", "float32"),
        ({}, "cpu", "float32"),
        ({"amx_bf16": True}, "cuda", "float32"),
    ],
)
def test_without_a_setting_the_precision_suits_the_processor(
    desk: Desk,
    put_family: Callable[[str], ModelRef],
    monkeypatch: pytest.MonkeyPatch,
    capable: dict[str, bool],
    device: str,
    precision: Precision,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable)
    assert best_precision(torch.device(device)) == precision
    if device == "cpu":
        segmenter: Any = Models(desk.store, CPU).get(put_family("medsam2"))
        assert segmenter.model.precision == precision


@pytest.mark.parametrize("family", ["sam2.1-tiny", "medsam2"])
@pytest.mark.parametrize("precision", ["float32", "mixed", "bfloat16"])
def test_families_that_know_a_precision_compute_in_it(
    desk: Desk,
    put_family: Callable[[str], ModelRef],
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
    family: str,
) -> None:
    bench, model = desk.bench(precision=precision), put_family(family)
    segmenter: Any = bench.models.get(model)
    assert segmenter.model.precision == precision
    assert segmenter.spec.preprocess_id.endswith("/bfloat16") == (precision == "bfloat16")
    used: list[bool] = []
    forward = segmenter.model.forward_image

    def watched(images: torch.Tensor) -> Any:
        used.append(torch.is_autocast_enabled("cpu"))
        return forward(images)

    monkeypatch.setattr(segmenter.model, "forward_image", watched)
    run(PredictJob(bench, desk.predict(model=model)))
    mask, done = desk.outbox.messages
    assert isinstance(mask, MaskResult)
    assert isinstance(done, JobDone)
    assert decoded(mask).shape == (desk.cine.rows, desk.cine.columns)
    assert used == [precision == "bfloat16"]


def test_families_that_know_none_answer_as_ever(desk: Desk) -> None:
    for precision in ("float32", "bfloat16"):
        run(PredictJob(desk.bench(precision=precision), desk.predict()))
    first, second = (message.mask for message in desk.outbox.masks)
    assert first == second
