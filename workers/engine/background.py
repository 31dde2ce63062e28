"""The background of projections, taken out before a model sees them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

PROJECTIONS = ("XA",)
"""Modalities whose grey values are line integrals, and whose background therefore hides the vessels before it."""
FIELD_SIDE, FIELD_SIGMA = 64, 0.08
FIELD_FLOOR = 8.0


def even_field(images: Tensor) -> Tensor:
    """Divide images by their own background, so that a vessel looks alike over the lung, the heart and the spine.

    X-rays are absorbed in proportion: contrast in front of a bright lung takes away as large a part of the light as in
    front of a dark spine, not as large a step of grey.

    Parameters
    ----------
    images : Tensor (N, C, S, S)
        Grey values 0..255.

    Returns
    -------
    Tensor (N, C, S, S)
        0..255; 128 where a pixel equals its background, a Gaussian of `FIELD_SIGMA` times the side.
    """
    side, rows = images.shape[-1], images.flatten(0, 1)[:, None]
    coarse = functional.adaptive_avg_pool2d(rows, FIELD_SIDE)
    sigma = FIELD_SIGMA * FIELD_SIDE
    reach = math.ceil(3 * sigma)
    axis = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-(axis**2) / (2 * sigma**2), 0)
    padded = functional.pad(coarse, (reach, reach, reach, reach), mode="replicate")
    blurred = functional.conv2d(functional.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])
    field = functional.interpolate(blurred, size=(side, side), mode="bilinear", align_corners=False)
    return (images * 128 / field.clamp(min=FIELD_FLOOR).view_as(images)).clamp(0, 255)
