"""Measure a checkpoint on the masks of a dataset, from one prompt and no correction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workers.engine.bundled import BOX_END, BOX_START
from workers.engine.masks import to_mask
from workers.engine.session import Sam2Model
from workers.training.manifest import Example, examples
from workers.training.prompts import bounding_box

BOOTSTRAP_ROUNDS = 2000
BOOTSTRAP_SEED = 7


@dataclass(frozen=True)
class Score:
    """Agreement of one cine: means over its labelled frames and labels."""

    cine: str
    iou: float
    dice: float


def agreement(answer: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Return IoU and Dice of two masks of one shape; both 1 where both are empty."""
    both, either = int((answer & truth).sum()), int((answer | truth).sum())
    if either == 0:
        return 1.0, 1.0
    return both / either, 2 * both / (both + either)


def evaluation_box(example: Example) -> tuple[float, float, float, float]:
    """Return the box, in pixels of the frame, that asks for an example's structure.

    Notes
    -----
    One box over the whole image asks an angiogram for its whole vessel tree; other structures are asked for by their
    own box, as RECIST-like prompts do.
    """
    rows, columns = example.mask.shape
    if example.modality == "XA":
        return 0.0, 0.0, float(columns), float(rows)
    return bounding_box(example.mask)


@torch.no_grad()
def answer_box(
    model: Sam2Model, image: NDArray[np.uint8], modality: str, box: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    """Return the mask (H, W) that the model gives for one box (x0, y0, x1, y1) on one frame (H, W) or (H, W, 3)."""
    rows, columns = image.shape[:2]
    size = model.image_size
    scale = torch.tensor([size / columns, size / rows])
    points = torch.tensor(box).reshape(1, 2, 2) * scale
    features = model.encode(model.prepare(image[None], modality))
    device = features.deep.device
    decoded = model.decode(features, points.to(device), torch.tensor([[BOX_START, BOX_END]], device=device))
    return to_mask(decoded.best()[0], rows, columns)


def evaluate_model(
    model: Sam2Model, items: list[Example], keep_alive: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Return the agreement of a model with labelled frames.

    Parameters
    ----------
    model : Sam2Model
        In evaluation mode.
    items : list of Example
        Frames with an empty mask are left out: no box asks for nothing.
    keep_alive : callable
        Called before each frame, of which one may take a minute.

    Returns
    -------
    dict
        ``iou``, ``dice`` (means over cines), ``iou_low``, ``iou_high`` (95 % bootstrap interval over cines) and
        ``cines``: a list of {cine, iou, dice}. The numbers are None when there is nothing to measure.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for item in items:
        keep_alive()
        if item.mask.any():
            answer = answer_box(model, item.image, item.modality, evaluation_box(item))
            found[item.cine].append(agreement(answer, item.mask))
    scores = [Score(cine, *(float(value) for value in np.mean(pairs, 0))) for cine, pairs in sorted(found.items())]
    if not scores:
        return {"iou": None, "dice": None, "iou_low": None, "iou_high": None, "cines": []}
    ious = np.array([score.iou for score in scores])
    draws = np.random.default_rng(BOOTSTRAP_SEED).choice(ious, (BOOTSTRAP_ROUNDS, len(ious))).mean(1)
    return {
        "iou": float(ious.mean()),
        "dice": float(np.mean([score.dice for score in scores])),
        "iou_low": float(np.percentile(draws, 2.5)),
        "iou_high": float(np.percentile(draws, 97.5)),
        "cines": [{"cine": score.cine, "iou": score.iou, "dice": score.dice} for score in scores],
    }


def evaluate_checkpoint(
    manifest: Path, blobs: Path, model: Sam2Model, split: str = "test", keep_alive: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Return `evaluate_model` of one split of a manifest, with the split's name."""
    return {"split": split, **evaluate_model(model, list(examples(manifest, blobs, (split,))), keep_alive)}
