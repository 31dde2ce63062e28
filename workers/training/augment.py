"""Geometric and grey-value augmentation of frames and their masks, wide enough to leave the synthetic world."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def _grids(rng: np.random.Generator, batch: int, size: int, strength: float) -> Tensor:
    """Return sampling grids (B, S, S, 2): flip, rotation, scale, shear, shift and a smooth elastic field."""
    matrices = np.zeros((batch, 2, 3), np.float32)
    for matrix in matrices:
        angle = rng.normal(0, 0.25 * strength)
        scale = np.exp(rng.normal(0, 0.16 * strength, 2) * 0.4 + rng.normal(-0.03, 0.16 * strength))
        flip = -1.0 if rng.random() < 0.5 * min(strength, 1) else 1.0
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix[:, :2] = rotation * scale[None] @ np.array([[flip, rng.normal(0, 0.06 * strength)], [0, 1.0]])
        matrix[:, 2] = rng.normal(0, 0.08 * strength, 2)
    grid = functional.affine_grid(torch.from_numpy(matrices), [batch, 1, size, size], align_corners=False)
    coarse = torch.from_numpy(rng.normal(0, 0.02 * strength, (batch, 2, 6, 6)).astype(np.float32))
    field = functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    return grid + field.permute(0, 2, 3, 1)


def warp(rng: np.random.Generator, images: Tensor, masks: Tensor, strength: float = 1.0) -> tuple[Tensor, Tensor]:
    """Warp images and masks by the same random map, one map for each row of the batch.

    Parameters
    ----------
    rng : Generator
    images : Tensor (B, F, S, S)
        F frames of one cine, grey values 0..255.
    masks : Tensor (B, M, S, S)
        0 or 1.
    strength : float
        0 leaves everything as it is.
    """
    grid = _grids(rng, len(images), images.shape[-1], strength)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    masks = functional.grid_sample(masks, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return images, masks


def shade(rng: np.random.Generator, images: Tensor, strength: float = 1.0) -> Tensor:
    """Change grey values (B, F, S, S) as another machine would: one change for each row, noise for each frame."""
    out = images / 255.0
    size = images.shape[-1]
    rows = []
    for image in out:
        if rng.random() < 0.6:
            image = image.clamp(0, 1) ** float(np.exp(rng.normal(0, 0.3 * strength)))
        image = (image - 0.5) * float(np.exp(rng.normal(0, 0.25 * strength))) + 0.5
        image = image + float(rng.normal(0, 0.09 * strength))
        if rng.random() < 0.4:
            coarse = torch.from_numpy(rng.normal(0, 0.1 * strength, (1, 1, 4, 4)).astype(np.float32))
            image = image + functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)[0]
        if rng.random() < 0.25:
            factor = float(rng.uniform(1.2, 2.2))
            small = functional.interpolate(image[None], scale_factor=1 / factor, mode="bilinear", antialias=True)
            image = functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)[0]
        if rng.random() < 0.4:
            grain = rng.normal(0, rng.uniform(0, 0.06) * strength, image.shape).astype(np.float32)
            image = image + torch.from_numpy(grain)
        if rng.random() < 0.2:  # normalise to the full range, as many exports do
            low, high = image.min(), image.max()
            image = (image - low) / (high - low + 1e-3)
        if rng.random() < 0.05 * strength:
            image = 1 - image
        rows.append(image)
    return torch.stack(rows).clamp(0, 1) * 255.0
