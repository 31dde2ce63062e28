"""A small model with random weights, cines on disk, and masks by digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from workers.engine.bundled import build_bundled
from workers.engine.checkpoints import save_checkpoint
from workers.engine.cine import CinePixels
from workers.engine.families import load_segmenter
from workers.engine.features import FeatureStore
from workers.engine.segmenter import Segmenter
from workers.engine.session import Sam2Session
from workers.protocol.digests import bytes_digest

Save = Callable[..., CinePixels]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose weights are random but always the same."""
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(5)
        save_checkpoint(build_bundled().eval(), path, training={"seed": 5}, dtype=torch.float16)
    return path


@pytest.fixture(scope="session")
def segmenter(checkpoint: Path) -> Segmenter:
    digest = bytes_digest(checkpoint.read_bytes())
    return load_segmenter(checkpoint, family="bundled", digest=digest, device=torch.device("cpu"))


@pytest.fixture
def save_cine(tmp_path: Path) -> Save:
    """Write an array as a cine and open it."""

    def save(array: np.ndarray, window: tuple[float, float] = (0, 255), modality: str = "XA") -> CinePixels:
        path = tmp_path / f"{abs(hash(array.tobytes()))}.npy"
        np.save(path, array)
        return CinePixels(path, digest=bytes_digest(array.tobytes()), window=window, modality=modality)

    return save


@pytest.fixture
def open_session(segmenter: Segmenter, save_cine: Save) -> Callable[..., Sam2Session]:
    """Open a session on an array."""

    def open_on(
        array: np.ndarray, window: tuple[float, float] = (0, 255), cache: int = 1 << 26, modality: str = "XA"
    ) -> Sam2Session:
        return segmenter.open(save_cine(array, window, modality), features=FeatureStore(cache))

    return open_on


@pytest.fixture
def frames() -> np.ndarray:
    """Seven frames of 96 x 80 with a disc that moves to the right."""
    rng = np.random.default_rng(11)
    rows, columns = np.mgrid[:96, :80]
    discs = [(columns - 20 - 4 * t) ** 2 + (rows - 48) ** 2 < 12**2 for t in range(7)]
    cine = np.where(np.array(discs), 60.0, 180.0) + rng.normal(0, 8, (7, 96, 80))
    return np.clip(cine, 0, 255).astype(np.uint8)
