"""Small models of every family in files of the published form, and a clip to learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.workers.engine.sam3_parts import build_small_sam3, save_published
from workers.engine.bundled import BundledConfig, build_bundled
from workers.engine.checkpoints import save_checkpoint
from workers.engine.sam21 import build_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS, Sam21Config
from workers.protocol.families import FAMILIES

SMALL = BundledConfig(image_size=64, embed_dim=16, hidden_dim=32, memory_dim=16)
SMALL_SAM21 = Sam21Config(embed_dim=16, stages=(1, 1, 2, 1), global_blocks=(3,), image_size=64)
SAM21 = ("sam2.1-tiny", "medsam2")
KINDS = ("bundled", "sam2.1-tiny", "sam3")
"""A family of each kind of code; MedSAM2 runs on that of SAM 2.1."""


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the families of SAM 2.1 be small; files of the others tell their own sizes."""
    for family in SAM21:
        monkeypatch.setitem(SAM21_CONFIGS, family, SMALL_SAM21)  # type: ignore[arg-type]
        small = replace(FAMILIES[family], image_size=SMALL_SAM21.image_size)
        monkeypatch.setitem(FAMILIES, family, small)  # type: ignore[arg-type]


def save_base(family: str, path: Path, presence: float = 2.0) -> Path:
    """Write random weights as the family publishes them; `presence` is the bias of the object score."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if family == "bundled":
            save_checkpoint(build_bundled(SMALL), path, training={})
        elif family == "sam3":
            save_published(build_small_sam3(presence=presence), path)
        else:
            model = build_sam21(SMALL_SAM21, preprocess_id=FAMILIES[family].preprocess_id)
            with torch.no_grad():
                model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(presence)
            torch.save({"model": model.state_dict()}, path)
    return path


def discs(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frames (T, S, S) of uint8 with a bright disc that moves to the right, and its masks."""
    rows, columns = np.mgrid[:size, :size] / size
    masks = np.stack([(columns - 0.4 - 0.05 * t) ** 2 + (rows - 0.5) ** 2 < 0.2**2 for t in range(count)])
    noise = np.random.default_rng(7).normal(0, 8, masks.shape)
    return np.clip(np.where(masks, 190.0, 60.0) + noise, 0, 255).astype(np.uint8), masks
