"""Small models of every family with random weights, stored where a worker finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.workers.edge.parts import Desk
from tests.workers.engine.sam3_parts import build_small_sam3, save_published
from workers.engine.sam21 import build_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS, Sam21Config
from workers.protocol.families import FAMILIES
from workers.protocol.messages import ModelRef

KINDS = ("bundled", "sam2.1-tiny", "medsam2", "sam3")
"""One family of each loader and preprocessing."""
SMALL = Sam21Config(embed_dim=16, stages=(1, 1, 2, 1), global_blocks=(3,), image_size=128)


def put_model(desk: Desk, family: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRef:
    """Store a small model of a family and return what requests call it."""
    if family == "bundled":
        return desk.model
    path = folder / "weights"
    if family == "sam3":
        save_published(build_small_sam3(), path)
    else:
        monkeypatch.setitem(SAM21_CONFIGS, family, SMALL)  # type: ignore[arg-type]
        with torch.random.fork_rng():
            torch.manual_seed(2)
            model = build_sam21(SMALL, preprocess_id=FAMILIES[family].preprocess_id)
        torch.save({"model": model.state_dict()}, path)
    return ModelRef(desk.store.put(path.read_bytes()), family)
