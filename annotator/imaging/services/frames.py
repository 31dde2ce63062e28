"""Frames as they travel: exact bytes, compressed once."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from annotator.core import blobs
from annotator.imaging.models import Cine
from annotator.imaging.selectors import frame_pixels

THUMBNAIL_SIDE = 160
GZIP_LEVEL = 1


@dataclass(frozen=True)
class FrameBytes:
    """One frame: the gzip of its little-endian row-major bytes, and its entity tag."""

    gzipped: bytes
    etag: str


def read_frame(*, cine: Cine, frame_number: int) -> FrameBytes:
    """Return the exact pixels of one frame.

    Parameters
    ----------
    cine : Cine
    frame_number : int
        1-based.

    Raises
    ------
    NotFound
        With code ``frame_out_of_range``.
    """
    frame = frame_pixels(cine, frame_number)
    data = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("<")).tobytes()
    return FrameBytes(gzip.compress(data, GZIP_LEVEL, mtime=0), f'"{cine.pixels_digest[:32]}-{frame_number}"')


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
