"""SAM 2.1: the official configs, the official files, and the answers of the stock predictor."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sam2
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.benchmarks.reference import Reference
from tests.workers.engine.stock import Spy, exact_features, large, lively_model, open_stock, stock_tracked, tracked
from workers.engine.bundled import PADDING, POSITIVE
from workers.engine.checkpoints import CheckpointError
from workers.engine.errors import EngineError
from workers.engine.families import LOADERS, load_segmenter
from workers.engine.features import FeatureStore
from workers.engine.sam21 import StockSam2, build_sam21, load_sam21, read_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS, Sam21Config
from workers.engine.weights import ShapesOnly, read_weights
from workers.protocol.digests import bytes_digest
from workers.protocol.families import FAMILIES

FILES = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}
CPU = torch.device("cpu")
SMALL = Sam21Config(embed_dim=32, stages=(1, 1, 2, 1), global_blocks=(3,), image_size=128)
CLOSE = {"atol": 2e-4, "rtol": 0}
"""Logits are about 0.4 and those of neighbouring frames differ by 0.05: only rounding may separate two computations."""
# What `build_sam2_video_predictor` adds to the yaml files by default, and the limit of conditioning frames.
ADDED = {
    "max_cond_frames_in_attn": 4,
    "binarize_mask_from_pts_for_mem_enc": True,
    "dynamic_multimask_via_stability": True,
}


def instantiate(node: Any) -> Any:
    """Build what a yaml file of the sam2 package describes."""
    if isinstance(node, list):
        return [instantiate(value) for value in node]
    if not isinstance(node, dict):
        return float(node) if isinstance(node, str) and node.startswith("1e") else node
    values = {key: instantiate(value) for key, value in node.items() if key != "_target_"}
    if "_target_" not in node:
        return values
    module, name = node["_target_"].rsplit(".", 1)
    return getattr(importlib.import_module(module), name)(**values)


def options(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield each plain value that a module or one of its parts keeps."""
    for path, module in model.named_modules():
        for key, value in vars(module).items():
            if isinstance(value, int | float | str | list | tuple):
                yield f"{path}.{key}", list(value) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("size", FILES)
def test_each_config_is_the_packages_own(size: str) -> None:
    path = Path(sam2.__path__[0]) / "configs" / "sam2.1" / f"sam2.1_hiera_{FILES[size]}.yaml"
    with ShapesOnly():
        wanted = instantiate(yaml.safe_load(path.read_text())["model"]).eval()
        ours = build_sam21(SAM21_CONFIGS[f"sam2.1-{size}"], preprocess_id="sam2-imagenet-v1")
    shapes = {key: value.shape for key, value in wanted.state_dict().items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes
    given, expected = dict(options(ours)), dict(options(wanted))
    different = {
        key.rpartition(".")[2]: given.get(key) for key, value in expected.items() if given.get(key, value) != value
    }
    assert different == ADDED
    assert set(expected) <= set(given)


@pytest.fixture(scope="module")
def model() -> StockSam2:
    return lively_model(SMALL, preprocess_id="sam2-imagenet-v1")


LONG = 20
LESS_SURE = 0.75
"""Taken from the object score, it leaves some tracked frames without an object."""


@pytest.fixture(scope="module")
def long_frames() -> np.ndarray:
    """Twenty frames of 96 x 80 with a disc that moves to the right."""
    noise = np.random.default_rng(11).normal(0, 8, (LONG, 96, 80))
    discs = np.stack([disc(20 + 2 * t) for t in range(LONG)])
    return np.clip(np.where(discs, 60.0, 180.0) + noise, 0, 255).astype(np.uint8)


def disc(x: float) -> np.ndarray:
    row, column = np.mgrid[:96, :80]
    return (column - x) ** 2 + (row - 48) ** 2 < 12**2


MASKS = {f"at{t}": disc(20 + 2 * t) for t in range(LONG)} | {"none": np.zeros((96, 80), bool)}

PROMPTS = {
    "one click": {"points": [(20.0, 48.0, True)]},
    "two clicks": {"points": [(20.0, 48.0, True), (60.5, 20.25, False)]},
    "box": {"box": (5.0, 30.0, 40.0, 60.0)},
    "box and click": {"points": [(20.0, 48.0, True)], "box": (5.0, 30.0, 40.0, 60.0)},
}


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS.keys())
def test_prompts_are_answered_as_by_the_stock_predictor(model, save_cine, long_frames, monkeypatch, prompts) -> None:
    exact_features(monkeypatch)
    spy, reference = Spy(model, monkeypatch), Reference.stock(SMALL, model, long_frames, "US")
    for frame_index in (0, 7):
        answer = open_stock(model, save_cine(long_frames)).predict(frame_index, **prompts)
        wanted = reference.predict(frame_index, **prompts)
        torch.testing.assert_close(large(spy.logits[-1], long_frames)[0], wanted, **CLOSE)
        assert (answer.mask != (wanted > 0).numpy()).sum() <= 2


