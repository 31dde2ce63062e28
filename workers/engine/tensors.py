"""What the entry points of a model hand to each other: features, answers, memories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Features:
    """What the encoder leaves of N frames; depends on no prompt, so it may be shared between readers.

    Attributes
    ----------
    deep : Tensor (N, hidden, S/16, S/16)
    eighth : Tensor (N, 48, S/8, S/8)
    quarter : Tensor (N, 32, S/4, S/4)
    half : Tensor (N, stem, S/2, S/2)
    """

    deep: Tensor
    eighth: Tensor
    quarter: Tensor
    half: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> Features:
        """Return the features with a function applied to each tensor."""
        return Features(change(self.deep), change(self.eighth), change(self.quarter), change(self.half))


@dataclass(frozen=True)
class Decoded:
    """One answer of the mask decoder for B prompts.

    Attributes
    ----------
    logits : Tensor (B, K, S/2, S/2)
        Mask logits of K candidates: 3 for a single click, else 1.
    scores : Tensor (B, K)
        Estimated IoU of each candidate, 0 to 1.
    pointer : Tensor (B, hidden)
        Object pointer of the best candidate, for the memory.
    """

    logits: Tensor
    scores: Tensor
    pointer: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """Return the logits (B, 1, S/2, S/2) and the score (B,) of the candidate that the model is most certain of."""
        index = most_certain(self.logits)
        rows = torch.arange(len(index), device=index.device)
        return self.logits[rows, index][:, None], self.scores[rows, index]


def most_certain(logits: Tensor) -> Tensor:
    """Return which candidate has the highest mean probability inside its mask: (B,) of int from logits (B, K, L, L).

    Notes
    -----
    What a lone click means is ambiguous, and the estimated IoU tells the candidates apart badly: it follows what a
    click usually means, not this picture. Measured on held-out clicks: docs/adr/0004.
    """
    if logits.shape[1] == 1:
        return logits.new_zeros(len(logits), dtype=torch.int64)
    is_inside = logits > 0
    inside = (torch.sigmoid(logits) * is_inside).sum((2, 3))
    return (inside / is_inside.sum((2, 3)).clamp(min=1)).argmax(1)


@dataclass(frozen=True)
class Memory:
    """One remembered frame: memory features (B, memory, S/16, S/16), pointer (B, hidden), age 0 = conditioning."""

    features: Tensor
    pointer: Tensor
    age: int
