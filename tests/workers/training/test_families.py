"""Every family learns by every method, from the same manifest, and what it learnt loads again as its base did."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from annotator.registry.services.checkpoint_header import read_header_of
from tests.workers.engine.sam3_text_parts import save_small
from tests.workers.training.family_parts import KINDS, discs, save_base, shrink
from tests.workers.training.test_finetune import Dataset
from workers.blobs import BlobStore
from workers.engine.adapters import base_of, load_adapter
from workers.engine.check import check
from workers.engine.checkpoints import CheckpointError
from workers.engine.cine import CinePixels
from workers.engine.errors import EngineError
from workers.engine.families import load_segmenter
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack
from workers.engine.session import Sam2Model, Sam2Segmenter
from workers.models import Models
from workers.protocol.digests import array_digest, bytes_digest
from workers.protocol.families import FAMILIES, METHODS
from workers.protocol.messages import ModelRef
from workers.protocol.packages import Package
from workers.training.base import DECODERS, SAM2_DECODER, load_base
from workers.training.config import FinetuneConfig
from workers.training.evaluate import evaluate_checkpoint
from workers.training.finetune import Stopped, finetune
from workers.training.losses import PRETRAINED
from workers.training.steps import FrameBatch, clip_step, frame_step

CPU = torch.device("cpu")
QUICK = {"frames_per_step": 1, "prompts_per_frame": 1, "strength": 0.05, "max_minutes": 1000}


@pytest.fixture(autouse=True)
def small_families(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shrink what cannot be small by its file, and give back the handler of SIGTERM, which a training takes."""
    shrink(monkeypatch)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path, {11: "train", 12: "val"}, frames=1)


def put_base(data: Dataset, family: str, presence: float = 2.0) -> Path:
    """Return the file of a base among the blobs."""
    store = BlobStore(data.blobs)
    return store.path(store.put_file(save_base(family, data.blobs.parent / f"{family}.base", presence)))


def learn(
    data: Dataset,
    base: Path,
    family: str,
    out: Path,
    report: Callable[[dict[str, Any]], None] = lambda event: None,
    **settings: Any,
) -> dict[str, Any]:
    config = FinetuneConfig.from_dict({**QUICK, **settings})
    return finetune(
        manifest=data.manifest, blobs=data.blobs, base=base, out=out, config=config, report=report, family=family
    )


def in_training(family: str, folder: Path, presence: float = 2.0) -> tuple[Sam2Model, nn.Module]:
    """Return a small model that is about to learn, as what is trained and as a module."""
    base = load_base(save_base(family, folder / "base", presence), folder, family=family)
    return base.model, base.module.train()


def boxed(model: Sam2Model) -> FrameBatch:
    """Return a frame with a disc, asked for by its box, and the same frame a little later."""
    frames, masks = discs(2, model.image_size)
    first, second = model.prepare(frames[:1], "US"), model.prepare(frames[1:], "US")
    return FrameBatch(first, masks[:1, None], masks[1:, None], [[None]], second)


Step = Callable[[np.random.Generator], tuple[Tensor, list[float]]]


def box_step(model: Sam2Model, batch: FrameBatch) -> Step:
    return lambda rng: frame_step(model, batch, rng, mode="box", corrections=0, weights=PRETRAINED)


def overfit(module: nn.Module, step: Step, steps: int, rate: float = 3e-3) -> list[tuple[float, float]]:
    """Take steps and return the loss and the last IoU of each."""
    torch.manual_seed(3)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    course = []
    for _ in range(steps):
        loss, ious = step(np.random.default_rng(5))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        course.append((float(loss.detach()), ious[-1]))
    return course


@pytest.mark.parametrize("family", KINDS)
def test_a_frame_is_learnt(family: str, tmp_path: Path) -> None:
    model, module = in_training(family, tmp_path)
    batch = boxed(model)
    course = overfit(module, box_step(model, batch), 30)
    assert course[-1][0] < 0.5 * course[0][0]
    assert course[-1][1] > max(0.7, course[0][1] + 0.2)


