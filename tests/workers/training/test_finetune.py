"""Fine-tuning learns from a manifest, survives being stopped, and refuses what it cannot use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fixtures.synthetic import generate_cine
from workers.engine.bundled import BundledConfig, build_bundled
from workers.engine.checkpoints import load_checkpoint, save_checkpoint
from workers.protocol.digests import array_digest, bytes_digest
from workers.protocol.rle import encode_mask
from workers.training.config import FinetuneConfig
from workers.training.evaluate import evaluate_checkpoint, evaluate_model
from workers.training.finetune import finetune
from workers.training.manifest import ManifestError, blob_path, examples

SMALL = BundledConfig(image_size=64, embed_dim=16, hidden_dim=32, memory_dim=16)


class Dataset:
    """A manifest of synthetic angiograms with its blobs, in a folder."""

    def __init__(self, folder: Path, splits: dict[int, str], frames: int = 2) -> None:
        self.blobs, self.manifest = folder / "blobs", folder / "manifest.jsonl"
        lines = [self._line(seed, split, frames) for seed, split in splits.items()]
        self.manifest.write_text("\n".join(json.dumps(line, sort_keys=True) for line in lines) + "\n")

    def _line(self, seed: int, split: str, frames: int) -> dict[str, Any]:
        cine = generate_cine("xa", seed=seed, frames=frames, size=64)
        digest = array_digest(cine.frames)
        path = self._place(digest)
        with path.open("wb") as file:
            np.save(file, cine.frames)
        masks = []
        for index in range(frames):
            data = encode_mask(cine.labels["coronary_artery"][index])
            self._place(bytes_digest(data)).write_bytes(data)
            masks.append({"frame_index": index, "label": "coronary_artery", "mask": bytes_digest(data)})
        return {
            "cine": digest,
            "modality": "XA",
            "rows": 64,
            "cols": 64,
            "frame_count": frames,
            "window": [0, 255],
            "patient_key": f"P-{seed}",
            "split": split,
            "frames_blob": digest,
            "masks": masks,
        }

    def _place(self, digest: str) -> Path:
        path = blob_path(self.blobs, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    path = tmp_path / "base.safetensors"
    save_checkpoint(build_bundled(SMALL), path, training={})
    return path


def test_overfitting_one_cine_lowers_the_loss_and_raises_the_iou(tmp_path: Path, base: Path) -> None:
    data = Dataset(tmp_path, {11: "train"})
    events: list[dict[str, Any]] = []
    config = FinetuneConfig(steps=80, learning_rate=2e-3, frames_per_step=2, strength=0.05)
    done = finetune(
        manifest=data.manifest, blobs=data.blobs, base=base, out=tmp_path / "out", config=config, report=events.append
    )
    items = list(examples(data.manifest, data.blobs, ("train",)))
    before, after = (evaluate_model(load_checkpoint(Path(path))[0], items) for path in (base, done["checkpoint"]))
    assert after["iou"] > before["iou"] + 0.1
    losses = [event["loss"] for event in events if event.get("loss") is not None]
    assert losses[-1] < losses[0]
    assert events[-1]["step"] == 80
    assert load_checkpoint(Path(done["checkpoint"]))[1].training["parent"] == load_checkpoint(base)[1].sha256


def test_sigterm_saves_the_state_and_the_next_call_goes_on(tmp_path: Path, base: Path) -> None:
    data = Dataset(tmp_path, {11: "train", 12: "test"})
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"steps": 4000, "frames_per_step": 2}))
    command = [sys.executable, "-m", "workers.training", "finetune", "--manifest", str(data.manifest)]
    command += [
        "--blobs",
        str(data.blobs),
        "--base",
        str(base),
        "--out",
        str(tmp_path / "out"),
        "--config",
        str(config),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        steps = 0
        for line in process.stdout:
            steps = json.loads(line).get("step", steps)
            if steps >= 3:
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
    assert process.returncode == 143
    assert json.loads(rest[-1])["event"] == "stopped"
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert state["step"] >= steps
    events: list[dict[str, Any]] = []
    short = FinetuneConfig(steps=state["step"] + 2, frames_per_step=2)
    finetune(
        manifest=data.manifest, blobs=data.blobs, base=base, out=tmp_path / "out", config=short, report=events.append
    )
    assert events[0]["step"] == state["step"]


def test_evaluation_reports_each_cine_and_an_interval(tmp_path: Path, base: Path) -> None:
    data = Dataset(tmp_path, {11: "train", 12: "test", 13: "test"})
    figures = evaluate_checkpoint(data.manifest, data.blobs, load_checkpoint(base)[0], "test")
    assert len(figures["cines"]) == 2
    assert figures["iou_low"] <= figures["iou"] <= figures["iou_high"]
    assert evaluate_checkpoint(data.manifest, data.blobs, load_checkpoint(base)[0], "val")["iou"] is None


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"colour": 1}, "unknown_setting"), ({"steps": -1}, "bad_setting"), ({"steps": "9"}, "bad_setting")],
)
def test_bad_settings_are_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(ManifestError) as caught:
        FinetuneConfig.from_dict(settings)
    assert caught.value.code == code


def test_a_dataset_without_training_masks_is_refused(tmp_path: Path, base: Path) -> None:
    data = Dataset(tmp_path, {11: "test"})
    with pytest.raises(ManifestError) as caught:
        finetune(
            manifest=data.manifest,
            blobs=data.blobs,
            base=base,
            out=tmp_path / "out",
            config=FinetuneConfig(),
            report=lambda event: None,
        )
    assert caught.value.code == "nothing_to_learn"


def test_a_missing_blob_is_refused_by_code(tmp_path: Path) -> None:
    data = Dataset(tmp_path, {11: "train"})
    line = json.loads(data.manifest.read_text())
    blob_path(data.blobs, line["masks"][0]["mask"]).unlink()
    with pytest.raises(ManifestError) as caught:
        list(examples(data.manifest, data.blobs, ("train",)))
    assert caught.value.code == "blob_missing"
