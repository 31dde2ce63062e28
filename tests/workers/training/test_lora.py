"""The training switch: all weights, the decoder only, or an adapter; each resumes, and is measured as it answers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.workers.edge.parts import Outbox, until
from tests.workers.training.test_finetune import SMALL, Dataset
from workers.blobs import BlobStore
from workers.engine.adapters import base_of, load_adapter
from workers.engine.bundled import BOX_END, BOX_START, BundledSam2, build_bundled
from workers.engine.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from workers.models import Models
from workers.protocol.digests import bytes_digest
from workers.protocol.families import METHODS
from workers.protocol.messages import ModelRef, TrainingRequest, TrainingUpdate
from workers.trainer import Trainer
from workers.training.base import SAM2_DECODER, load_base
from workers.training.config import FinetuneConfig
from workers.training.finetune import Stopped, finetune
from workers.training.losses import mask_loss
from workers.training.manifest import ManifestError, examples
from workers.training.steps import coverage


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path, {11: "train"}, frames=1)


@pytest.fixture
def base(data: Dataset) -> Path:
    """A checkpoint among the blobs."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        scratch = data.blobs.parent / "scratch"
        save_checkpoint(build_bundled(SMALL), scratch, training={})
    return BlobStore(data.blobs).path(BlobStore(data.blobs).put(scratch.read_bytes()))


def learn(
    data: Dataset, base: Path, out: Path, report: Callable[[dict[str, Any]], None] = lambda event: None, **settings: Any
) -> Path:
    config = FinetuneConfig.from_dict({"frames_per_step": 2, "strength": 0.05, "learning_rate": 4e-3, **settings})
    done = finetune(manifest=data.manifest, blobs=data.blobs, base=base, out=out, config=config, report=report)
    assert done["sha256"] == bytes_digest(Path(done["checkpoint"]).read_bytes())
    return Path(done["checkpoint"])


@torch.no_grad()
def loss_of(data: Dataset, model: BundledSam2) -> float:
    """Return the loss of the answer to a box over the whole image, as angiograms are asked for their tree."""
    (example,) = examples(data.manifest, data.blobs, ("train",))
    box = torch.tensor([[[0.0, 0.0], [64.0, 64.0]]])
    features = model.encode(model.prepare(example.image[None], example.modality))
    decoded = model.decode(features, box, torch.tensor([[BOX_START, BOX_END]]))
    return float(mask_loss(decoded, coverage(torch.from_numpy(example.mask)[None], model.logit_side))[0])


def test_an_adapter_learns_a_frame_and_leaves_its_base_as_it_was(tmp_path: Path, data: Dataset, base: Path) -> None:
    events: list[dict[str, Any]] = []
    path = learn(data, base, tmp_path / "out", events.append, steps=60, method="lora", lora_rank=4)
    adapter, card = load_adapter(path), load_checkpoint(base)[1]
    assert (adapter.base, adapter.rank, adapter.family) == (card.sha256, 4, "bundled")
    assert (adapter.preprocess_id, adapter.licence) == (card.preprocess_id, card.licence)
    assert adapter.training["parent"] == card.sha256
    assert adapter.training["config"]["method"] == "lora"
    assert path.stat().st_size < 0.2 * base.stat().st_size
    losses = [event["loss"] for event in events if event.get("loss") is not None]
    assert losses[-1] < 0.85 * losses[0]
    before, after = load_base(base, data.blobs), load_base(path, data.blobs)
    adapted = after.adapted()
    kept = {key.replace(".base_layer", ""): value for key, value in adapted.state_dict().items()}
    assert all(torch.equal(value, kept[key]) for key, value in before.model.state_dict().items())
    assert loss_of(data, adapted) < 0.85 * loss_of(data, before.model)


def test_workers_answer_with_an_adapter_as_it_was_measured(tmp_path: Path, data: Dataset, base: Path) -> None:
    path = learn(data, base, tmp_path / "out", steps=5, method="lora")
    store = BlobStore(data.blobs)
    segmenter = Models(store, torch.device("cpu")).get(ModelRef(store.put(path.read_bytes()), "bundled"))
    measured = load_base(path, data.blobs).adapted()
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    prompt = torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])
    with torch.no_grad():
        served, wanted, plain = (
            model.decode(model.encode(images), *prompt).logits
            for model in (segmenter.model, measured, load_checkpoint(base)[0])  # type: ignore[attr-defined]
        )
    assert torch.equal(served, wanted)
    assert not torch.allclose(plain, wanted, atol=1e-3)


def test_the_decoder_learns_alone(tmp_path: Path, data: Dataset, base: Path) -> None:
    path = learn(data, base, tmp_path / "out", steps=3, method="decoder")
    # What is saved is rounded, so the comparison is too.
    before, after = (load_checkpoint(one)[0].state_dict() for one in (base, path))
    moved = {key for key, value in after.items() if not torch.equal(value, before[key].half().float())}
    assert moved
    assert all(key.startswith(SAM2_DECODER) for key in moved)