@pytest.mark.parametrize("family", KINDS)
def test_a_clip_is_tracked_better(family: str, tmp_path: Path) -> None:
    model, module = in_training(family, tmp_path)
    frames, masks = discs(3, model.image_size)
    images = model.prepare(frames, "US")
    course = overfit(module, lambda rng: clip_step(model, images, masks[:, None], rng, PRETRAINED), 12)
    assert course[-1][0] < 0.8 * course[0][0]


@pytest.mark.parametrize("family", KINDS)
def test_tracking_teaches_the_memory_and_corrections_the_prompts(family: str, tmp_path: Path) -> None:
    model, module = in_training(family, tmp_path)
    loss, ious = frame_step(
        model, boxed(model), np.random.default_rng(2), mode="track", corrections=2, weights=PRETRAINED
    )
    loss.backward()
    assert len(ious) == 3
    touched = {name.partition(".")[0] for name, value in module.named_parameters() if moves(value.grad)}
    own = {"vision_encoder", "prompt_encoder"} if family == "sam3" else {"image_encoder", "sam_prompt_encoder"}
    assert own | {"memory_attention", "memory_encoder"} <= touched


def moves(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


@pytest.mark.parametrize("family", ["sam2.1-tiny", "sam3"])
def test_what_the_model_does_not_see_it_learns_to_see(family: str, tmp_path: Path) -> None:
    model, module = in_training(family, tmp_path, presence=-30.0)
    batch, box = boxed(model), (torch.tensor([[[10.0, 10.0], [50.0, 50.0]]]), torch.tensor([[2, 3]]))
    module.eval()
    with torch.no_grad():
        assert (model.decode(model.encode(batch.images), *box).logits == -1024).all()
    module.train()
    decoded = model.decode(model.encode(batch.images), *box)
    assert decoded.presence is not None
    assert float(decoded.presence.detach()) < -20
    assert (decoded.logits.detach().abs() < 1000).all()
    decoded.logits.sum().backward()
    encoder = "vision_encoder" if family == "sam3" else "image_encoder"
    assert any(moves(value.grad) for name, value in module.named_parameters() if name.startswith(encoder))
    course = overfit(module, box_step(model, batch), 8)
    assert course[-1][0] < course[0][0] - 5
    module.eval()
    with torch.no_grad():
        assert model.decode(model.encode(batch.images), *box).presence is None


def weights_of(data: Dataset, path: Path, family: str = "") -> dict[str, Tensor]:
    """Return the weights of a file, without its adapter, by the names of the model."""
    return load_base(path, data.blobs, family=family).module.state_dict()


@pytest.mark.parametrize(
    ("family", "method"), [*itertools.product(("sam2.1-tiny", "sam3"), METHODS), ("medsam2", "decoder")]
)
def test_a_result_differs_only_in_what_learnt_and_loads_as_its_base_does(
    family: str, method: str, tmp_path: Path, data: Dataset
) -> None:
    base = put_base(data, family)
    before = base.read_bytes()
    events: list[dict[str, Any]] = []
    done = learn(
        data, base, family, tmp_path / "out", events.append, method=method, steps=2, learning_rate=1e-2, lora_rank=2
    )
    path = Path(done["checkpoint"])
    assert (events[0]["step"], events[-1]["step"], done["metrics"]["steps"]) == (0, 2, 2)
    assert 0 <= done["metrics"]["val_iou"] <= 1
    assert base.read_bytes() == before

    spec = load_base(base, data.blobs, family=family).spec
    header = read_header_of(path)
    assert (header.family, header.preprocess_id, header.licence) == (family, spec.preprocess_id, spec.licence)
    assert header.licence == FAMILIES[family].licence
    assert (header.training["parent"], header.training["config"]["method"]) == (bytes_digest(before), method)

    if method == "lora":
        adapter = load_adapter(path)
        assert (adapter.base, adapter.rank) == (bytes_digest(before), 2)
        assert path.stat().st_size < 0.05 * base.stat().st_size
        assert any(value.any() for key, value in adapter.state.items() if key.endswith("lora_B.weight"))
    old, new = weights_of(data, base, family), weights_of(data, path)
    moved = {key for key, value in old.items() if not torch.equal(value, new[key])}
    if method == "decoder":
        assert all(key.startswith(DECODERS.get(family, SAM2_DECODER)) for key in moved)
    assert bool(moved) == (method != "lora")
    assert any("encoder.trunk" in key or "vision_encoder" in key for key in moved) == (method == "full")

    verdict = check(family, path)
    assert (verdict["sha256"], verdict["licence"]) == (done["sha256"], spec.licence)
    assert verdict["base"] == (spec.digest if method == "lora" else "")
    check_it_answers(data, ModelRef(done["sha256"], family), path)


def check_it_answers(data: Dataset, model: ModelRef, path: Path) -> None:
    """See that a worker which has only the blobs answers a prompt as the training measured it, and propagates."""
    store = BlobStore(data.blobs)
    store.put_file(path)
    segmenter = Models(store, CPU).get(model)
    assert isinstance(segmenter, Sam2Segmenter)
    measured = load_base(path, data.blobs).adapted()
    frames, masks = discs(2, 64)
    prompt = torch.tensor([[[32.0, 32.0]]]), torch.tensor([[1]])
    with torch.no_grad():
        served, wanted = (
            one.decode(one.encode(one.prepare(frames, "US")).map(lambda x: x[:1]), *prompt).logits
            for one in (segmenter.model, measured)
        )
    assert torch.equal(served, wanted)
    file = data.blobs.parent / "cine.npy"
    np.save(file, frames)
    cine = CinePixels(file, digest=array_digest(frames), window=(0, 255), modality="US")
    session = segmenter.open(cine, features=FeatureStore(1 << 26))
    assert session.predict(0, box=(10, 10, 50, 50)).mask.shape == frames.shape[1:]
    answers = session.propagate([LabelTrack("disc", {0: "mask"})], [[0, 1]], lambda digest: masks[0])
    assert [one.frame_index for one in answers if one is not None] == [1]


@pytest.mark.parametrize("method", ["lora", "decoder"])
def test_a_model_of_several_files_learns_twice(tmp_path: Path, data: Dataset, method: str) -> None:
    """Under an adapter it goes on to take words; of whole weights it is the tracker that was learnt."""
    store = BlobStore(data.blobs)
    digests = {name: store.put_file(path) for name, path in save_small(tmp_path).items()}
    package = store.put(Package("sam3", digests).to_bytes())
    base = store.path(package)
    for turn in ("first", "second"):
        done = learn(data, base, "sam3", tmp_path / turn, method=method, steps=1, learning_rate=1e-2, lora_rank=2)
        base = Path(done["checkpoint"])
        store.put_file(base)
    check_it_answers(data, ModelRef(done["sha256"], "sam3"), base)
    served = Models(store, CPU).get(ModelRef(done["sha256"], "sam3"))
    assert isinstance(served, Sam2Segmenter)
    assert (served.concepts is not None) == (method == "lora")
    assert base_of(base) == (package if method == "lora" else None)


@pytest.mark.parametrize(("family", "method"), [("sam2.1-tiny", "full"), ("medsam2", "decoder"), ("sam3", "lora")])
def test_a_stopped_training_ends_as_if_it_had_not_stopped(
    family: str, method: str, tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.training.finetune.REPORT_SECONDS", 0)
    base, settings = put_base(data, family), {"steps": 4, "method": method, "seed": 3}
    whole = learn(data, base, family, tmp_path / "whole", **settings)

    def stop_half_way(event: dict[str, Any]) -> None:
        if event["step"] == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped):
        learn(data, base, family, tmp_path / "out", stop_half_way, **settings)
    assert torch.load(tmp_path / "out" / "state.pt", weights_only=True)["step"] == 2
    resumed = learn(data, base, family, tmp_path / "out", **settings)
    expected, found = (contents(data, Path(done["checkpoint"])) for done in (whole, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[key]) for key, value in expected.items())


def contents(data: Dataset, path: Path) -> dict[str, Tensor]:
    adapter = load_base(path, data.blobs).adapter
    return weights_of(data, path) if adapter is None else dict(adapter.state)


def test_large_frames_go_through_the_model_one_by_one(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(model: Any, batch: FrameBatch, *rest: Any, **named: Any) -> Any:
        seen.append(len(batch.images))
        return frame_step(model, batch, *rest, **named)

    monkeypatch.setattr("workers.training.finetune.frame_step", watched)
    base, settings = put_base(data, "sam3"), {"steps": 1, "frames_per_step": 3, "method": "decoder"}
    for pixels in (1, 1 << 30):
        monkeypatch.setattr("workers.training.finetune.PIXELS_AT_ONCE", pixels)
        learn(data, base, "sam3", tmp_path / str(pixels), **settings)
    assert seen == [1, 1, 1, 3]


def test_pieces_of_a_batch_have_its_gradient(tmp_path: Path) -> None:
    model, module = in_training("sam3", tmp_path)
    frames, masks = discs(3, model.image_size)
    whole = FrameBatch(model.prepare(frames, "US"), masks[:, None], masks[:, None], [[None]] * 3)
    gradients = []
    for size in (3, 2, 1):
        rng = np.random.default_rng(4)
        module.zero_grad()
        for piece in whole.pieces(size):
            loss, _ = frame_step(model, piece, rng, mode="box", corrections=0, weights=PRETRAINED)
            (loss * len(piece.images) / 3).backward()
        gradients.append({name: value.grad.clone() for name, value in module.named_parameters() if moves(value.grad)})
    for other in gradients[1:]:
        assert other.keys() == gradients[0].keys()
        largest = max(float(value.abs().max()) for value in gradients[0].values())
        assert all(torch.allclose(value, other[name], atol=1e-4 * largest) for name, value in gradients[0].items())


def test_a_published_model_is_measured_as_it_answers(data: Dataset) -> None:
    """An evaluation needs the family only of files that do not tell it."""
    base = put_base(data, "medsam2")
    figures = evaluate_checkpoint(
        data.manifest, data.blobs, load_base(base, data.blobs, family="medsam2").adapted(), "val"
    )
    assert (figures["split"], len(figures["cines"])) == ("val", 1)
    assert figures["iou_low"] <= figures["iou"] <= figures["iou_high"]


def test_slow_models_show_that_they_live(tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the frames of a step and of the evaluation, with the progress there was."""
    monkeypatch.setattr("workers.training.finetune.ALIVE_SECONDS", -1)
    monkeypatch.setattr("workers.training.finetune.REPORT_SECONDS", 1000)
    monkeypatch.setattr("workers.training.finetune.PIXELS_AT_ONCE", 1)
    events: list[dict[str, Any]] = []
    learn(data, put_base(data, "sam3"), "sam3", tmp_path / "out", events.append, steps=2, frames_per_step=2)
    assert [event["step"] for event in events] == [0, 0, 0, 1, 1, 2, 2]


def test_refusals_name_what_is_wrong(tmp_path: Path, data: Dataset) -> None:
    published, bundled = put_base(data, "medsam2"), put_base(data, "bundled")
    tuned = Path(learn(data, published, "medsam2", tmp_path / "out", method="full", steps=1)["checkpoint"])
    for path, family, code in (
        (published, "", "unknown_family"),
        (published, "sam9", "unknown_family"),
        (published, "sam3", "checkpoint_unreadable"),
        (bundled, "medsam2", "checkpoint_mismatch"),
        (tuned, "sam2.1-tiny", "checkpoint_mismatch"),
        (tmp_path / "none", "sam3", "checkpoint_missing"),
    ):
        with pytest.raises((CheckpointError, EngineError)) as caught:
            load_base(path, data.blobs, family=family)
        assert (caught.value.code, str(caught.value)[-1]) == (code, "."), (path, family)
    with pytest.raises(EngineError, match=r"'medsam2', not 'sam2\.1-tiny'") as refused:
        load_segmenter(tuned, family="sam2.1-tiny", digest=bytes_digest(tuned.read_bytes()), device=CPU)
    assert refused.value.code == "checkpoint_mismatch"


def test_the_learning_rate_suits_base_and_method() -> None:
    rates = {(family, method): FinetuneConfig(method=method).rate(family) for family in KINDS for method in METHODS}
    assert {rates["bundled", method] for method in METHODS} == {4e-4}
    assert rates["sam3", "full"] < rates["sam3", "decoder"] < rates["sam3", "lora"] < 4e-4
    assert FinetuneConfig(learning_rate=0.5).rate("sam3") == 0.5
    assert FinetuneConfig.from_dict(json.loads('{"learning_rate": 1}')).rate("bundled") == 1
