"""A small random checkpoint, and a desk that stores it and writes requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.workers.edge.families import put_model
from tests.workers.edge.parts import Desk
from workers.engine.bundled import BundledConfig, build_bundled
from workers.engine.checkpoints import save_checkpoint
from workers.protocol.messages import ModelRef

SMALL = BundledConfig(image_size=64, embed_dim=16, hidden_dim=32, memory_dim=16)


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Write a checkpoint whose weights are random but always the same for a seed."""
    folder = tmp_path_factory.mktemp("models")

    def make(seed: int) -> Path:
        path = folder / f"{seed}.safetensors"
        if not path.exists():
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                save_checkpoint(build_bundled(SMALL).eval(), path, training={"seed": seed}, dtype=torch.float16)
        return path

    return make


@pytest.fixture
def desk(tmp_path: Path, make_checkpoint: Callable[[int], Path]) -> Desk:
    return Desk(tmp_path, make_checkpoint(5))


@pytest.fixture
def put_family(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModelRef]:
    """Store a small model of a family by its name."""
    return lambda family: put_model(desk, family, tmp_path, monkeypatch)
