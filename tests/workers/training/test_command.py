"""The command line says in one event why it could not do what it was asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.workers.training.family_parts import save_base
from tests.workers.training.test_finetune import Dataset
from workers.training import __main__ as command


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path, {11: "train"}, frames=1)


def last_event(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str, **settings: Any
) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the last event of a fine-tuning of the small bundled model."""
    folder = data.manifest.parent
    config = folder / "config.json"
    config.write_text(json.dumps({"frames_per_step": 1, "steps": 3, **settings}))
    places = {"base": folder / "base", "out": folder / "out", "manifest": data.manifest, "blobs": data.blobs}
    named = [f"--{name}={path}" for name, path in places.items()]
    monkeypatch.setattr(sys, "argv", ["training", "finetune", f"--config={config}", *named, *more])
    status = command.main()
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        MemoryError(),
    ],
)
def test_too_little_memory_is_a_code_and_an_advice(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def exhausted(**_: Any) -> None:
        raise error

    monkeypatch.setattr(command, "finetune", exhausted)
    status, event = last_event(data, monkeypatch, capsys)
    assert (status, event["event"], event["code"]) == (1, "error", "out_of_memory")
    assert "decoder" in event["message"]


def test_other_errors_are_not_taken_for_it(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(command, "finetune", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        last_event(data, monkeypatch, capsys)


def test_a_training_that_loses_its_numbers_ends_with_a_code(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_base("bundled", data.manifest.parent / "base")
    status, event = last_event(data, monkeypatch, capsys, learning_rate=1e30)
    assert (status, event["event"], event["code"]) == (1, "error", "training_diverged")
    assert not (data.manifest.parent / "out" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("family", "code"), [("sam2.1-tiny", "checkpoint_mismatch"), ("sam9", "checkpoint_mismatch"), ("", "")]
)
def test_a_family_that_the_file_contradicts_is_refused(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], family: str, code: str
) -> None:
    save_base("bundled", data.manifest.parent / "base")
    status, event = last_event(data, monkeypatch, capsys, f"--family={family}", steps=1)
    assert (status, event.get("code", "")) == (int(bool(code)), code)
