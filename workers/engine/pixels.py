"""From the pixels of a cine to the 8-bit grey values that models see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_uint8(pixels: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Map a window of grey values to 0..255.

    Parameters
    ----------
    pixels : ndarray of uint8 or uint16, any shape
        RGB frames are passed through: a window has no meaning for colours.
    low, high : float
        Grey values that become 0 and 255; everything outside is clipped. A window without width gives 0 below and
        255 from `high` on.

    Returns
    -------
    ndarray of uint8, of the same shape
    """
    if pixels.dtype == np.uint8 and ((low, high) == (0, 255) or (pixels.ndim > 2 and pixels.shape[-1] == 3)):
        return np.asarray(pixels)
    if high <= low:
        return np.where(np.asarray(pixels) >= high, 255, 0).astype(np.uint8)
    scaled = (np.asarray(pixels, np.float32) - low) * (255.0 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
