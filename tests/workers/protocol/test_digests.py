"""Digests depend on the content and on nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from workers.protocol.digests import array_digest, bytes_digest, is_digest


def test_bytes_digest_is_sha256():
    assert bytes_digest(b"cine") == hashlib.sha256(b"cine").hexdigest()


def test_array_digest_is_what_the_architecture_says():
    array = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    wanted = hashlib.sha256(b"cineloop.array.v1\0" + b"<u2" + b"(2, 3, 4)" + array.tobytes()).hexdigest()
    assert array_digest(array) == wanted


@pytest.mark.parametrize(
    "other",
    [
        np.arange(24, dtype=np.uint16).reshape(3, 2, 4),
        np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        np.arange(24, dtype=np.uint16).reshape(2, 3, 4) + 1,
    ],
    ids=["shape", "type", "content"],
)
def test_shape_type_and_content_count(other):
    assert array_digest(np.arange(24, dtype=np.uint16).reshape(2, 3, 4)) != array_digest(other)


def test_memory_layout_does_not_count(tmp_path):
    array = np.random.default_rng(1).integers(0, 255, (5, 70, 90), np.uint8)
    np.save(tmp_path / "cine.npy", array)
    mapped = np.load(tmp_path / "cine.npy", mmap_mode="r")
    assert array_digest(array) == array_digest(mapped) == array_digest(np.asfortranarray(array))
    assert array_digest(array[:, ::2]) == array_digest(array[:, ::2].copy())


def test_pieces_make_no_difference(monkeypatch):
    array = np.random.default_rng(2).integers(0, 60000, (7, 33, 21), np.uint16)
    whole = array_digest(array)
    monkeypatch.setattr("workers.protocol.digests.CHUNK_BYTES", 100)
    assert array_digest(array) == whole


def test_objects_have_no_digest():
    with pytest.raises(TypeError):
        array_digest(np.array([{}, {}]))


@pytest.mark.parametrize("text", ["", "a" * 63, "A" * 64, "../" + "a" * 61, 12, None])
def test_what_is_no_digest(text):
    assert not is_digest(text)
    assert is_digest("0" * 64)
