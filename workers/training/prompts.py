"""Simulate what a reader would do: the first click, a box, the click that corrects the largest error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def click_inside(rng: np.random.Generator, mask: Mask) -> tuple[float, float]:
    """Return (x, y) of a pixel centre inside a mask (H, W), away from its border where the mask is thick.

    Raises
    ------
    ValueError
        When the mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no point to click on")
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= rng.uniform(0.4, 0.95) * depth.max())
    pick = int(rng.integers(len(rows)))
    return columns[pick] + 0.5, rows[pick] + 0.5


def correcting_click(rng: np.random.Generator | None, truth: Mask, answer: Mask) -> tuple[float, float, bool] | None:
    """Return (x, y, positive) in the middle of the largest wrong region, or None where nothing is wrong.

    Parameters
    ----------
    rng : Generator or None
        None takes the very middle; a generator sometimes takes another region, as people do.
    truth, answer : ndarray of bool (H, W)
    """
    wrong = truth ^ answer
    if not wrong.any():
        return None
    regions, count = ndimage.label(wrong, np.ones((3, 3)))
    sizes = np.bincount(regions.ravel())[1:].astype(np.float64)
    region = int(sizes.argmax())
    if rng is not None and count > 1 and rng.random() < 0.4:
        region = int(rng.choice(count, p=sizes / sizes.sum()))
    depth = ndimage.distance_transform_edt(np.pad(regions == region + 1, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return column + 0.5, row + 0.5, bool(truth[row, column])


def bounding_box(mask: Mask) -> tuple[float, float, float, float]:
    """Return (x0, y0, x1, y1), the edges of the smallest box around a mask (H, W) that is not empty."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def loose_box(
    rng: np.random.Generator, box: tuple[float, float, float, float], size: int, slack: float = 0.1
) -> tuple[float, float, float, float]:
    """Return a box whose edges are moved by up to `slack` of its sides, mostly outwards, kept inside the image."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    moved = rng.uniform(-0.3, 1.0, 4) * slack * np.array([width, height, width, height]) + rng.uniform(0, 2, 4)
    return (
        float(max(x0 - moved[0], 0)),
        float(max(y0 - moved[1], 0)),
        float(min(x1 + moved[2], size)),
        float(min(y1 + moved[3], size)),
    )