RUNS = {
    "forward, longer than the bank": ([{0: "at0"}], range(LONG), LONG),
    "backward": ([{15: "at15"}], range(15, -1, -1), LONG),
    "a short cine": ([{0: "at0"}], range(7), 7),
    "two labels, one empty": ([{0: "at9"}, {0: "none"}], range(12), LONG),
    "conditioning frames ahead": ([{2: "at2", 13: "at9", 18: "at18"}], range(2, 12), LONG),
    "conditioning frames behind": ([{0: "at3", 5: "at5"}], range(5, 12), LONG),
}


@pytest.mark.parametrize(("conditioning", "order", "length"), RUNS.values(), ids=RUNS.keys())
def test_propagation_is_the_stock_predictors(
    model, save_cine, long_frames, monkeypatch, conditioning, order, length
) -> None:
    exact_features(monkeypatch)
    frames = long_frames[:length]
    reference, spy = Reference.stock(SMALL, model, frames, "US"), Spy(model, monkeypatch)
    ours = tracked(open_stock(model, save_cine(frames)), MASKS, conditioning, order)
    wanted = stock_tracked(reference, MASKS, conditioning, order)
    assert list(wanted) == list(order)[1:]
    for (frame_index, logits), ours_low in zip(wanted.items(), spy.logits, strict=True):
        torch.testing.assert_close(large(ours_low, frames), logits, **CLOSE)
        for label in range(len(conditioning)):
            assert (ours[frame_index, str(label)] != (logits[label] > 0).numpy()).sum() <= 4


def test_a_lost_object_is_remembered_as_lost(model, save_cine, long_frames, monkeypatch) -> None:
    exact_features(monkeypatch)
    bias = model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias
    reference, spy = Reference.stock(SMALL, model, long_frames, "US"), Spy(model, monkeypatch)
    try:
        bias.data.sub_(LESS_SURE)
        tracked(open_stock(model, save_cine(long_frames)), MASKS, [{0: "at0"}], range(LONG))
        wanted = stock_tracked(reference, MASKS, [{0: "at0"}], range(LONG))
    finally:
        bias.data.add_(LESS_SURE)
    is_lost = [bool((logits < -1000).all()) for logits in wanted.values()]
    assert 3 < sum(is_lost) < LONG - 3
    for logits, ours_low in zip(wanted.values(), spy.logits, strict=True):
        torch.testing.assert_close(large(ours_low, long_frames), logits, **CLOSE)


def test_half_precision_features_change_little(model, save_cine, long_frames) -> None:
    reference = Reference.stock(SMALL, model, long_frames, "US")
    ours = tracked(open_stock(model, save_cine(long_frames)), MASKS, [{0: "at0"}], range(LONG))
    wanted = stock_tracked(reference, MASKS, [{0: "at0"}], range(LONG))
    for frame_index, logits in wanted.items():
        mask, answer = (logits[0] > 0).numpy(), ours[frame_index, "0"]
        assert (mask & answer).sum() >= 0.99 * (mask | answer).sum()


@pytest.mark.parametrize("precision", ["mixed", "bfloat16"])
def test_bfloat16_changes_what_is_costly_and_little_else(model, long_frames, precision) -> None:
    rough = build_sam21(SMALL, preprocess_id="sam2-imagenet-v1", precision=precision)
    rough.load_state_dict(model.state_dict())
    with torch.no_grad():
        images = model.prepare(long_frames[:1], "US")
        wanted, found = model.encode(images), rough.encode(images)
        for exact, near in zip(wanted.tensors(), found.tensors(), strict=True):
            assert near.dtype == torch.float32
            assert torch.equal(near, exact) == (precision == "mixed")
            assert float((near - exact).norm() / exact.norm()) < 0.05
        _, memory = model.condition(wanted, [MASKS["at0"]])
        bank = [replace(memory, distance=1, frame_count=LONG)]
        exact, near = model.recall(wanted, bank), rough.recall(wanted, bank)
        assert near.dtype == torch.float32
        assert 1e-5 < float((near - exact).norm() / exact.norm()) < 0.05


