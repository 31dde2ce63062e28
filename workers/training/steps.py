"""One step of training: prompts and corrections on frames, or tracking over a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.engine.bundled import BOX_END, BOX_START, NEGATIVE, PADDING, POSITIVE
from workers.engine.session import Sam2Model
from workers.engine.tensors import Features, Memory
from workers.training.losses import FROM_SCRATCH, LossWeights, mask_loss
from workers.training.prompts import bounding_box, click_inside, correcting_click, loose_box

Mask = NDArray[np.bool_]
CERTAIN = 6.0
LONG_CINE = 64
"""Frames of the cine that a neighbour is taken from: SAM 2 and SAM 3 measure distances by the length of short ones."""


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

    def tensors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return points (B, P, 2) and labels (B, P) on a device, padded with label -1."""
        width = max(1, max(len(row) for row in self.labels))
        points = torch.zeros(len(self.points), width, 2)
        labels = torch.full((len(self.points), width), PADDING, dtype=torch.int64)
        for row, (places, signs) in enumerate(zip(self.points, self.labels, strict=True)):
            if places:
                points[row, : len(places)] = torch.tensor(places)
                labels[row, : len(signs)] = torch.tensor(signs)
        return points.to(device), labels.to(device)


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
    neighbour_images : Tensor (B, 3, S, S), optional
        The neighbouring frame, preprocessed: tracking then goes through the memory, as in a session.
    """

    images: Tensor
    targets: Mask
    neighbours: Mask
    boxes: list[list[tuple[float, float, float, float] | None]]
    neighbour_images: Tensor | None = None

    def pieces(self, frames: int) -> Iterator[FrameBatch]:
        """Yield the batch in batches of at most so many frames."""
        for start in range(0, len(self.images), frames):
            part = slice(start, start + frames)
            beside = None if self.neighbour_images is None else self.neighbour_images[part]
            yield FrameBatch(self.images[part], self.targets[part], self.neighbours[part], self.boxes[part], beside)


def frame_step(
    model: Sam2Model,
    batch: FrameBatch,
    rng: np.random.Generator,
    *,
    mode: str,
    corrections: int,
    weights: LossWeights = FROM_SCRATCH,
) -> tuple[Tensor, list[float]]:
    """Return the loss of one prompt mode with corrective clicks, and the mean IoU of each round.

    Parameters
    ----------
    model : Sam2Model
        Of any family, on the device of the images.
    mode : {"click", "box", "track"}
        Track: no prompt but the mask of the neighbouring frame.
    corrections : int
        Rounds of one corrective click after the first answer.
    weights : LossWeights
    """
    groups, size = batch.targets.shape[1], batch.targets.shape[-1]
    side, device = model.logit_side, batch.images.device
    targets = batch.targets.reshape(-1, size, size)
    truth = coverage(torch.from_numpy(targets).to(device), side)
    features = repeat(model.encode(batch.images), groups)
    prompts, previous, recalled = PromptBatch(len(targets)), None, None
    for row, target in enumerate(targets):
        if mode == "click":
            prompts.add(row, *click_inside(rng, target), POSITIVE)
        elif mode == "box":
            given = batch.boxes[row // groups][row % groups]
            prompts.add_box(row, given or loose_box(rng, bounding_box(target), size))
    if mode == "track":
        neighbours = batch.neighbours.reshape(-1, size, size)
        if batch.neighbour_images is None:
            previous = as_logits(torch.from_numpy(neighbours).to(device), side)
        else:
            beside = repeat(model.encode(batch.neighbour_images), groups)
            previous, memory = model.condition(beside, list(neighbours))
            recalled = model.recall(features, [replace(memory, distance=1, frame_count=LONG_CINE)])
    other_frame = mode == "track"
    loss, ious = truth.new_zeros(()), []
    for turn in range(corrections + 1):
        points, labels = prompts.tensors(device)
        decoded = model.decode(features, points, labels, previous=previous, other_frame=other_frame, recalled=recalled)
        part, iou = mask_loss(decoded, truth, weights)
        loss = loss + part / (corrections + 1)
        ious.append(float(iou.mean()))
        if turn == corrections:
            break
        best = decoded.best()[0].detach()
        previous, other_frame, recalled = best, False, None
        if rng.random() < 0.3:  # stored masks come back without their shades of certainty
            previous = torch.where(best > 0, CERTAIN, -CERTAIN)
        answers = (functional.interpolate(best, size=(size, size), mode="nearest-exact")[:, 0] > 0).cpu().numpy()
        for row, (target, answer) in enumerate(zip(targets, answers, strict=True)):
            click = correcting_click(rng, target, answer)
            if click:
                prompts.add(row, click[0], click[1], POSITIVE if click[2] else NEGATIVE)
    return loss, ious


def clip_step(
    model: Sam2Model, images: Tensor, targets: Mask, rng: np.random.Generator, weights: LossWeights = FROM_SCRATCH
) -> tuple[Tensor, list[float]]:
    """Return the loss of tracking over a clip from its first frame's mask, and the IoU of each tracked frame.

    Parameters
    ----------
    model : Sam2Model
        Of any family, on the device of the images.
    images : Tensor (T, 3, S, S)
        One clip.
    targets : ndarray of bool (T, G, S, S)
        G structures to track at once.
    weights : LossWeights
    """
    count, groups = len(images), targets.shape[1]
    encoded, device = model.encode(images), images.device
    empty = PromptBatch(groups).tensors(device)
    corrected = int(rng.integers(1, count)) if rng.random() < 0.3 else -1
    given: list[tuple[int, Memory]] = []
    tracked: list[tuple[int, Memory]] = []
    previous, loss, ious = None, images.new_zeros(()), []
    for index in range(count):
        features = share_frame(encoded, index, groups)
        if index in (0, corrected):
            previous, memory = model.condition(features, list(targets[index]))
            given.append((index, memory))
            continue
        known = [(frame, memory, 0) for frame, memory in given[-model.conditioning_in_attention :]]
        recent = tracked[-model.recent_kept :]
        known += [(frame, memory, len(recent) - place) for place, (frame, memory) in enumerate(recent)]
        bank = [replace(memory, age=age, distance=index - frame, frame_count=LONG_CINE) for frame, memory, age in known]
        recalled = model.recall(features, bank)
        guide = None if rng.random() < 0.2 else previous
        decoded = model.decode(features, *empty, previous=guide, other_frame=True, recalled=recalled)
        part, iou = mask_loss(decoded, coverage(torch.from_numpy(targets[index]).to(device), model.logit_side), weights)
        loss = loss + part / count
        ious.append(float(iou.mean()))
        best = decoded.best()[0]
        tracked.append((index, model.remember(features, best, decoded.pointer, 1)))
        previous = best.detach()
    return loss, ious
