"""Losses of masks and of their estimated quality."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from workers.engine.tensors import Decoded, most_certain


@dataclass(frozen=True)
class LossWeights:
    """How much each part of the loss of an answer counts.

    Attributes
    ----------
    entropy, focal, dice : float
        Of the mask: cross-entropy and focal loss as means over pixels.
    score : float
        Error of the estimated IoU.
    presence : float
        Cross-entropy of the object score.
    others : float
        Share of the mask's loss that falls on all candidates; the rest falls on the best one.
    """

    entropy: float
    focal: float
    dice: float
    score: float
    presence: float
    others: float


FROM_SCRATCH = LossWeights(entropy=2, focal=5, dice=1, score=0.5, presence=0, others=0.1)
"""For the bundled model; focal loss alone does not get a model without any knowledge under way."""
PRETRAINED = LossWeights(entropy=0, focal=20, dice=1, score=1, presence=1, others=0)
"""With which SAM 2 and MedSAM2 were trained and fine-tuned."""


def overlap(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the IoU (B, K) of thresholded logits (B, K, h, w) with soft truth (B, 1, h, w); 1 where both are empty."""
    answer, wanted = logits > 0, truth > 0.5
    both = (answer & wanted).flatten(2).sum(2).float()
    either = (answer | wanted).flatten(2).sum(2).float()
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))


def mask_loss(decoded: Decoded, truth: Tensor, weights: LossWeights = FROM_SCRATCH) -> tuple[Tensor, Tensor]:
    """Return the loss of an answer and the IoU of its best candidate.

    Parameters
    ----------
    decoded : Decoded
        B answers of K candidates.
    truth : Tensor (B, 1, h, w)
        Coverage of each logit cell, 0 to 1.
    weights : LossWeights

    Returns
    -------
    loss : Tensor, scalar
    iou : Tensor (B,)
        IoU of the candidate that is shown.
    """
    logits = decoded.logits
    wanted = truth.expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    probability = torch.sigmoid(logits)
    right = probability * wanted + (1 - probability) * (1 - wanted)
    focal = (entropy * (1 - right) ** 2).flatten(2).mean(2)
    pixel = weights.entropy * entropy.flatten(2).mean(2) + weights.focal * focal
    shared = (probability * wanted).flatten(2).sum(2)
    dice = 1 - (2 * shared + 1) / (probability.flatten(2).sum(2) + wanted.flatten(2).sum(2) + 1)
    total = pixel + weights.dice * dice
    with torch.no_grad():
        iou = overlap(logits, truth)
    chosen = (1 - weights.others) * total.amin(1) + weights.others * total.mean(1)
    score = (decoded.scores - iou).abs().mean(1)
    loss = (chosen + weights.score * score).mean()
    if decoded.presence is not None:
        is_there = (truth > 0.5).flatten(1).any(1, keepdim=True).float()
        seen = functional.binary_cross_entropy_with_logits(decoded.presence, is_there)
        loss = loss + weights.presence * seen
    best = iou.gather(1, most_certain(decoded.logits)[:, None])[:, 0]
    return loss, best
