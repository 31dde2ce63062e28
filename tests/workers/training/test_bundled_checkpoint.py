"""What the shipped checkpoint promises, on synthetic cines it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fixtures.synthetic import generate_cine
from workers.engine.bundled import BundledSam2, preprocess
from workers.engine.checkpoints import load_checkpoint
from workers.training.steps import FrameBatch, frame_step

CHECKPOINT = Path(__file__).resolve().parents[3] / "fixtures" / "checkpoints" / "bundled.safetensors"
SEEDS = range(7_000_000, 7_000_010)
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model() -> BundledSam2:
    return load_checkpoint(CHECKPOINT)[0]


def test_the_checkpoint_is_small_enough_to_ship() -> None:
    assert CHECKPOINT.stat().st_size <= 20 * MEGABYTE


@torch.no_grad()
def rounds(model: BundledSam2, kind: str, label: str, mode: str, corrections: int) -> np.ndarray:
    """Return the IoU of each round on each cine, shape (cines, corrections + 1)."""
    rows = []
    for seed in SEEDS:
        cine = generate_cine(kind, seed=seed, frames=2)
        mask = cine.labels[label]
        if mask[0].sum() < 60 or not mask[1].any():
            continue
        whole = (0.0, 0.0, 256.0, 256.0) if kind == "xa" else None
        batch = FrameBatch(preprocess(cine.frames[:1]), mask[None, None, 0], mask[None, None, 1], [[whole]])
        rows.append(frame_step(model, batch, np.random.default_rng(seed), mode=mode, corrections=corrections)[1])
    assert len(rows) >= 6
    return np.array(rows)


@pytest.mark.parametrize(
    ("kind", "label", "least"),
    [
        ("xa", "coronary_artery", 0.45),
        ("us", "left_ventricle", 0.7),
        ("mr", "left_ventricle", 0.7),
        ("oct", "lumen", 0.8),
    ],
)
def test_one_click_selects_the_structure_and_five_select_it_better(
    model: BundledSam2, kind: str, label: str, least: float
) -> None:
    means = rounds(model, kind, label, "click", 4).mean(0)
    assert means[0] >= least, means
    assert means[4] > means[0], means


def test_a_box_over_an_angiogram_selects_the_tree(model: BundledSam2) -> None:
    assert rounds(model, "xa", "coronary_artery", "box", 0).mean() >= 0.5


@pytest.mark.parametrize(("kind", "label"), [("us", "left_ventricle"), ("ivus", "lumen"), ("mr", "myocardium")])
def test_a_box_selects_what_is_inside(model: BundledSam2, kind: str, label: str) -> None:
    assert rounds(model, kind, label, "box", 0).mean() >= 0.6


def test_the_neighbouring_mask_guides_the_next_frame(model: BundledSam2) -> None:
    assert rounds(model, "xa", "coronary_artery", "track", 0).mean() >= 0.55
    assert rounds(model, "us", "left_ventricle", "track", 0).mean() >= 0.75
