"""Adapters are small, fit their base only, and change its answers only while they are asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from annotator.registry.services.checkpoint_header import read_checkpoint_header
from tests.workers.engine.sam3_parts import build_small_sam3
from workers.blobs import BlobStore
from workers.engine.adapted import with_adapter
from workers.engine.adapters import (
    add_lora,
    base_of,
    continue_lora,
    load_adapter,
    merge_lora,
    save_adapter,
)
from workers.engine.bundled import BundledConfig, build_bundled
from workers.engine.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from workers.engine.cine import CinePixels
from workers.engine.errors import EngineError
from workers.engine.families import load_segmenter
from workers.engine.features import FeatureStore
from workers.engine.sam21 import build_sam21
from workers.engine.sam21_configs import Sam21Config
from workers.engine.segmenter import LabelTrack, ModelSpec
from workers.engine.session import Sam2Model, Sam2Segmenter
from workers.models import Models
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import ModelRef

Save = Callable[..., CinePixels]
CPU = torch.device("cpu")
SMALL = BundledConfig(image_size=64, embed_dim=16, hidden_dim=32, memory_dim=16)


def small_sam21() -> nn.Module:
    config = Sam21Config(embed_dim=16, stages=(1, 1, 2, 1), global_blocks=(3,), image_size=128)
    return build_sam21(config, preprocess_id="sam2-imagenet-v1")


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "bundled": lambda: build_bundled(SMALL).eval(),
    "sam2.1-tiny": small_sam21,
    "sam3": build_small_sam3,
}


def adapters_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in model.named_parameters() if "lora_" in name}


def disturb(model: nn.Module, seed: int) -> None:
    """Give adapters weights as if they had learnt something."""
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in adapters_of(model).values():
            value.copy_(torch.randn(value.shape, generator=chance) * 0.1)


def answer(model: Sam2Model) -> Tensor:
    """Return the logits of the second frame of a clip, tracked from a mask on the first: every part takes part."""
    frames = np.random.default_rng(8).integers(0, 256, (2, 70, 60), dtype=np.uint8)
    mask = np.zeros((70, 60), bool)
    mask[20:50, 10:40] = True
    images = model.prepare(frames, "XA")
    first, second = model.encode(images[:1]), model.encode(images[1:])
    _, memory = model.condition(first, [mask])
    tracked = type(memory)(memory.features, memory.pointer, 0, distance=1, frame_count=2)
    nothing = torch.zeros(1, 1, 2), torch.full((1, 1), -1)
    return model.decode(second, *nothing, recalled=model.recall(second, [tracked])).logits


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        save_checkpoint(build_bundled(SMALL), path, training={})
    return path


def make_adapter(base: Path, folder: Path, seed: int, rank: int = 4) -> Path:
    """Write an adapter of a base that has learnt something."""
    model, card = load_checkpoint(base)
    add_lora(model, "bundled", rank, 2 * rank)
    disturb(model, seed)
    path = folder / f"adapter-{seed}.safetensors"
    save_adapter(
        model,
        path,
        base_digest=card.sha256,
        family=card.family,
        preprocess_id=card.preprocess_id,
        licence=card.licence,
        training={"seed": seed},
    )
    return path


def open_base(path: Path) -> Sam2Segmenter:
    segmenter = load_segmenter(path, family="bundled", digest=bytes_digest(path.read_bytes()), device=CPU)
    assert isinstance(segmenter, Sam2Segmenter)
    return segmenter


@pytest.mark.parametrize("family", BUILDERS)
def test_a_new_adapter_changes_nothing_and_learns_everywhere(family: str) -> None:
    torch.manual_seed(6)
    model = BUILDERS[family]()
    weights = {name: value.clone() for name, value in model.named_parameters()}
    with torch.no_grad():
        before = answer(model)  # type: ignore[arg-type]
    assert add_lora(model, family, 4, 8) is model
    adapters = adapters_of(model)
    assert {name for name, value in model.named_parameters() if value.requires_grad} == adapters.keys()
    parts = ("vision_encoder", "mask_decoder") if family == "sam3" else ("trunk", "memory_attention", "mask_decoder")
    assert all(any(part in name for name in adapters) for part in parts)
    with torch.no_grad():
        assert torch.equal(answer(model), before)  # type: ignore[arg-type]
    # At first only the upper matrices can learn: the lower ones are multiplied by their zeros.
    disturb(model, 1)
    answer(model).square().mean().backward()  # type: ignore[arg-type]
    starved = [name for name, value in adapters.items() if value.grad is None or not value.grad.any()]
    assert starved == []
    kept = {name.replace(".base_layer", ""): value for name, value in model.named_parameters()}
    assert all(torch.equal(value, kept[name]) for name, value in weights.items())


@pytest.mark.parametrize("family", BUILDERS)
def test_an_adapter_comes_back_from_its_file_as_it_was(tmp_path: Path, family: str) -> None:
    torch.manual_seed(6)
    model = BUILDERS[family]()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    add_lora(model, family, 4, 8)
    disturb(model, 3)
    path = tmp_path / "adapter.safetensors"
    about: dict[str, Any] = {"base_digest": "b" * 64, "family": family, "preprocess_id": "p", "licence": "L"}
    digest = save_adapter(model, path, training={"steps": 3}, **about)
    adapter = load_adapter(path)
    assert digest == adapter.sha256 == bytes_digest(path.read_bytes())
    assert (adapter.base, adapter.family, adapter.rank, adapter.alpha) == ("b" * 64, family, 4, 8)
    assert (base_of(path), adapter.training) == ("b" * 64, {"steps": 3})
    header = read_checkpoint_header(path.read_bytes())
    assert (header.family, header.preprocess_id, header.licence, header.training) == (family, "p", "L", {"steps": 3})
    fresh = BUILDERS[family]()
    fresh.load_state_dict(state)
    merged = BUILDERS[family]()
    merged.load_state_dict(state)
    with torch.no_grad():
        expected = answer(model)  # type: ignore[arg-type]
        assert torch.equal(answer(continue_lora(fresh, adapter)), expected)  # type: ignore[arg-type]
        assert torch.allclose(answer(merge_lora(merged, adapter)), expected, rtol=1e-3, atol=1e-3)  # type: ignore[arg-type]
    save_adapter(fresh, tmp_path / "again", training={"steps": 3}, **about)
    again = load_adapter(tmp_path / "again")
    assert (again.target, again.rank, again.alpha, again.layers) == (adapter.target, 4, 8, adapter.layers)
    assert all(torch.equal(value, again.state[key]) for key, value in adapter.state.items())


def test_the_file_is_much_smaller_than_the_base(tmp_path: Path) -> None:
    model = build_bundled().eval()
    save_checkpoint(model, tmp_path / "base", training={}, dtype=torch.float16)
    add_lora(model, "bundled", 8, 16)
    about: dict[str, Any] = {"base_digest": "b" * 64, "family": "bundled", "preprocess_id": "p", "licence": "L"}
    save_adapter(model, tmp_path / "adapter", training={}, dtype=torch.float16, **about)
    assert (tmp_path / "adapter").stat().st_size < 0.06 * (tmp_path / "base").stat().st_size


@torch.no_grad()
def test_adapters_of_one_base_do_not_disturb_each_other_or_the_base(tmp_path: Path, base: Path) -> None:
    whole = open_base(base)
    alone = answer(whole.model)
    adapters = [load_adapter(make_adapter(base, tmp_path, seed, rank)) for seed, rank in ((1, 2), (2, 8))]
    expected = [answer(continue_lora(load_checkpoint(base)[0], adapter)) for adapter in adapters]  # type: ignore[arg-type]
    first, second = (with_adapter(whole, adapter) for adapter in adapters)
    assert not torch.allclose(expected[0], alone, atol=1e-3)
    assert not torch.allclose(expected[0], expected[1], atol=1e-3)
    for segmenter, wanted in ((first, 0), (second, 1), (first, 0), (whole, None), (second, 1)):
        assert torch.equal(answer(segmenter.model), alone if wanted is None else expected[wanted])


@pytest.mark.parametrize("family", BUILDERS)
def test_an_adapted_model_takes_no_memory_for_the_weights_of_its_base(tmp_path: Path, family: str) -> None:
    model: Any = BUILDERS[family]()
    whole = Sam2Segmenter(model, ModelSpec("b" * 64, family, 64, "p", "L", 1), CPU)
    trained, path = BUILDERS[family](), tmp_path / "adapter"
    add_lora(trained, family, 4, 8)
    save_adapter(trained, path, base_digest="b" * 64, family=family, preprocess_id="p", licence="M", training={})
    adapted = with_adapter(whole, load_adapter(path))
    assert (adapted.spec.licence, adapted.spec.digest) == ("M", bytes_digest(path.read_bytes()))
    twin: Any = adapted.model
    shared = {value.data_ptr() for value in (*model.parameters(), *model.buffers())}
    own = {name for name, value in twin.named_parameters() if value.data_ptr() not in shared}
    assert own == adapters_of(twin).keys()
    assert all(value.data_ptr() in shared for value in twin.buffers())


def test_sessions_of_one_base_interleave(tmp_path: Path, base: Path, save_cine: Save, frames: np.ndarray) -> None:
    whole, cine, mask = open_base(base), save_cine(frames), frames[0] < 100
    adapter = load_adapter(make_adapter(base, tmp_path, 1))

    def masks(segmenter: Sam2Segmenter) -> list[np.ndarray]:
        session = segmenter.open(cine, features=FeatureStore(1 << 24))
        answers = session.propagate([LabelTrack("a", {0: "m"})], [range(7)], lambda digest: mask)
        return [found.mask for found in answers if found is not None]

    alone, adapted = masks(whole), masks(with_adapter(whole, adapter))
    assert not np.array_equal(alone, adapted)
    # One store for both: their features must not be taken for each other's.
    store = FeatureStore(1 << 24)
    interleaved: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    runs = [
        segmenter.open(cine, features=store).propagate([LabelTrack("a", {0: "m"})], [range(7)], lambda digest: mask)
        for segmenter in (whole, with_adapter(whole, adapter))
    ]
    while any(len(found) < 6 for found in interleaved):
        for run, found in zip(runs, interleaved, strict=True):
            step = next(run, None)
            if step is not None:
                found.append(step.mask)
    assert np.array_equal(interleaved[0], alone)
    assert np.array_equal(interleaved[1], adapted)


def changed(path: Path, header: dict[str, str | None], state: dict[str, Tensor | None]) -> Path:
    """Write an adapter again with some things replaced or removed."""
    with safe_open(path, framework="pt") as file:
        about = {**file.metadata(), **header}
    data = save(
        {key: value for key, value in {**load(path.read_bytes()), **state}.items() if value is not None},
        metadata={key: value for key, value in about.items() if value is not None},
    )
    path.write_bytes(data)
    return path


LAYER = "sam_mask_decoder.transformer.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("header", "state"),
    [
        ({"format": "other"}, {}),
        ({"base": None}, {}),
        ({"rank": "none"}, {}),
        ({"rank": "0"}, {}),
        ({"training": "{"}, {}),
        ({}, {f"{LAYER}.lora_A.weight": None}),
        ({}, {f"{LAYER}.lora_A.weight": torch.full((4, 32), float("nan"))}),
        ({}, {f"{LAYER}.lora_A.weight": torch.ones(4, 32, dtype=torch.int64)}),
        ({}, {"more": torch.ones(1)}),
    ],
)
def test_a_damaged_adapter_is_refused(
    tmp_path: Path, base: Path, header: dict[str, str | None], state: dict[str, Tensor | None]
) -> None:
    path = changed(make_adapter(base, tmp_path, 1), header, state)
    with pytest.raises(CheckpointError) as caught:
        load_adapter(path)
    assert caught.value.code == "checkpoint_mismatch"


@pytest.mark.parametrize(
    ("header", "state"),
    [
        ({"base": "0" * 64}, {}),
        ({"family": "sam3"}, {}),
        ({"rank": "5"}, {}),
        ({}, {f"{LAYER}.lora_A.weight": torch.ones(4, 31)}),
        ({}, {"stem.0.lora_A.weight": torch.ones(4, 3), "stem.0.lora_B.weight": torch.ones(16, 4)}),
        ({}, {"no.such.lora_A.weight": torch.ones(4, 3), "no.such.lora_B.weight": torch.ones(16, 4)}),
    ],
)
def test_an_adapter_of_something_else_is_refused_and_the_base_stays_as_it_was(
    tmp_path: Path, base: Path, header: dict[str, str | None], state: dict[str, Tensor | None]
) -> None:
    whole = open_base(base)
    adapter = load_adapter(changed(make_adapter(base, tmp_path, 1), header, state))
    with pytest.raises(CheckpointError) as caught:
        with_adapter(whole, adapter)
    assert caught.value.code == "checkpoint_mismatch"
    assert not adapters_of(whole.model)  # type: ignore[arg-type]


def test_files_that_are_no_adapter(tmp_path: Path, base: Path) -> None:
    (tmp_path / "junk").write_bytes(b"\x80\x04 not tensors")
    assert base_of(base) is None
    assert base_of(tmp_path / "junk") is None
    for name, code in (("junk", "checkpoint_unreadable"), ("none", "checkpoint_missing")):
        with pytest.raises(CheckpointError) as caught:
            load_adapter(tmp_path / name)
        assert caught.value.code == code
    with pytest.raises(CheckpointError, match="is not an adapter"):
        load_adapter(base)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


class TestModels:
    def test_adapters_share_the_weights_of_their_base(self, tmp_path: Path, base: Path, store: BlobStore) -> None:
        models = Models(store, CPU)
        below = store.put(base.read_bytes())
        digests = [store.put(make_adapter(base, tmp_path, seed).read_bytes()) for seed in (1, 2)]
        first, second = (models.get(ModelRef(digest, "bundled")) for digest in digests)
        whole = models.get(ModelRef(below, "bundled"))
        assert [segmenter.spec.digest for segmenter in (first, second, whole)] == [*digests, below]
        assert models.digests == [below, *digests]
        with torch.no_grad():
            answers = [answer(segmenter.model) for segmenter in (first, second, whole)]  # type: ignore[attr-defined]
            assert torch.equal(answers[2], answer(open_base(base).model))
        assert not torch.allclose(answers[0], answers[1], atol=1e-3)
        assert models.get(ModelRef(below, "bundled")) is whole
        with torch.no_grad():
            whole.model.stem[0].weight.zero_()  # type: ignore[attr-defined]
            assert not torch.allclose(answer(first.model), answers[0], atol=1e-3)  # type: ignore[attr-defined]

    def test_adapters_go_with_their_base(self, tmp_path: Path, base: Path, store: BlobStore) -> None:
        one = open_base(base).spec.bytes
        models = Models(store, CPU, max_bytes=2 * one)
        below = store.put(base.read_bytes())
        adapted = store.put(make_adapter(base, tmp_path, 1).read_bytes())
        held = models.get(ModelRef(adapted, "bundled"))
        others = []
        for seed in range(2):
            torch.manual_seed(seed)
            save_checkpoint(build_bundled(SMALL), tmp_path / "other", training={})
            others.append(store.put((tmp_path / "other").read_bytes()))
            models.get(ModelRef(others[-1], "bundled"))
        assert models.digests == others
        back = models.get(ModelRef(adapted, "bundled"))
        assert models.digests == [others[-1], below, adapted]
        with torch.no_grad():
            assert torch.equal(answer(held.model), answer(back.model))  # type: ignore[attr-defined]

    def test_refusals(self, tmp_path: Path, base: Path, store: BlobStore) -> None:
        models = Models(store, CPU)
        adapted = store.put(make_adapter(base, tmp_path, 1).read_bytes())
        with pytest.raises(EngineError) as caught:
            models.get(ModelRef(adapted, "bundled"))
        assert caught.value.code == "blob_missing"
        store.put(base.read_bytes())
        with pytest.raises(EngineError) as caught:
            models.get(ModelRef(adapted, "sam3"))
        assert caught.value.code == "checkpoint_mismatch"
        misfit = store.put(changed(make_adapter(base, tmp_path, 2), {"rank": "5"}, {}).read_bytes())
        with pytest.raises(EngineError) as caught:
            models.get(ModelRef(misfit, "bundled"))
        assert caught.value.code == "checkpoint_mismatch"
        assert models.get(ModelRef(adapted, "bundled")).spec.digest == adapted
