"""High-throughput JPEG 2000 (ISO/IEC 15444-15), lossless, where its encoder is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Encoder = Callable[..., bytes | bytearray]


@cache
def encoder() -> Encoder | None:
    """Return the function that encodes one frame, None where the optional package imagecodecs is not installed."""
    try:
        import imagecodecs

        available: bool = imagecodecs.HTJ2K.available
        encode: Encoder = imagecodecs.htj2k_encode
    except (ImportError, AttributeError):
        return None
    return encode if available else None


def is_offered() -> bool:
    """Tell whether frames can be sent as HTJ2K from here."""
    return encoder() is not None


def encode_frame(frame: NDArray[Any]) -> bytes | None:
    """Encode one frame so that decoding gives the same values.

    Parameters
    ----------
    frame : array
        (rows, columns) of uint8 or uint16, or (rows, columns, 3) of uint8.

    Returns
    -------
    bytes or None
        A raw codestream, media type ``image/jphc``; None when it cannot be made, and the caller has other forms.

    Notes
    -----
    One thread, and about as much memory as the frame itself: the encoder works by rows.
    """
    encode = encoder()
    if encode is None or frame.dtype not in (np.uint8, np.uint16):
        return None
    try:
        return bytes(encode(np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))))
    except (RuntimeError, ValueError) as error:
        logger.warning("a frame of %s %s was not encoded as HTJ2K: %s", frame.shape, frame.dtype, type(error).__name__)
        return None
