"""Frames and masks at the size of a model's square input; the aspect ratio is not kept."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def resized(images: Tensor, side: int, *, antialias: bool) -> Tensor:
    """Return images (N, C, h, w) at (N, C, side, side), bilinear."""
    if images.shape[-2:] == (side, side):
        return images
    return functional.interpolate(images, size=(side, side), mode="bilinear", antialias=antialias, align_corners=False)


def square_frames(frames: NDArray[np.uint8], side: int, device: torch.device) -> Tensor:
    """Return frames (N, H, W) or (N, H, W, 3) as float32 (N, 1 or 3, side, side), grey values 0..255, on a device."""
    images = torch.from_numpy(np.array(frames)).to(device).float()  # a copy: frames may be read-only
    images = images.permute(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
    return resized(images, side, antialias=True)


def square_mask(mask: NDArray[np.bool_], side: int, device: torch.device) -> Tensor:
    """Return a mask (H, W) as zeros and ones (1, 1, side, side) on a device."""
    given = torch.from_numpy(np.array(mask)).to(device).float()[None, None]
    return (resized(given, side, antialias=True) >= 0.5).float()


def rows_first(x: Tensor) -> Tensor:
    """Return (h * w, N, C) from (N, C, h, w), the form in which attention takes features."""
    return x.flatten(2).permute(2, 0, 1)
