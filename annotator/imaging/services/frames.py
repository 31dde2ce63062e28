"""Frames as they travel: exact pixels in one of several forms."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from PIL import Image

from annotator.core import blobs
from annotator.imaging.models import Cine
from annotator.imaging.selectors import frame_pixels
from annotator.imaging.services import htj2k

THUMBNAIL_SIDE = 160
GZIP_LEVEL = 1


class Form(Enum):
    """How a frame may travel: its little-endian row-major bytes, those compressed, or a codestream."""

    RAW = "raw"
    GZIP = "gzip"
    HTJ2K = "jphc"


@dataclass(frozen=True)
class FrameBytes:
    """One frame in one form; `crc32` is that of its little-endian row-major bytes, known for a codestream."""

    data: bytes
    form: Form
    crc32: int | None = None


def frame_etag(*, cine: Cine, frame_number: int, form: Form) -> str:
    """Return the entity tag of a frame: a codestream is another representation than the bytes themselves."""
    suffix = "-jphc" if form is Form.HTJ2K else ""
    return f'"{cine.pixels_digest[:32]}-{frame_number}{suffix}"'


def read_frame(*, cine: Cine, frame_number: int, forms: Sequence[Form]) -> FrameBytes:
    """Return the exact pixels of one frame.

    Parameters
    ----------
    cine : Cine
    frame_number : int
        1-based.
    forms : sequence of Form
        What the client takes, best first; the bytes themselves when none of them can be made.

    Raises
    ------
    NotFound
        With code ``frame_out_of_range``.

    Notes
    -----
    Nothing is kept: to encode a frame takes no longer than to compress it, and a browser keeps what it was sent.
    """
    frame = frame_pixels(cine, frame_number)
    pixels = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("<"))
    octets = pixels.reshape(-1).view(np.uint8).data
    for form in forms:
        if form is Form.GZIP:
            return FrameBytes(gzip.compress(octets, GZIP_LEVEL, mtime=0), form)
        if form is Form.HTJ2K:
            codestream = htj2k.encode_frame(pixels)
            if codestream is not None:
                return FrameBytes(codestream, form, zlib.crc32(octets))
    return FrameBytes(bytes(octets), Form.RAW)


def thumbnail_png(*, cine: Cine) -> bytes:
    """Return a small PNG of the frame in the middle of a cine."""
    frame = np.asarray(blobs.open_array(cine.pixels_digest)[cine.frame_count // 2])
    if frame.ndim == 2:
        width = max(cine.window_high - cine.window_low, 1e-6)
        scaled = (frame.astype(np.float32) - cine.window_low) * (255.0 / width)
        frame = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    image = Image.fromarray(frame)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
