"""Digests of blobs: of bytes, and of arrays whatever file holds them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAY_TAG = b"cineloop.array.v1\0"
CHUNK_BYTES = 8 * 1024 * 1024
DIGEST_LENGTH = 64
_HEX = frozenset("0123456789abcdef")


def bytes_digest(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def array_digest(array: NDArray[Any]) -> str:
    """Return the digest of an array's content.

    Parameters
    ----------
    array : ndarray of any shape and of a type without Python objects
        May be memory-mapped: it is read in pieces.

    Returns
    -------
    str
        SHA-256 over a tag, the type (`dtype.str`), the shape as text, and the C-order bytes: the same for every
        file format that gives back the same array.

    Raises
    ------
    TypeError
        For arrays of Python objects.
    """
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no digest")
    digest = hashlib.sha256(ARRAY_TAG)
    digest.update(array.dtype.str.encode())
    digest.update(str(tuple(int(side) for side in array.shape)).encode())
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        step = max(1, CHUNK_BYTES // max(1, array.itemsize))
        for start in range(0, flat.size, step):
            digest.update(np.ascontiguousarray(flat[start : start + step]).data.cast("B"))
    else:
        for part in array if array.ndim > 1 else [array]:
            digest.update(np.ascontiguousarray(part).data.cast("B"))
    return digest.hexdigest()


def is_digest(text: object) -> bool:
    """Tell whether something is a SHA-256 in lower-case hexadecimal, and so safe as a file name."""
    return isinstance(text, str) and len(text) == DIGEST_LENGTH and set(text) <= _HEX
