"""Masks at the resolution of the cine, and the same at the resolution of the model."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CERTAIN = 6.0
"""Logit that stands for a pixel of a given mask, as in training (`workers.training.steps.CERTAIN`)."""


@functools.lru_cache(maxsize=8)
def _overlaps(source: int, target: int) -> Tensor:
    """Return (target, source): the share of each of `target` equal cells that each of `source` pixels covers."""
    edges = np.linspace(0.0, source, target + 1)
    starts, stops = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)[None, :]
    covered = np.clip(np.minimum(stops, pixel + 1) - np.maximum(starts, pixel), 0, None)
    return torch.from_numpy((covered * (target / source)).astype(np.float32))


def coverage(mask: NDArray[np.bool_], side: int) -> Tensor:
    """Return how much of each cell of a square grid a mask covers.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        At the resolution of the cine.
    side : int
        The grid has side x side cells that together fill the image.

    Returns
    -------
    Tensor of float32, shape (side, side), 0 to 1
    """
    rows, columns = mask.shape
    in_rows = torch.from_numpy(np.ascontiguousarray(mask)).float()
    return _overlaps(rows, side) @ in_rows @ _overlaps(columns, side).T


def to_logits(mask: NDArray[np.bool_], side: int) -> Tensor:
    """Return the logits (1, 1, side, side) that stand for a given mask (H, W)."""
    return ((coverage(mask, side) * 2 - 1) * CERTAIN)[None, None]


def to_mask(logits: Tensor, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return the mask that logits mean at the resolution of the cine.

    Parameters
    ----------
    logits : Tensor (1, 1, side, side)
        Their cells fill the image; interpolated between cell centres, then cut at 0.
    rows, columns : int

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    large = functional.interpolate(logits.float(), size=(rows, columns), mode="bilinear", align_corners=False)
    mask: NDArray[np.bool_] = (large[0, 0] > 0).cpu().numpy()
    return mask
