"""The mask codec: one canonical run-length encoding for storage, the same bytes with a stamped header on the wire.

A mask is a 32-byte little-endian header and the LEB128 run lengths over its bounding box in row-major order, the first
run being background (possibly 0 long), the last one ending at the end of the box. The box is the smallest that holds
the mask; the empty mask has the box 0, 0, 0, 0 and no runs. One mask so has exactly one encoding.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.protocol.errors import MaskCodecError

__all__ = [
    "MAX_PIXELS",
    "MaskCodecError",
    "MaskHeader",
    "decode_mask",
    "encode_mask",
    "mask_area",
    "read_header",
    "stamp",
]

MAGIC = b"CM"
VERSION = 1
HEADER = struct.Struct("<2sBBIHHHHHHBBHd")
MAX_SIDE = 65_535
MAX_PIXELS = 1 << 26
"""Masks of more pixels are refused, so that a short message cannot ask for gigabytes."""
MAX_RUN_BYTES = 5
MAX_STATUS = 3
KNOWN_FLAGS = 1


class MaskHeader(NamedTuple):
    """The header of an encoded mask, field by field in the order of the bytes."""

    magic: bytes
    version: int
    label: int
    frame_index: int
    columns: int
    rows: int
    x0: int
    y0: int
    width: int
    height: int
    flags: int
    status: int
    run_id: int
    server_ms: float


def encode_mask(mask: NDArray[Any]) -> bytes:
    """Return the canonical encoding of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)

    Returns
    -------
    bytes
        With label, frame, flags, status, run and time all 0.

    Raises
    ------
    MaskCodecError
        When the array is not boolean, not two-dimensional, or too large.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise MaskCodecError("A mask is a two-dimensional array of booleans.")
    rows, columns = mask.shape
    _check_size(rows, columns)
    box = _bounding_box(mask)
    if box is None:
        return HEADER.pack(MAGIC, VERSION, 0, 0, columns, rows, 0, 0, 0, 0, 0, 0, 0, 0.0)
    x0, y0, width, height = box
    inside = np.ascontiguousarray(mask[y0 : y0 + height, x0 : x0 + width]).reshape(-1)
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    edges = np.concatenate([[0], changes, [inside.size]])
    runs = np.diff(edges)
    if inside[0]:
        runs = np.concatenate([[0], runs])
    header = HEADER.pack(MAGIC, VERSION, 0, 0, columns, rows, x0, y0, width, height, 0, 0, 0, 0.0)
    return header + _pack_runs(runs)


def decode_mask(data: bytes) -> NDArray[np.bool_]:
    """Return the mask that bytes encode.

    Parameters
    ----------
    data : bytes
        In stored or in stamped form.

    Returns
    -------
    ndarray of bool, shape (rows, columns)

    Raises
    ------
    MaskCodecError
        On anything but the one encoding of a mask: wrong magic or version, sizes out of bounds, a box that is not the
        smallest, missing, overlong or trailing bytes, runs that do not add up.
    """
    header, runs = _parse(data)
    mask = np.zeros((header.rows, header.columns), np.bool_)
    if runs.size:
        values = np.zeros(runs.size, np.bool_)
        values[1::2] = True
        box = np.repeat(values, runs).reshape(header.height, header.width)
        if not (box[0].any() and box[-1].any() and box[:, 0].any() and box[:, -1].any()):
            raise MaskCodecError("The box of the mask is not the smallest one around it.")
        mask[header.y0 : header.y0 + header.height, header.x0 : header.x0 + header.width] = box
    return mask


def mask_area(data: bytes) -> int:
    """Return the number of foreground pixels of an encoded mask; raises MaskCodecError as `decode_mask` does."""
    _, runs = _parse(data)
    return int(runs[1::2].sum())


def stamp(
    data: bytes, *, label: int, frame_index: int, status: int, run_id: int, server_ms: float, flags: int = 0
) -> bytes:
    """Return an encoded mask with the header that the wire wants.

    Parameters
    ----------
    data : bytes
        An encoded mask; only its header is looked at.
    label : int
        1-based position of the Label in its schema, 0..255.
    frame_index : int
        0-based.
    status : int
        Provenance: 0 human, 1 model, 2 propagated, 3 interpolated.
    run_id : int
        0..65535.
    server_ms : float
        The server's clock in milliseconds.
    flags : int
        Bit 0 = accepted.

    Raises
    ------
    MaskCodecError
        When the header is malformed or a value does not fit.
    """
    header = read_header(data)
    if not 0 <= status <= MAX_STATUS or flags & ~KNOWN_FLAGS or not math.isfinite(server_ms):
        raise MaskCodecError("The status, flags or time of a mask message is not one the protocol knows.")
    try:
        stamped = HEADER.pack(*header[:2], label, frame_index, *header[4:10], flags, status, run_id, float(server_ms))
    except struct.error as error:
        raise MaskCodecError(f"A field of a mask message is out of bounds: {error}.") from error
    return stamped + data[HEADER.size :]


