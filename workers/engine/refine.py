"""Keep a correction where it was asked for."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from workers.engine.segmenter import Mask, Point

SAME_ANSWER_IOU = 0.85
REACH = 0.02


def keep_local(previous: Mask, answer: Mask, click: Point) -> Mask:
    """Take from a corrected answer only the change that a click asked for.

    Parameters
    ----------
    previous, answer : ndarray of bool (H, W)
        The mask before the click, and what the model answers to it.
    click : (x, y, positive)
        Image pixels, (0, 0) the upper left corner of the image.

    Returns
    -------
    ndarray of bool (H, W)
        The previous mask with the changed regions at the click (within 2 % of the image's longer side, of the click's
        sign); the whole answer where it is another one altogether (IoU below 0.85), or nothing changed near the click.

    Notes
    -----
    Without this, a click on a small error moves borders elsewhere too, and a good mask gets worse with each click.
    After the progressive merge of FocalClick (Chen et al., CVPR 2022).
    """
    either = int((previous | answer).sum())
    if either == 0 or int((previous & answer).sum()) < SAME_ANSWER_IOU * either:
        return answer
    x, y, is_positive = click
    changed = (answer & ~previous) if is_positive else (previous & ~answer)
    regions, _ = ndimage.label(changed, np.ones((3, 3)))
    rows, columns = answer.shape
    reach = max(1.5, REACH * max(rows, columns))
    top, left = max(int(y - reach), 0), max(int(x - reach), 0)
    window = regions[top : int(y + reach) + 1, left : int(x + reach) + 1]
    row, column = np.mgrid[top : top + window.shape[0], left : left + window.shape[1]]
    is_near = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 <= reach**2
    wanted = np.setdiff1d(window[is_near], [0])
    if wanted.size == 0:
        return answer
    merged: Mask = previous ^ np.isin(regions, wanted)
    return merged
