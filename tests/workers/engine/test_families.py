"""Only the checkpoint that was asked for is loaded, and only by the loader of its family."""

from __future__ import annotations

import pytest
import torch

from workers.engine.errors import EngineError
from workers.engine.families import load_segmenter
from workers.protocol.digests import bytes_digest


def load(path, family="bundled", digest="0" * 64):
    return load_segmenter(path, family=family, digest=digest, device=torch.device("cpu"))


def test_spec_says_what_features_depend_on(segmenter, checkpoint):
    assert segmenter.spec.digest == bytes_digest(checkpoint.read_bytes())
    assert (segmenter.spec.family, segmenter.spec.image_size) == ("bundled", 256)
    assert segmenter.spec.bytes > 4_000_000


def test_refusals(checkpoint, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(checkpoint.read_bytes()[:-100])
    for path, family, code in (
        (checkpoint, "sam9", "unknown_family"),
        (tmp_path / "absent", "bundled", "checkpoint_missing"),
        (broken, "bundled", "checkpoint_unreadable"),
        (checkpoint, "bundled", "checkpoint_mismatch"),
    ):
        with pytest.raises(EngineError) as caught:
            load(path, family)
        assert caught.value.code == code