def test_rows_are_answered_alone(model, long_frames) -> None:
    with torch.no_grad():
        one = model.encode(model.prepare(long_frames[:1], "US"))
        both = one.map(lambda tensor: tensor.expand(2, -1, -1, -1))
        points = torch.tensor([[[20.0, 40.0], [9.0, 9.0]], [[90.0, 70.0], [30.0, 9.0]]])
        labels = torch.tensor([[POSITIVE, PADDING], [POSITIVE, PADDING]])
        together = model.decode(both, points, labels)
        assert together.logits.shape == (2, 1, 32, 32)
        for row in range(2):
            alone = model.decode(one, points[row : row + 1], labels[row : row + 1])
            torch.testing.assert_close(together.logits[row], alone.logits[0], **CLOSE)
            torch.testing.assert_close(together.scores[row], alone.scores[0], **CLOSE)


def test_the_mask_that_stands_on_a_frame_counts_and_the_neighbours_does_not(model, long_frames) -> None:
    with torch.no_grad():
        seen = model.encode(model.prepare(long_frames[:1], "US"))
        prompts = torch.tensor([[[20.0, 40.0]]]), torch.tensor([[POSITIVE]])
        shown = torch.full((1, 1, 32, 32), 50.0)
        plain = model.decode(seen, *prompts).logits
        assert torch.equal(model.decode(seen, *prompts, previous=shown, other_frame=True).logits, plain)
        corrected = model.decode(seen, *prompts, previous=shown).logits
        assert float((corrected - plain).abs().mean()) > 0.01
        assert torch.equal(model.decode(seen, *prompts, previous=shown.clamp(max=32)).logits, corrected)


def test_frames_are_seen_in_imagenets_colours(model) -> None:
    white = np.full((1, 40, 60), 255, np.uint8)
    seen = model.prepare(white, "XA")
    assert seen.shape == (1, 3, 128, 128)
    assert seen[0, :, 5, 5].tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-3)
    colours = np.zeros((1, 128, 128, 3), np.uint8)
    colours[..., 1] = 124
    assert model.prepare(colours, "US")[0, :, 0, 0].tolist() == pytest.approx([-2.1179, 0.1352, -1.8044], abs=1e-3)
    ramp = np.broadcast_to(np.linspace(0, 255, 512).round().astype(np.uint8), (1, 256, 512))
    line = model.prepare(ramp, "MR")[0, 0, 3] * 0.229 + 0.485
    assert float((line - (torch.arange(128) + 0.5) / 128).abs()[1:-1].max()) < 0.003


@pytest.fixture(scope="module")
def official_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A checkpoint as Meta publishes them, with random weights, and what is in it."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = build_sam21(SAM21_CONFIGS["sam2.1-tiny"], preprocess_id="sam2-imagenet-v1").state_dict()
    path = tmp_path_factory.mktemp("official") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": state}, path)
    return path, state


def test_an_official_file_is_loaded_and_answers(official_file, save_cine, long_frames) -> None:
    path, state = official_file
    digest = bytes_digest(path.read_bytes())
    segmenter = load_segmenter(path, family="sam2.1-tiny", digest=digest, device=CPU)
    assert (segmenter.spec.image_size, segmenter.spec.preprocess_id) == (1024, "sam2-imagenet-v1")
    assert segmenter.spec.licence == "Apache-2.0"
    assert segmenter.spec.bytes == 4 * sum(value.nelement() for value in state.values())
    loaded = segmenter.model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())
    assert not any(value.is_meta for value in loaded.values())
    small = load_sam21("sam2.1-tiny", path, CPU, image_size=128)
    assert small.spec.preprocess_id == "sam2-imagenet-v1/128"
    answer = small.open(save_cine(long_frames), features=FeatureStore(1 << 26)).predict(0, points=[(20, 48, True)])
    assert answer.mask.shape == (96, 80)


def test_safetensors_of_half_precision_are_loaded_alike(official_file, tmp_path) -> None:
    _, state = official_file
    path = tmp_path / "model.safetensors"
    save_file({key: value.half().contiguous() for key, value in state.items()}, path)
    loaded = load_sam21("sam2.1-tiny", path, CPU).model.state_dict()
    assert all(torch.equal(loaded[key], value.half().float()) for key, value in state.items())


