"""One step of training: prompts and corrections on frames, or tracking over a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.engine.bundled import BOX_END, BOX_START, NEGATIVE, PADDING, POSITIVE, BundledSam2
from workers.engine.tensors import Features
from workers.training.losses import mask_loss
from workers.training.prompts import bounding_box, click_inside, correcting_click, loose_box

Mask = NDArray[np.bool_]
CERTAIN = 6.0


class PromptBatch:
    """Growing prompts of B rows, padded to a rectangle when asked for."""

    def __init__(self, rows: int) -> None:
        self.points: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
        self.labels: list[list[int]] = [[] for _ in range(rows)]

    def add(self, row: int, x: float, y: float, label: int) -> None:
        """Add a point of a row, in model pixels."""
        self.points[row].append((x, y))
        self.labels[row].append(label)

    def add_box(self, row: int, box: tuple[float, float, float, float]) -> None:
        """Add a box of a row, (x0, y0, x1, y1) in model pixels."""
        self.add(row, box[0], box[1], BOX_START)
        self.add(row, box[2], box[3], BOX_END)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return points (B, P, 2) and labels (B, P), padded with label -1."""
        width = max(1, max(len(row) for row in self.labels))
        points = torch.zeros(len(self.points), width, 2)
        labels = torch.full((len(self.points), width), PADDING, dtype=torch.int64)
        for row, (places, signs) in enumerate(zip(self.points, self.labels, strict=True)):
            if places:
                points[row, : len(places)] = torch.tensor(places)
                labels[row, : len(signs)] = torch.tensor(signs)
        return points, labels


def repeat(features: Features, times: int) -> Features:
    """Return the features with each row repeated, one for each prompt on the frame."""
    return features.map(lambda tensor: tensor.repeat_interleave(times, 0))


def share_frame(features: Features, index: int, times: int) -> Features:
    """Return the features of one frame as `times` rows that share their memory."""
    return features.map(lambda tensor: tensor[index : index + 1].expand(times, -1, -1, -1))


def coverage(masks: Tensor, side: int) -> Tensor:
    """Return how much of each logit cell a mask covers: (B, 1, side, side) from (B, S, S)."""
    return functional.adaptive_avg_pool2d(masks[:, None].float(), side)


def as_logits(masks: Tensor, side: int) -> Tensor:
    """Return the logits (B, 1, side, side) that stand for given masks (B, S, S)."""
    return (coverage(masks, side) * 2 - 1) * CERTAIN


@dataclass(frozen=True)
class FrameBatch:
    """Frames with one target for each prompt.

    Attributes
    ----------
    images : Tensor (B, 3, S, S)
        Preprocessed frames.
    targets : ndarray of bool (B, G, S, S)
        What each of G prompts on a frame shall select.
    neighbours : ndarray of bool (B, G, S, S)
        The same structures on the neighbouring frame.
    boxes : list of lists of box or None
        A box to use instead of the target's own.
    """

    images: Tensor
    targets: Mask
    neighbours: Mask
    boxes: list[list[tuple[float, float, float, float] | None]]


def frame_step(
    model: BundledSam2, batch: FrameBatch, rng: np.random.Generator, *, mode: str, corrections: int
) -> tuple[Tensor, list[float]]:
    """Return the loss of one prompt mode with corrective clicks, and the mean IoU of each round.

    Parameters
    ----------
    mode : {"click", "box", "track"}
        Track: no prompt but the mask of the neighbouring frame.
    corrections : int
        Rounds of one corrective click after the first answer.
    """
    groups, size = batch.targets.shape[1], batch.targets.shape[-1]
    side = size // 2
    targets = batch.targets.reshape(-1, size, size)
    truth = coverage(torch.from_numpy(targets), side)
    features = repeat(model.encode(batch.images), groups)
    prompts, previous, other_frame = PromptBatch(len(targets)), None, False
    for row, target in enumerate(targets):
        if mode == "click":
            prompts.add(row, *click_inside(rng, target), POSITIVE)
        elif mode == "box":
            given = batch.boxes[row // groups][row % groups]
            prompts.add_box(row, given or loose_box(rng, bounding_box(target), size))
    if mode == "track":
        previous, other_frame = (
            as_logits(torch.from_numpy(batch.neighbours.reshape(-1, size, size)), side),
            True,
        )
    loss, ious = torch.zeros(()), []
    for turn in range(corrections + 1):
        points, labels = prompts.tensors()
        decoded = model.decode(features, points, labels, previous=previous, other_frame=other_frame)
        part, iou = mask_loss(decoded, truth)
        loss = loss + part / (corrections + 1)
        ious.append(float(iou.mean()))
        if turn == corrections:
            break
        best = decoded.best()[0].detach()
        previous, other_frame = best, False
        if rng.random() < 0.3:  # stored masks come back without their shades of certainty
            previous = torch.where(best > 0, CERTAIN, -CERTAIN)
        answers = (best[:, 0] > 0).repeat_interleave(2, 1).repeat_interleave(2, 2).numpy()
        for row, (target, answer) in enumerate(zip(targets, answers, strict=True)):
            click = correcting_click(rng, target, answer)
            if click:
                prompts.add(row, click[0], click[1], POSITIVE if click[2] else NEGATIVE)
    return loss, ious


def clip_step(
    model: BundledSam2, images: Tensor, targets: Mask, rng: np.random.Generator
) -> tuple[Tensor, list[float]]:
    """Return the loss of tracking over a clip from its first frame's mask, and the IoU of each tracked frame.

    Parameters
    ----------
    images : Tensor (T, 3, S, S)
        One clip.
    targets : ndarray of bool (T, G, S, S)
        G structures to track at once.
    """
    count, groups, size = len(images), targets.shape[1], targets.shape[-1]
    side = size // 2
    encoded = model.encode(images)
    empty = torch.zeros(groups, 1, 2), torch.full((groups, 1), PADDING, dtype=torch.int64)
    corrected = int(rng.integers(1, count)) if rng.random() < 0.3 else -1
    bank, previous, loss, ious = [], None, torch.zeros(()), []
    for index in range(count):
        features = share_frame(encoded, index, groups)
        masks = torch.from_numpy(targets[index])
        if index in (0, corrected):
            logits = as_logits(masks, side)
            pointer = model.decode(features, *empty, previous=logits).pointer
            bank.append(model.remember(features, logits, pointer, 0))
            previous = logits
            continue
        ages = [memory for memory in bank if memory.age == 0][-2:]
        recent = [memory for memory in bank if memory.age > 0][-(model.num_maskmem - 2) :]
        chosen = ages + [type(m)(m.features, m.pointer, len(recent) - k) for k, m in enumerate(recent)]
        recalled = model.recall(features, chosen)
        guide = None if rng.random() < 0.2 else previous
        decoded = model.decode(features, *empty, previous=guide, other_frame=True, recalled=recalled)
        part, iou = mask_loss(decoded, coverage(masks, side))
        loss = loss + part / count
        ious.append(float(iou.mean()))
        best = decoded.best()[0]
        bank.append(model.remember(features, best, decoded.pointer, 1))
        previous = best.detach()
    return loss, ious
