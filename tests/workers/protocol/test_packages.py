"""A package has one form, holds known files only, and is told from everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.protocol.digests import bytes_digest
from workers.protocol.errors import MessageError
from workers.protocol.packages import CONFIG, MAX_BYTES, TOKENIZER, WEIGHTS, Package, read_package

A, B, C = (bytes_digest(letter) for letter in (b"a", b"b", b"c"))


def test_a_package_is_read_as_it_was_written() -> None:
    package = Package("sam3", {WEIGHTS: A, TOKENIZER: B, CONFIG: C})
    data = package.to_bytes()
    assert len(data) < MAX_BYTES
    assert read_package(data) == package
    assert Package("sam3", {CONFIG: C, TOKENIZER: B, WEIGHTS: A}).to_bytes() == data


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'"x"', b"7", b"PK\x03\x04", b"\xff\xfe", b"{}", b'{"format": "other"}', b" " * 5000]
)
def test_anything_else_is_none(data: bytes) -> None:
    assert read_package(data) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "bundled"},
        {"family": "sam9"},
        {"family": 3},
        {"family": None},
        {"files": {TOKENIZER: B}},
        {"files": {}},
        {"files": [A]},
        {"files": {WEIGHTS: "short"}},
        {"files": {WEIGHTS: A, "../x": B}},
        {"more": 1},
    ],
)
def test_a_package_that_is_wrong_is_refused(changes: dict[str, Any]) -> None:
    data = {"format": "cineloop-package-1", "family": "sam3", "files": {WEIGHTS: A}, **changes}
    with pytest.raises(MessageError):
        read_package(json.dumps(data).encode())
