"""What a model needs that finds structures by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor


class Instance(NamedTuple):
    """One thing found: mask logits (1, 1, L, L), and how sure the model is of it, 0 to 1."""

    logits: Tensor
    score: float


class Concepts(Protocol):
    """Finds what words name on a frame."""

    def encode(self, images: Tensor) -> Tensor:
        """Return what words are compared with, from images (N, 3, S, S) of the model's `prepare`."""

    def find(self, encoded: Tensor, text: str) -> Sequence[Instance]:
        """Return each instance that the model is sure enough of, from one encoded image.

        Raises
        ------
        EngineError
            ``text_too_long``.
        """