def read_header(data: bytes) -> MaskHeader:
    """Return the header of an encoded mask; raises MaskCodecError when it is malformed."""
    if len(data) < HEADER.size:
        raise MaskCodecError(f"A mask has at least {HEADER.size} bytes, this one {len(data)}.")
    header = MaskHeader(*HEADER.unpack_from(data))
    if header.magic != MAGIC:
        raise MaskCodecError("The bytes are not a mask.")
    if header.version != VERSION:
        raise MaskCodecError(f"Masks of version {header.version} are not known.")
    _check_size(header.rows, header.columns)
    box = (header.x0, header.y0, header.width, header.height)
    if (header.width == 0 or header.height == 0) and any(box):
        raise MaskCodecError("The box of an empty mask is 0, 0, 0, 0.")
    if header.x0 + header.width > header.columns or header.y0 + header.height > header.rows:
        raise MaskCodecError("The box of the mask reaches beyond the image.")
    if header.status > MAX_STATUS or header.flags & ~KNOWN_FLAGS or not math.isfinite(header.server_ms):
        raise MaskCodecError("The status, flags or time of the mask is not one the protocol knows.")
    return header


def _check_size(rows: int, columns: int) -> None:
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE) or rows * columns > MAX_PIXELS:
        raise MaskCodecError(f"A mask of {columns} x {rows} pixels is out of bounds.")


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return x0, y0, width, height of the foreground, or None when there is none."""
    in_rows = np.flatnonzero(mask.any(1))
    if not in_rows.size:
        return None
    y0, y1 = int(in_rows[0]), int(in_rows[-1]) + 1
    in_columns = np.flatnonzero(mask[y0:y1].any(0))
    x0, x1 = int(in_columns[0]), int(in_columns[-1]) + 1
    return x0, y0, x1 - x0, y1 - y0


def _pack_runs(runs: NDArray[np.int64]) -> bytes:
    """Return run lengths as LEB128: 7 bits a byte, the lowest first, bit 7 = more to come."""
    if int(runs.max()) < 0x80:
        return runs.astype(np.uint8).tobytes()
    groups = np.stack([runs >> (7 * place) for place in range(MAX_RUN_BYTES)], 1)
    is_needed = groups > 0
    is_needed[:, 0] = True
    has_next = np.zeros_like(is_needed)
    has_next[:, :-1] = is_needed[:, 1:]
    packed = ((groups & 0x7F) | (has_next.astype(np.int64) << 7)).astype(np.uint8)
    return packed[is_needed].tobytes()


def _parse(data: bytes) -> tuple[MaskHeader, NDArray[np.int64]]:
    """Return the header and the checked run lengths."""
    header = read_header(data)
    packed = np.frombuffer(data, np.uint8, offset=HEADER.size)
    area = header.width * header.height
    if area == 0:
        if packed.size:
            raise MaskCodecError("Bytes follow an empty mask.")
        return header, np.zeros(0, np.int64)
    if not packed.size:
        raise MaskCodecError("The runs of the mask are missing.")
    if packed.size > area + 1:
        raise MaskCodecError("The mask has more bytes than its box has pixels.")
    runs = _unpack_runs(packed)
    if (runs[1:] == 0).any():
        raise MaskCodecError("A run of the mask is 0 long.")
    if int(runs.sum()) != area:
        raise MaskCodecError("The runs of the mask do not fill its box.")
    return header, runs


def _unpack_runs(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    if packed[-1] & 0x80:
        raise MaskCodecError("The last run of the mask is cut off.")
    if not (packed & 0x80).any():
        return packed.astype(np.int64)
    ends = np.flatnonzero(packed < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if int(lengths.max()) > MAX_RUN_BYTES:
        raise MaskCodecError("A run of the mask is longer than any image.")
    if ((packed[ends] == 0) & (lengths > 1)).any():
        raise MaskCodecError("A run of the mask is written with more bytes than it needs.")
    place = np.arange(packed.size) - np.repeat(starts, lengths)
    return np.add.reduceat((packed & 0x7F).astype(np.int64) << (7 * place), starts)
