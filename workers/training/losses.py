"""Losses of masks and of their estimated quality."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from workers.engine.tensors import Decoded, most_certain


def overlap(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the IoU (B, K) of thresholded logits (B, K, h, w) with soft truth (B, 1, h, w); 1 where both are empty."""
    answer, wanted = logits > 0, truth > 0.5
    both = (answer & wanted).flatten(2).sum(2).float()
    either = (answer | wanted).flatten(2).sum(2).float()
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))


def mask_loss(decoded: Decoded, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of an answer and the IoU of its best candidate.

    Parameters
    ----------
    decoded : Decoded
        B answers of K candidates.
    truth : Tensor (B, 1, h, w)
        Coverage of each logit cell, 0 to 1.

    Returns
    -------
    loss : Tensor, scalar
        Cross-entropy, focal and Dice of the best candidate (a tenth of the mean of all), and the error of the
        estimated IoU.
    iou : Tensor (B,)
        IoU of the candidate that is shown.
    """
    logits = decoded.logits
    wanted = truth.expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    probability = torch.sigmoid(logits)
    right = probability * wanted + (1 - probability) * (1 - wanted)
    pixel = 2 * entropy.flatten(2).mean(2) + 5 * (entropy * (1 - right) ** 2).flatten(2).mean(2)
    shared = (probability * wanted).flatten(2).sum(2)
    dice = 1 - (2 * shared + 1) / (probability.flatten(2).sum(2) + wanted.flatten(2).sum(2) + 1)
    total = pixel + dice
    with torch.no_grad():
        iou = overlap(logits, truth)
    chosen = 0.9 * total.amin(1) + 0.1 * total.mean(1)
    score = (decoded.scores - iou).abs().mean(1)
    best = iou.gather(1, most_certain(decoded.logits)[:, None])[:, 0]
    return (chosen + 0.5 * score).mean(), best