def test_an_adapter_is_trained_further_on_the_same_base(tmp_path: Path, data: Dataset, base: Path) -> None:
    first = learn(data, base, tmp_path / "first", steps=3, method="lora", lora_rank=4)
    second = learn(data, first, tmp_path / "second", steps=3, method="lora", lora_rank=8)
    one, two = load_adapter(first), load_adapter(second)
    assert (two.base, two.rank) == (one.base, 4)
    assert two.training["parent"] == one.sha256
    assert any(not torch.equal(value, two.state[key]) for key, value in one.state.items())


@pytest.mark.parametrize("method", ["full", "decoder"])
def test_a_whole_model_can_grow_out_of_an_adapter(tmp_path: Path, data: Dataset, base: Path, method: str) -> None:
    adapter = learn(data, base, tmp_path / "first", steps=30, method="lora")
    path = learn(data, adapter, tmp_path / "second", steps=1, learning_rate=1e-7, method=method)
    assert base_of(path) is None
    before, adapted = load_checkpoint(base)[0], load_base(adapter, data.blobs).adapted()
    grown = loss_of(data, load_checkpoint(path)[0])
    assert grown == pytest.approx(loss_of(data, adapted), abs=0.02)
    assert grown < loss_of(data, before) - 0.1


@pytest.fixture
def terminable() -> Iterator[None]:
    """Give back the handler of SIGTERM, which a training takes."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("terminable")
@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_training_ends_as_if_it_had_not_stopped(
    tmp_path: Path, data: Dataset, base: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("workers.training.finetune.REPORT_SECONDS", 0)
    settings: dict[str, Any] = {"steps": 6, "max_minutes": 1000, "method": method}
    whole = learn(data, base, tmp_path / "whole", **settings)
    out = tmp_path / "out"

    def stop_half_way(event: dict[str, Any]) -> None:
        if event["step"] == 3:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped):
        learn(data, base, out, stop_half_way, **settings)
    state = torch.load(out / "state.pt", weights_only=True)
    assert state["step"] == 3
    assert state["model"].keys() == state["ema"].keys()
    assert all(("lora_" in key) == (method == "lora") for key in state["model"])
    resumed = learn(data, base, out, **settings)
    expected, found = (weights_of(path) for path in (whole, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[key]) for key, value in expected.items())


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)[0].state_dict() if base_of(path) is None else dict(load_adapter(path).state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "half"}, "full, decoder, lora"),
        ({"method": 1}, "full, decoder, lora"),
        ({"method": ["lora"]}, "full, decoder, lora"),
        ({"lora_rank": "lora"}, "positive number"),
        ({"lora_rank": 0}, "positive number"),
        ({"lora_rank": 2.5}, "whole number"),
        ({"learning_rate": float("nan")}, "positive number"),
        ({"steps": float("inf")}, "positive number"),
        ({"steps": True}, "positive number"),
    ],
)
def test_settings_of_the_wrong_kind_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        FinetuneConfig.from_dict(settings)
    assert caught.value.code == "bad_setting"
    assert next(iter(settings)) in str(caught.value)


def test_whole_numbers_may_come_as_json_floats() -> None:
    config = FinetuneConfig.from_dict({"lora_rank": 4.0, "steps": 20.0, "method": "lora", "strength": 1})
    assert (config.lora_rank, config.steps, config.method, config.strength) == (4, 20, "lora", 1.0)
    assert isinstance(config.lora_rank, int)


def test_an_adapter_whose_base_is_gone_is_refused(tmp_path: Path, data: Dataset, base: Path) -> None:
    path = learn(data, base, tmp_path / "out", steps=1, method="lora")
    base.unlink()
    with pytest.raises(CheckpointError) as caught:
        load_base(path, data.blobs)
    assert caught.value.code == "checkpoint_missing"


def test_a_trainer_stores_an_adapter_and_measures_it_beside_others(tmp_path: Path, data: Dataset, base: Path) -> None:
    store, outbox = BlobStore(data.blobs), Outbox()
    known = ModelRef(bytes_digest(base.read_bytes()), "bundled")
    older = ModelRef(store.put(learn(data, base, tmp_path / "older", steps=2, method="lora").read_bytes()), "bundled")
    manifest = store.put(data.manifest.read_bytes())
    trainer = Trainer(store, tmp_path / "runs", outbox, threads=1)
    config = {"steps": 2, "frames_per_step": 1, "method": "lora"}
    trainer.submit(TrainingRequest("run", manifest, older, config, 7, [older, known]))
    trainer.start()
    until(lambda: any(update.event in ("done", "error") for update in updates(outbox)))
    trainer.stop()
    done = updates(outbox)[-1]
    assert done.event == "done", done.data
    adapter = load_adapter(store.path(done.data["checkpoint"]))
    assert (adapter.base, adapter.training["parent"]) == (known.digest, older.digest)
    assert set(done.data["evaluations"]) == {adapter.sha256, older.digest, known.digest}


def updates(outbox: Outbox) -> list[TrainingUpdate]:
    return [message for message in outbox.messages if isinstance(message, TrainingUpdate)]
