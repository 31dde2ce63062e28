"""Checkpoints come back as they were written, and everything else is refused with a code."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from workers.engine.bundled import BundledConfig, build_bundled
from workers.engine.checkpoints import CheckpointError, load_checkpoint, save_checkpoint

SMALL = BundledConfig(image_size=64, embed_dim=16, hidden_dim=32, memory_dim=16)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    save_checkpoint(build_bundled(SMALL), path, training={"steps": 3})
    return path


def test_round_trip(checkpoint: Path) -> None:
    torch.manual_seed(0)
    original = build_bundled(SMALL)
    model, card = load_checkpoint(checkpoint)
    assert card.sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (card.family, card.image_size, card.training) == ("bundled", 64, {"steps": 3})
    assert not model.training
    for key, value in original.state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key


def refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    return caught.value


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.safetensors").code == "checkpoint_missing"


def test_a_pickle_with_code_is_refused_without_running_it(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "exploded"),))  # type: ignore[return-value]

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Bomb()))
    assert refusal(path).code == "checkpoint_unreadable"
    assert not (tmp_path / "exploded").exists()


def test_a_truncated_file_is_refused(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert refusal(checkpoint).code == "checkpoint_unreadable"


def test_tensors_of_another_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    assert refusal(path).code == "unknown_family"


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "nan"])
def test_wrong_tensors_are_refused_by_name(tmp_path: Path, damage: str) -> None:
    model = build_bundled(SMALL)
    path = tmp_path / "model.safetensors"
    if damage == "missing":
        del model.stem[0].bias
    elif damage == "unknown":
        model.extra = torch.nn.Linear(2, 2)
    elif damage == "shape":
        model.stem[0].bias = torch.nn.Parameter(torch.zeros(3))
    else:
        model.stem[0].bias.data[0] = float("nan")
    save_checkpoint(model, path, training={})
    error = refusal(path)
    assert error.code == "checkpoint_mismatch"
    assert damage == "nan" or ("extra" if damage == "unknown" else "stem.0.bias") in str(error)
