"""Where things lie in the image, for SAM 2's encoders: the same numbers, computed once for an image size."""

from __future__ import annotations

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.position_encoding import PositionEmbeddingSine
from torch import Tensor


class PlacedHiera(Hiera):
    """A trunk that interpolates the embedding of its places once, as long as that does not learn."""

    pos_embed: Tensor
    pos_embed_window: Tensor
    _placed: tuple[object, Tensor] | None = None

    def _get_pos_embed(self, hw: tuple[int, int]) -> Tensor:
        if torch.is_grad_enabled():
            learnt: Tensor = super()._get_pos_embed(hw)
            return learnt
        given = (self.pos_embed, self.pos_embed_window)
        key = (tuple(hw), *((tensor.data_ptr(), tensor._version) for tensor in given))
        if self._placed is None or self._placed[0] != key:
            # One assignment: threads that encode share the trunk.
            self._placed = (key, super()._get_pos_embed(hw))
        return self._placed[1]


class PlacedSine(PositionEmbeddingSine):
    """An encoding that all images share in one piece of memory, instead of a copy for each."""

    cache: dict[tuple[int, int], Tensor]

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) for a tensor (B, ..., H, W); not to be written to."""
        size = (x.shape[-2], x.shape[-1])
        if size not in self.cache:
            self._pe(1, x.device, *size)
        return self.cache[size].to(x.device)[None].expand(len(x), -1, -1, -1)
