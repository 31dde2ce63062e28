"""One mask has one encoding, and nothing else decodes."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from workers.protocol import rle
from workers.protocol.rle import MaskCodecError, decode_mask, encode_mask, mask_area, read_header, stamp

MASKS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(MASKS)
def test_round_trip(mask):
    data = encode_mask(mask)
    assert np.array_equal(decode_mask(data), mask)
    assert decode_mask(data).shape == mask.shape
    assert mask_area(data) == mask.sum()


@given(MASKS, st.binary(max_size=12))
def test_whatever_decodes_is_the_encoding_of_what_it_decodes_to(mask, noise):
    data = encode_mask(mask)
    changed = data[:32] + bytes(a ^ b for a, b in zip(data[32:], noise.ljust(len(data), b"\0"), strict=False))
    try:
        decoded = decode_mask(changed)
    except MaskCodecError:
        return
    assert encode_mask(decoded) == changed


@given(st.binary(max_size=80))
def test_any_bytes_decode_or_are_refused(data):
    for candidate in (data, encode_mask(np.ones((3, 3), bool))[:20] + data):
        with contextlib.suppress(MaskCodecError):
            assert encode_mask(decode_mask(candidate))[32:] == candidate[32:]


def test_layout_of_a_small_mask():
    mask = np.zeros((5, 7), bool)
    mask[1, 2:5] = mask[3, 4] = True
    data = encode_mask(mask)
    assert data[:2] == b"CM"
    assert struct.unpack_from("<HH", data, 8) == (7, 5)
    assert struct.unpack_from("<HHHH", data, 12) == (2, 1, 3, 3)
    assert list(data[32:]) == [0, 3, 5, 1]


def test_box_ends_with_background_where_the_mask_does():
    mask = np.zeros((4, 4), bool)
    mask[0, 3] = mask[3, 0] = True
    assert list(encode_mask(mask)[32:]) == [3, 1, 8, 1, 3]


def test_empty_mask_has_no_box_and_no_runs():
    data = encode_mask(np.zeros((512, 300), bool))
    assert len(data) == 32
    assert decode_mask(data).shape == (512, 300)
    assert mask_area(data) == 0


def test_long_runs_take_several_bytes():
    mask = np.ones((4096, 4096), bool)
    mask[100, 100] = False
    data = encode_mask(mask)
    assert np.array_equal(decode_mask(data), mask)
    assert len(data) < 48


def test_stamp_changes_only_the_header():
    mask = np.eye(6, dtype=bool)
    data = encode_mask(mask)
    stamped = stamp(data, label=3, frame_index=77, status=2, run_id=9, server_ms=1234.5, flags=1)
    header = read_header(stamped)
    assert (header.label, header.frame_index, header.status, header.run_id) == (3, 77, 2, 9)
    assert (header.server_ms, header.flags) == (1234.5, 1)
    assert stamped[32:] == data[32:]
    assert np.array_equal(decode_mask(stamped), mask)
    assert stamp(stamped, label=0, frame_index=0, status=0, run_id=0, server_ms=0) == data


@pytest.mark.parametrize(
    "values",
    [
        {"label": 256}, {"frame_index": -1}, {"frame_index": 2**32}, {"status": 4}, {"run_id": 65536},
        {"server_ms": float("nan")}, {"flags": 2}, {"flags": -2},
    ],
)  # fmt: skip
def test_stamp_refuses_what_does_not_fit(values):
    good = {"label": 1, "frame_index": 0, "status": 0, "run_id": 0, "server_ms": 0.0}
    with pytest.raises(MaskCodecError):
        stamp(encode_mask(np.eye(3, dtype=bool)), **(good | values))


def _with(offset: int, layout: str, *values: float) -> bytes:
    """Return a good mask of 6 x 6 with some of its header overwritten."""
    data = bytearray(encode_mask(np.eye(6, dtype=bool)))
    struct.pack_into("<" + layout, data, offset, *values)
    return bytes(data)


def _runs(*packed: int, width: int = 4, height: int = 4) -> bytes:
    """Return a mask of 8 x 8 whose box at (0, 0) holds the given bytes as runs."""
    header = rle.HEADER.pack(b"CM", 1, 0, 0, 8, 8, 0, 0, width, height, 0, 0, 0, 0.0)
    return header + bytes(packed)


MALFORMED = {
    "nothing": b"",
    "half a header": encode_mask(np.eye(6, dtype=bool))[:31],
    "other magic": b"XX" + encode_mask(np.eye(6, dtype=bool))[2:],
    "other version": _with(2, "B", 2),
    "no columns": _with(8, "H", 0),
    "no rows": _with(10, "H", 0),
    "more pixels than any image": _with(8, "HH", 65535, 65535),
    "box beyond the right edge": _with(12, "H", 1),
    "box beyond the lower edge": _with(14, "H", 65535),
    "box without width": _with(16, "H", 0),
    "unknown status": _with(21, "B", 9),
    "unknown flag": _with(20, "B", 4),
    "time that is no number": _with(24, "d", float("inf")),
    "runs missing": _runs(),
    "runs cut off": _runs(0, 0x90),
    "runs too short": _runs(0, 15),
    "runs too long": _runs(0, 17),
    "trailing byte": _runs(0, 16, 0),
    "zero run inside": _runs(0, 4, 0, 4, 8),
    "overlong encoding": _runs(0, 0x90, 0x00),
    "overlong zero": _runs(0x80, 0x00, 16),
    "a run of six bytes": _runs(0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
    "sum beyond 32 bits": _runs(0x80, 0x80, 0x80, 0x80, 0x10, 16),
    "more bytes than pixels": _runs(*([1] * 40)),
    "only background": _runs(16),
    "empty first row": _runs(4, 12),
    "empty last row": _runs(0, 12, 4),
    "empty first column": _runs(1, 3, 1, 3, 1, 3, 1, 3),
    "empty last column": _runs(0, 3, 1, 3, 1, 3, 1, 3, 1),
    "bytes after an empty mask": encode_mask(np.zeros((6, 6), bool)) + b"\0",
    "an empty mask that has a place": rle.HEADER.pack(b"CM", 1, 0, 0, 8, 8, 3, 0, 0, 0, 0, 0, 0, 0.0),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_is_refused(data):
    with pytest.raises(MaskCodecError):
        decode_mask(data)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((4, 4), np.uint8), np.zeros(4, bool), np.zeros((2, 2, 2), bool), np.zeros((0, 4), bool)],
    ids=["integers", "one axis", "three axes", "no rows"],
)
def test_only_masks_are_encoded(mask):
    with pytest.raises(MaskCodecError):
        encode_mask(mask)


def test_one_pixel():
    for value in (False, True):
        mask = np.array([[value]])
        assert np.array_equal(decode_mask(encode_mask(mask)), mask)


def test_views_encode_like_their_copies():
    base = np.random.default_rng(3).random((40, 60)) > 0.5
    view = base[::2, ::-3]
    assert encode_mask(view) == encode_mask(np.ascontiguousarray(view))
