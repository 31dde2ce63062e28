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
        What prompts and memories are compared with.
    details : tuple of Tensor (N, C, S/k, S/k)
        What the mask decoder adds as it grows a mask, the coarsest first.
    """

    deep: Tensor
    details: tuple[Tensor, ...]

    def map(self, change: Callable[[Tensor], Tensor]) -> Features:
        """Return the features with a function applied to each tensor."""
        return Features(change(self.deep), tuple(change(tensor) for tensor in self.details))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all tensors in one row; `from_tensors` takes them back."""
        return (self.deep, *self.details)

    @classmethod
    def from_tensors(cls, tensors: tuple[Tensor, ...]) -> Features:
        """Return the features that `tensors` gave."""
        return cls(tensors[0], tensors[1:])


@dataclass(frozen=True)
class Decoded:
    """One answer of the mask decoder for B prompts.

    Attributes
    ----------
    logits : Tensor (B, K, L, L)
        Mask logits of K candidates: 3 for a single click, else 1. SAM 2.1 and SAM 3 choose for themselves, but for
        training, where they give the 3 of a tracked frame too.
    scores : Tensor (B, K)
        Estimated IoU of each candidate, 0 to 1.
    pointer : Tensor (B, hidden)
        Object pointer of the best candidate, for the memory.
    presence : Tensor (B, 1), optional
        Object score, positive where an object is seen; in training only, of models that have one.
    """

    logits: Tensor
    scores: Tensor
    pointer: Tensor
    presence: Tensor | None = None

    def best(self) -> tuple[Tensor, Tensor]:
        """Return the logits (B, 1, L, L) and the score (B,) of the candidate that the model is most certain of."""
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
    """One remembered frame.

    Attributes
    ----------
    features : Tensor (B, memory, S/16, S/16)
    pointer : Tensor (B, hidden)
    age : int
        0 for a conditioning frame, else how many tracked frames ago: 1 for the last one.
    distance : int
        Frames from it to the one looked at, along the direction of tracking; negative for one that still lies ahead.
    frame_count : int
        Frames of the cine; SAM 2 measures distances by the length of a short one.
    """

    features: Tensor
    pointer: Tensor
    age: int
    distance: int = 0
    frame_count: int = 0