def test_safetensors_that_begin_like_a_pickle_are_read(tmp_path) -> None:
    """The first byte is that of the header's length: 0x80 in one file of 32."""
    state, path = {"weight": torch.ones(2)}, tmp_path / "model.safetensors"
    for padding in range(0, 256, 8):
        save_file(state, path, metadata={"note": "x" * padding})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert torch.equal(read_weights(path)["weight"], state["weight"])


def test_a_loaded_model_does_not_lean_on_its_file(official_file, tmp_path) -> None:
    path = tmp_path / "copy.pt"
    path.write_bytes(official_file[0].read_bytes())
    model = load_sam21("sam2.1-tiny", path, CPU).model
    before = model.image_encoder.neck.convs[0].conv.weight.clone()
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert torch.equal(model.image_encoder.neck.convs[0].conv.weight, before)


class Evil:
    """Runs a program when it is unpickled the usual way."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def without(state: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name != key}


LOST = "memory_encoder.out_proj.bias"
DAMAGE = {
    "a key is missing": (lambda state: without(state, LOST), "checkpoint_mismatch", LOST),
    "a key is unknown": (lambda state: {**state, "extra": torch.zeros(1)}, "checkpoint_mismatch", "extra"),
    "another shape": (lambda state: {**state, LOST: torch.zeros(65)}, "checkpoint_mismatch", LOST),
    "no number": (lambda state: {**state, LOST: torch.full((64,), torch.nan)}, "checkpoint_mismatch", "not finite"),
    "not tensors": (lambda state: {**state, LOST: "text"}, "checkpoint_mismatch", "named tensors"),
}


@pytest.mark.parametrize(("damage", "code", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_other_weights_are_refused(official_file, tmp_path, damage, code, words) -> None:
    path = tmp_path / "damaged.pt"
    torch.save({"model": damage(official_file[1])}, path)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_sam21("sam2.1-tiny", path, CPU)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


def test_a_mismatch_names_the_first_keys(official_file) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_sam21("sam2.1-small", official_file[0])
    assert caught.value.code == "checkpoint_mismatch"
    assert "image_encoder.trunk.blocks.12.attn.proj.bias, " in str(caught.value)
    assert str(caught.value).endswith(" ....")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "plain pickle"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, is_zip) -> None:
    path, trace = tmp_path / "evil.pt", tmp_path / "it ran"
    if is_zip:
        torch.save({"model": {"weight": Evil(trace)}}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Evil(trace)}))
    with pytest.raises(CheckpointError, match="could run a program") as caught:
        read_weights(path)
    assert caught.value.code == "checkpoint_unsafe"
    assert not trace.exists()


def test_what_is_no_checkpoint_is_refused(official_file, tmp_path) -> None:
    whole = official_file[0].read_bytes()
    contents = {"text": b"<html>not found</html>", "empty": b"", "short": whole[:100_000], "zip": whole[:4]}
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CheckpointError) as caught:
            read_weights(path)
        assert caught.value.code == "checkpoint_unreadable"
    with pytest.raises(CheckpointError) as caught:
        read_weights(tmp_path / "absent")
    assert caught.value.code == "checkpoint_missing"


@pytest.mark.parametrize("family", ["sam2.1-small", "sam2.1-base-plus", "sam2.1-large"])
def test_larger_checkpoints_are_checked_without_their_weights(family: str, monkeypatch, tmp_path) -> None:
    """The file is stood in for by a state of the right shapes that takes no memory."""
    with ShapesOnly():
        state = build_sam21(SAM21_CONFIGS[family], preprocess_id="sam2-imagenet-v1").state_dict()
    state = {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}
    monkeypatch.setattr("workers.engine.sam21.read_weights", lambda _: state)
    path = tmp_path / "large.pt"
    path.write_bytes(b"stands for the file")
    model, read, spec = read_sam21(family, path)
    assert read is state
    assert all(value.is_meta for value in model.state_dict().values())
    assert spec.family == family
    assert spec.digest == bytes_digest(b"stands for the file")


def test_every_family_that_is_told_of_can_be_loaded() -> None:
    assert list(FAMILIES) == list(LOADERS)
    for name, config in SAM21_CONFIGS.items():
        assert FAMILIES[name].image_size == config.image_size
        assert FAMILIES[name].repository
        assert all(file.endswith(".pt") for file in FAMILIES[name].files)


def test_an_unsafe_file_reaches_the_reader_as_a_sentence(tmp_path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"model": Evil(tmp_path / "it ran")}, path)
    with pytest.raises(EngineError) as caught:
        load_segmenter(path, family="sam2.1-tiny", digest="0" * 64, device=CPU)
    assert caught.value.code == "checkpoint_unsafe"
