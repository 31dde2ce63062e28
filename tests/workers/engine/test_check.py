"""`python -m workers.engine.check` says in one line of JSON what a checkpoint is, or why it is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from workers.engine import check
from workers.engine.sam21 import build_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.protocol.digests import bytes_digest


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    status = check.main(list(arguments))
    return status, json.loads(capsys.readouterr().out)


def test_a_checkpoint_of_medsam2_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "MedSAM2_latest.pt"
    state = build_sam21(SAM21_CONFIGS["medsam2"], preprocess_id="medsam2-512-v1").state_dict()
    torch.save({"model": state}, path)
    assert run(capsys, "medsam2", str(path)) == (
        0,
        {
            "ok": True,
            "family": "medsam2",
            "preprocess_id": "medsam2-512-v1",
            "licence": "CC BY-SA 4.0",
            "parameters": sum(value.nelement() for value in state.values()),
            "sha256": bytes_digest(path.read_bytes()),
            "image_size": 512,
            "base": "",
        },
    )


def test_the_command_line_prints_one_line(checkpoint: Path) -> None:
    arguments = [sys.executable, "-m", "workers.engine.check", "bundled", str(checkpoint)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert (answer["family"], answer["image_size"]) == ("bundled", 256)
    assert 2_500_000 < answer["parameters"] < 4_000_000


@pytest.mark.parametrize(
    ("family", "name", "code"),
    [
        ("sam9", "weights", "unknown_family"),
        ("medsam2", "absent", "checkpoint_missing"),
        ("sam2.1-large", "weights", "checkpoint_unreadable"),
        ("bundled", "weights", "checkpoint_unreadable"),
    ],
)
def test_refusals_have_a_code_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], family: str, name: str, code: str
) -> None:
    (tmp_path / "weights").write_bytes(b"no weights")
    status, answer = run(capsys, family, str(tmp_path / name))
    assert status == 1
    assert (answer["ok"], answer["code"]) == (False, code)
    assert str(answer["message"]).endswith(".")
