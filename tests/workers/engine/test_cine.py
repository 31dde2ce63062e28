"""Frames are read exactly, one at a time, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engine.cine import CinePixels
from workers.engine.errors import EngineError


@pytest.mark.parametrize(
    ("shape", "dtype"), [((4, 5, 7), "u1"), ((1, 1, 1), "u1"), ((3, 6, 2), "<u2"), ((2, 4, 5, 3), "u1")]
)
def test_frames_are_exact(save_cine, shape, dtype):
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    with save_cine(array, (0, 255)) as cine:
        assert (len(cine), cine.rows, cine.columns) == shape[:3]
        for index in range(len(cine)):
            assert np.array_equal(cine.raw(index), array[index])
            assert cine.frame(index).dtype == np.uint8


def test_window_maps_to_eight_bits(save_cine):
    array = np.array([[[0, 1000, 1500, 2000, 65535]]], np.uint16)
    assert save_cine(array, (1000, 2000)).frame(0).tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize("index", [-1, 2, 10**9])
def test_frames_past_the_end_are_refused(save_cine, index):
    cine = save_cine(np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(EngineError) as caught:
        cine.raw(index)
    assert caught.value.code == "frame_out_of_range"


BAD = {
    "floating": np.zeros((2, 3, 3), np.float32),
    "signed": np.zeros((2, 3, 3), np.int16),
    "big endian": np.zeros((2, 3, 3), ">u2"),
    "two axes": np.zeros((3, 3), np.uint8),
    "four channels": np.zeros((2, 3, 3, 4), np.uint8),
    "16-bit colour": np.zeros((2, 3, 3, 3), np.uint16),
    "no frames": np.zeros((0, 3, 3), np.uint8),
    "column-major": np.asfortranarray(np.random.default_rng(0).integers(0, 9, (2, 3, 4), np.uint8)),
}


@pytest.mark.parametrize("array", BAD.values(), ids=BAD.keys())
def test_other_arrays_are_refused(tmp_path, array):
    np.save(tmp_path / "c.npy", array)
    with pytest.raises(EngineError) as caught:
        CinePixels(tmp_path / "c.npy", digest="", window=(0, 255), modality="XA")
    assert caught.value.code == "cine_unreadable"


@pytest.mark.parametrize("data", [b"", b"not an array", b"\x93NUMPY\x01\x00"], ids=["empty", "text", "cut"])
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / "c.npy"
    path.write_bytes(data)
    with pytest.raises(EngineError):
        CinePixels(path, digest="", window=(0, 255), modality="XA")
    with pytest.raises(EngineError):
        CinePixels(tmp_path / "absent", digest="", window=(0, 255), modality="XA")


def test_a_file_that_is_cut_off_is_refused_before_and_while_reading(save_cine, tmp_path):
    cine = save_cine(np.zeros((4, 50, 50), np.uint8))
    path = next(tmp_path.glob("*.npy"))
    path.write_bytes(path.read_bytes()[:-2000])
    cine.raw(0)
    with pytest.raises(EngineError):
        cine.raw(3)
    with pytest.raises(EngineError):
        CinePixels(path, digest="", window=(0, 255), modality="XA")
