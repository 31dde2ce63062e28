"""What a checkpoint says of itself is read without torch, and nonsense is refused."""

from __future__ import annotations

import json

import pytest

from annotator.core.errors import Unprocessable
from annotator.registry.services.checkpoint_header import read_checkpoint_header
from tests.factories.registry import checkpoint_bytes


def test_the_header_is_read() -> None:
    """Family, preprocessing, licence and provenance come from the metadata."""
    header = read_checkpoint_header(checkpoint_bytes("x"))
    assert (header.family, header.preprocess_id, header.licence) == ("bundled", "gray-square-v2", "Apache-2.0")
    assert header.training == {"tag": "x"}


def with_header(text: bytes) -> bytes:
    """Return a file whose header is the given text."""
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"\xff" * 64,
        (10**9).to_bytes(8, "little") + b"{}",
        with_header(b"not json"),
        with_header(b"[]"),
        with_header(json.dumps({"t": {}}).encode()),
        with_header(json.dumps({"__metadata__": {"family": "bundled"}}).encode()),
        with_header(json.dumps({"__metadata__": None}).encode()),
        with_header(json.dumps({"__metadata__": {"family": "f", "preprocess_id": "p", "training": "{"}}).encode()),
        b"PK\x03\x04 a pickle in a zip archive, as torch.save writes it",
    ],
)
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    """Whatever the bytes are, the refusal is the same clear one."""
    with pytest.raises(Unprocessable) as refusal:
        read_checkpoint_header(data)
    assert refusal.value.code == "checkpoint_unreadable"
