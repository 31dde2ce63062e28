"""MedSAM2: SAM 2.1 tiny at 512 pixels, with its own preprocessing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.benchmarks.reference import Reference
from tests.workers.engine.stock import Spy, exact_features, large, lively_model, open_stock, stock_tracked, tracked
from workers.engine.families import load_segmenter
from workers.engine.sam21 import StockSam2, build_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS, Sam21Config
from workers.engine.weights import ShapesOnly
from workers.protocol.digests import bytes_digest
from workers.protocol.families import FAMILIES

SMALL = Sam21Config(embed_dim=32, stages=(1, 1, 2, 1), global_blocks=(3,), image_size=128)
KEYS = 471
"""Of the checkpoints at wanglab/MedSAM2 (design notes: the same keys and shapes as SAM 2.1 tiny)."""


@pytest.fixture(scope="module")
def model() -> StockSam2:
    return lively_model(SMALL, preprocess_id="medsam2-512-v1")


def inference_script(frames: np.ndarray, size: int) -> torch.Tensor:
    """Return what MedSAM2's own inference script makes of 8-bit frames (T, H, W): (T, 3, S, S)."""
    images = np.stack(
        [np.array(Image.fromarray(frame).convert("RGB").resize((size, size))).transpose(2, 0, 1) for frame in frames]
    )
    mean = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
    std = torch.tensor((0.229, 0.224, 0.225))[:, None, None]
    return (torch.from_numpy(images / 255.0).float() - mean) / std


def test_it_is_the_tiny_model_with_three_overrides() -> None:
    with ShapesOnly():
        model = build_sam21(SAM21_CONFIGS["medsam2"], preprocess_id="medsam2-512-v1")
        tiny = build_sam21(SAM21_CONFIGS["sam2.1-tiny"], preprocess_id="sam2-imagenet-v1")
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    assert len(shapes) == KEYS
    assert shapes == {key: value.shape for key, value in tiny.state_dict().items()}
    assert model.image_size == FAMILIES["medsam2"].image_size == 512
    for layer in model.memory_attention.layers:
        assert layer.self_attn.freqs_cis.shape[0] == layer.cross_attn_image.freqs_cis.shape[0] == 32 * 32


@pytest.mark.parametrize("shape", [(2, 96, 80), (1, 300, 200), (1, 128, 128)])
def test_frames_are_seen_as_by_its_inference_script(model: StockSam2, shape: tuple[int, ...]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for modality in ("CT", "MR", "US"):
        torch.testing.assert_close(model.prepare(frames, modality), inference_script(frames, 128))


def test_colour_frames_keep_their_colours(model: StockSam2) -> None:
    frames = np.zeros((1, 50, 60, 3), np.uint8)
    frames[..., 2] = 255
    seen = model.prepare(frames, "US")
    assert seen.shape == (1, 3, 128, 128)
    assert float(seen[0, 2].min()) > 2.6
    assert float(seen[0, :2].max()) < -2


@pytest.mark.parametrize("order", [range(4, 9), range(4, -1, -1)], ids=["forward", "backward"])
def test_a_slice_is_propagated_both_ways_as_by_the_stock_predictor(model, save_cine, monkeypatch, order) -> None:
    exact_features(monkeypatch)
    frames = np.random.default_rng(3).integers(0, 120, (9, 96, 80), np.uint8)
    frames[:, 30:60, 20:50] += 100
    mask = frames[0] > 90
    reference, spy = Reference.stock(SMALL, model, frames, "CT"), Spy(model, monkeypatch)
    session = open_stock(model, save_cine(frames, modality="CT"))
    box = session.predict(4, box=(20.0, 30.0, 50.0, 60.0)).mask
    assert (box != (reference.predict(4, box=(20.0, 30.0, 50.0, 60.0)) > 0).numpy()).sum() <= 2
    spy.logits.clear()
    tracked(session, {"key": mask}, [{4: "key"}], order)
    wanted = stock_tracked(reference, {"key": mask}, [{4: "key"}], order)
    for logits, ours_low in zip(wanted.values(), spy.logits, strict=True):
        torch.testing.assert_close(large(ours_low, frames), logits, atol=2e-4, rtol=0)


def test_a_published_file_is_loaded_with_its_licence(tmp_path) -> None:
    path = tmp_path / FAMILIES["medsam2"].files[0]
    model = build_sam21(SAM21_CONFIGS["medsam2"], preprocess_id="medsam2-512-v1")
    # Training writes more than the weights.
    torch.save({"model": model.state_dict(), "epoch": 3, "optimizer": {"lr": [1e-4]}}, path)
    digest = bytes_digest(path.read_bytes())
    segmenter = load_segmenter(path, family="medsam2", digest=digest, device=torch.device("cpu"))
    assert segmenter.spec == replace(
        segmenter.spec,
        digest=digest,
        family="medsam2",
        image_size=512,
        preprocess_id="medsam2-512-v1",
        licence="CC BY-SA 4.0",
    )
