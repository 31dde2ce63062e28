"""The frames of a training step: drawn from the labelled ones, augmented, with what shall be found on them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.engine.session import Sam2Model
from workers.engine.squares import resized
from workers.training.augment import shade, warp
from workers.training.config import FinetuneConfig
from workers.training.manifest import Example
from workers.training.steps import FrameBatch

MINIMUM_PIXELS = 12
NEIGHBOUR = 0.12
"""Strength of the warp that displaces a frame as the heart would."""


@dataclass(frozen=True)
class LabelledFrame:
    """One frame, (H, W) or (H, W, 3) of uint8, with its masks (H, W) by label, and the DICOM modality."""

    image: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]
    modality: str

    def square(self, size: int) -> tuple[Tensor, Tensor]:
        """Return picture (1, 1, S, S), grey values 0..255, and masks (1, M, S, S), 0 or 1, sorted by label."""
        image = torch.from_numpy(np.array(self.image)).float()
        image = image.mean(-1) if image.ndim == 3 else image
        masks = torch.from_numpy(np.stack([self.masks[name] for name in sorted(self.masks)])).float()
        picture = resized(image[None, None], size, antialias=True).round().clamp(0, 255)
        return picture, (resized(masks[None], size, antialias=True) > 0.5).float()


def labelled_frames(items: list[Example], size: int) -> list[LabelledFrame]:
    """Gather the masks of each frame; frames without a mask that can be seen at the model's size are left out."""
    grouped: dict[tuple[str, int], list[Example]] = defaultdict(list)
    for item in items:
        if item.mask.mean() * size**2 >= MINIMUM_PIXELS:
            grouped[(item.cine, item.frame_index)].append(item)
    return [
        LabelledFrame(group[0].image, {item.label: item.mask for item in group}, group[0].modality)
        for group in grouped.values()
    ]


def sample_batch(
    rng: np.random.Generator, frames: list[LabelledFrame], config: FinetuneConfig, model: Sam2Model, *, mode: str
) -> FrameBatch:
    """Draw, augment and prepare the frames of one step, with their targets and boxes.

    Parameters
    ----------
    rng : Generator
    frames : list of LabelledFrame
    config : FinetuneConfig
    model : Sam2Model
        Prepares the frames as it does in a session.
    mode : {"click", "box", "track"}
        Of `workers.training.steps.frame_step`.
    """
    size = model.image_size
    images: list[Tensor] = []
    beside: list[Tensor] = []
    targets: list[NDArray[np.bool_]] = []
    neighbours: list[NDArray[np.bool_]] = []
    boxes: list[list[tuple[float, float, float, float] | None]] = []
    tries = 0
    while len(images) < config.frames_per_step:
        frame = frames[int(rng.integers(len(frames)))]
        picture, masks = frame.square(size)
        tries += 1
        strength = config.strength if tries < 50 * config.frames_per_step else 0.0
        picture, moved = warp(rng, picture, masks, strength)
        # Tracking learns from the same frame a little displaced, as the heart would displace it.
        shifted, displaced = warp(rng, picture, moved, NEIGHBOUR)
        now, then = (moved[0] > 0.5).numpy(), (displaced[0] > 0.5).numpy()
        visible = [i for i in range(len(now)) if now[i].sum() >= MINIMUM_PIXELS and then[i].any()]
        if not visible:
            continue
        chosen = [visible[int(rng.integers(len(visible)))] for _ in range(config.prompts_per_frame)]
        pair = torch.cat([picture, shifted], 1) if mode == "track" else picture
        pixels = shade(rng, pair, config.strength)[0].round().clamp(0, 255).to(torch.uint8).numpy()
        images.append(model.prepare(pixels[:1], frame.modality))
        if mode == "track":
            beside.append(model.prepare(pixels[1:], frame.modality))
        targets.append(now[chosen])
        neighbours.append(then[chosen])
        whole = [frame.modality == "XA" and rng.random() < 0.7 for _ in chosen]
        slack = rng.uniform(0, 0.04, 4) * size
        around = (float(slack[0]), float(slack[1]), float(size - slack[2]), float(size - slack[3]))
        boxes.append([around if flag else None for flag in whole])
    return FrameBatch(
        torch.cat(images), np.stack(targets), np.stack(neighbours), boxes, torch.cat(beside) if beside else None
    )
