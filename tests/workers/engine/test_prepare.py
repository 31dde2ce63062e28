"""What the bundled model sees: a square of even brightness for projections, the frame as it is for everything else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from workers.engine.background import even_field
from workers.engine.bundled import BundledConfig, BundledSam2, build_bundled
from workers.engine.segmenter import Prediction
from workers.engine.session import Sam2Session

SMALL = {"image_size": 64, "embed_dim": 16, "hidden_dim": 32, "memory_dim": 16}
SIDE = 128


@pytest.fixture(scope="module")
def model() -> BundledSam2:
    return build_bundled(BundledConfig(**SMALL)).eval()


def uneven(absorbed: float) -> torch.Tensor:
    """Return a picture (1, 1, S, S) that grows brighter to the right, with two vessels that take away a share of it."""
    picture = torch.linspace(40, 220, SIDE).expand(SIDE, SIDE).clone()
    for column in (32, 96):
        picture[:, column - 1 : column + 2] *= 1 - absorbed
    return picture[None, None]


def test_a_field_without_structure_becomes_middle_grey() -> None:
    assert torch.allclose(even_field(torch.full((1, 1, SIDE, SIDE), 37.0)), torch.tensor(128.0))


def test_vessels_look_alike_before_any_background() -> None:
    before = uneven(0.2)[0, 0, 64]
    after = even_field(uneven(0.2))[0, 0, 64]
    depths = [float(line[column - 6] - line[column]) for line in (before, after) for column in (32, 96)]
    assert depths[1] > 1.7 * depths[0]
    assert depths[3] == pytest.approx(depths[2], rel=0.1)


def test_each_picture_and_colour_has_its_own_background() -> None:
    pictures = torch.cat([uneven(0.1), uneven(0.3)]).repeat(1, 3, 1, 1)
    pictures[:, 1] = pictures[:, 1].flip(-1)
    together = even_field(pictures)
    assert torch.allclose(together[1, 0], even_field(uneven(0.3))[0, 0], atol=1e-3)
    assert torch.allclose(together[:, 1], together[:, 0].flip(-1), atol=1e-3)


def test_black_borders_stay_black() -> None:
    picture = torch.zeros(1, 1, SIDE, SIDE)
    picture[..., 40:90, 40:90] = 150
    even = even_field(picture)
    assert float(even[..., :30, :].max()) == 0
    assert torch.isfinite(even).all()
    assert float(even.max()) <= 255


def test_projections_alone_are_evened(model: BundledSam2) -> None:
    frames = uneven(0.2)[0].round().to(torch.uint8).numpy()
    plain = model.prepare(frames, "US")
    assert plain.shape == (1, 3, 64, 64)
    assert torch.equal(plain, model.prepare(frames, "MR"))
    expected = (even_field(plain[:, :1] * 64 + 127.5) - 127.5) / 64
    assert torch.allclose(model.prepare(frames, "XA"), expected.expand(-1, 3, -1, -1), atol=1e-4)


def test_colours_are_kept(model: BundledSam2) -> None:
    frames = np.zeros((2, 10, 20, 3), np.uint8)
    frames[..., 1] = 255
    seen = model.prepare(frames, "US")
    assert seen.shape == (2, 3, 64, 64)
    assert seen[:, 1].min() > 1.9
    assert seen[:, [0, 2]].max() < -1.9


def test_checkpoints_from_before_see_frames_as_they_did() -> None:
    stored = BundledConfig(**SMALL).to_dict()
    assert BundledConfig.from_dict(stored).preprocess_id == "gray-square-v2"
    del stored["even_field"]
    config = BundledConfig.from_dict(stored)
    assert config.preprocess_id == "gray-square-v1"
    old = build_bundled(config).eval()
    frames = uneven(0.2)[0].round().to(torch.uint8).numpy()
    assert torch.equal(old.prepare(frames, "XA"), old.prepare(frames, "US"))


def test_the_modality_reaches_the_model(open_session: Callable[..., Sam2Session], frames: np.ndarray) -> None:
    lit = np.clip(frames.astype(np.float32) * np.linspace(0.3, 1.4, frames.shape[2]), 0, 255).astype(np.uint8)
    answers: list[Prediction] = [
        open_session(lit, modality=modality).predict(0, points=[(20, 48, True)]) for modality in ("XA", "US", "MR")
    ]
    assert answers[1].score == answers[2].score
    assert answers[0].score != answers[1].score
