"""The encoder compiled by OpenVINO says what torch's says, and gives way where it cannot stand in."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.edge.families import SMALL
from tests.workers.edge.parts import Desk, decoded, run
from workers.config import ConfigError, config_from_environment
from workers.engine.sam21 import StockSam2, build_sam21
from workers.engine.session import Sam2Segmenter
from workers.engine.tensors import Features
from workers.gpu import PredictJob
from workers.models import Models
from workers.protocol.families import Precision
from workers.protocol.messages import ModelRef

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed: `make develop` does it"
)
ENVIRONMENT = {"BROKER_URL": "redis://127.0.0.1", "CINELOOP_DATA_DIR": "data"}


@pytest.fixture
def model(put_family: Callable[[str], ModelRef]) -> ModelRef:
    """A small SAM 2.1 in the store."""
    return put_family("sam2.1-tiny")


def images(seed: int = 0, count: int = 1) -> Tensor:
    return torch.randn(count, 3, SMALL.image_size, SMALL.image_size, generator=torch.Generator().manual_seed(seed))


def built(precision: Precision = "float32") -> StockSam2:
    from workers.engine.openvino import CompiledEncoder

    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = build_sam21(SMALL, preprocess_id="sam2-imagenet-v1", precision=precision)
    made.compiled = CompiledEncoder(made)
    return made


def distance(found: Features, wanted: Features) -> float:
    """Return the largest relative difference of any level."""
    pairs = zip(found.tensors(), wanted.tensors(), strict=True)
    return max(float((one - other).norm() / other.norm()) for one, other in pairs)


def by_torch(model: StockSam2, given: Tensor) -> Features:
    plain = copy.deepcopy(model)
    assert plain.compiled is None, "a copy is for an adapter, which changes the encoder"
    return plain.encode(given)


@needs_openvino
@torch.no_grad()
def test_features_are_those_of_torch() -> None:
    model = built()
    for seed in range(3):
        found, wanted = model.encode(images(seed)), by_torch(model, images(seed))
        assert [one.shape for one in found.tensors()] == [one.shape for one in wanted.tensors()]
        assert distance(found, wanted) < 1e-4
    assert distance(model.encode(images(0)), model.encode(images(1))) > 0.01


@needs_openvino
@torch.no_grad()
def test_threads_have_memory_of_their_own() -> None:
    model = built()
    wanted = [by_torch(model, images(seed)) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda seed: model.encode(images(seed)), range(8)))
    assert max(distance(one, other) for one, other in zip(found, wanted, strict=True)) < 1e-4


@needs_openvino
def test_it_does_not_stand_in_where_something_learns_or_several_images_come() -> None:
    model = built()
    assert model.encode(images()).deep.requires_grad
    with torch.no_grad():
        assert torch.equal(model.encode(images(count=2)).deep, by_torch(model, images(count=2)).deep)


@needs_openvino
@torch.no_grad()
def test_bfloat16_is_meant_for_it_too() -> None:
    model = built("bfloat16")
    assert distance(model.encode(images()), by_torch(built(), images())) < 0.05


@needs_openvino
def test_a_worker_answers_with_it(desk: Desk, model: ModelRef) -> None:
    run(PredictJob(desk.bench(), desk.predict(model=model)))
    run(PredictJob(desk.bench(encoder="openvino"), desk.predict(model=model)))
    by_torch, by_openvino = desk.outbox.masks
    assert np.mean(decoded(by_torch) != decoded(by_openvino)) < 0.01
    assert by_openvino.score == pytest.approx(by_torch.score, abs=1e-3)


@needs_openvino
def test_its_copy_of_the_weights_counts(desk: Desk, model: ModelRef) -> None:
    plain, compiled = (Models(desk.store, torch.device("cpu"), encoder=encoder) for encoder in ("torch", "openvino"))
    found = compiled.get(model)
    assert isinstance(found, Sam2Segmenter)
    assert isinstance(found.model, StockSam2)
    assert found.model.compiled is not None
    assert plain.get(model).spec.bytes < found.spec.bytes < 2 * plain.get(model).spec.bytes
    assert compiled.get(desk.model).spec.bytes == plain.get(desk.model).spec.bytes


def test_the_setting_names_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_from_environment(ENVIRONMENT).encoder == "torch"
    with pytest.raises(ConfigError, match="MODEL_ENCODER must be one of torch, openvino, not 'onnx'"):
        config_from_environment(ENVIRONMENT, MODEL_ENCODER="onnx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="MODEL_ENCODER is openvino, which is not installed"):
        config_from_environment(ENVIRONMENT, MODEL_ENCODER="openvino")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert config_from_environment(ENVIRONMENT, MODEL_ENCODER="openvino").encoder == "openvino"
