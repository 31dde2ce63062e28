"""Memory attention of SAM 2 with fewer operations: the same numbers but for rounding."""

from __future__ import annotations

import torch
from sam2.modeling.position_encoding import apply_rotary_enc
from sam2.modeling.sam.transformer import RoPEAttention
from torch import Tensor
from torch.nn import functional

SCORES_AT_ONCE = 1 << 22
"""Attention scores computed at a time: 16 MB of float32, whatever the size of the image and of the bank."""


class LateValueAttention(RoPEAttention):
    """Attention to memories that projects the values after they are mixed, not before.

    Notes
    -----
    Memories have 64 channels and the projection makes 256 of them. A mix is a weighted mean, and a projection W v + b
    of a mean is the mean of the projections: so the memories themselves are mixed, at a quarter of the cost, and the
    result is projected. Rotary positions stand in the way of the same for the keys.
    """

    freqs_cis: Tensor
    is_rough = False
    """Whether processors mix by `mix_roughly`."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, num_k_exclude_rope: int = 0) -> Tensor:
        """Return (B, Q, C) from queries (B, Q, C), keys and values (B, K, memory)."""
        if q.device.type != "cpu" or torch.is_grad_enabled():
            # The fused kernel of an accelerator is faster than fewer operations that are not fused.
            attended: Tensor = super().forward(q, k, v, num_k_exclude_rope)
            return attended
        with torch.autocast("cpu", enabled=False):
            queries, keys = self._placed(q.float(), k.float(), num_k_exclude_rope)
            mixed = mix_roughly(queries, keys, v) if self.is_rough else mix(queries, keys, v.float())
            result: Tensor = self.out_proj(self.v_proj(mixed))
        return result

    def _placed(self, q: Tensor, k: Tensor, num_k_exclude_rope: int) -> tuple[Tensor, Tensor]:
        """Return the projected queries (B, Q, C) and keys (B, K, C), turned by their places."""
        queries, keys = self.q_proj(q)[:, None], self.k_proj(k)[:, None]
        if self.freqs_cis.shape[0] != q.shape[1]:
            side = q.shape[1] ** 0.5
            self.freqs_cis = self.compute_cis(end_x=side, end_y=side)
        places = keys.shape[2] - num_k_exclude_rope
        queries, keys[:, :, :places] = apply_rotary_enc(
            queries, keys[:, :, :places], freqs_cis=self.freqs_cis, repeat_freqs_k=self.rope_k_repeat
        )
        return queries[:, 0], keys[:, 0]


def mix(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return the values (B, K, V) mixed for each query (B, Q, C) by its attention to the keys (B, K, C)."""
    batch, count, channels = queries.shape
    queries, keys = queries * channels**-0.5, keys.transpose(1, 2)
    rows = min(count, max(1, SCORES_AT_ONCE // (batch * keys.shape[2])))
    # One piece of memory for all parts: to ask for a fresh one each time takes a third longer.
    scores = queries.new_empty(batch, rows, keys.shape[2])
    mixed = queries.new_empty(batch, count, values.shape[2])
    for start in range(0, count, rows):
        part = queries[:, start : start + rows]
        weights = torch.bmm(part, keys, out=scores[:, : part.shape[1]])
        torch.bmm(torch.softmax(weights, -1, out=weights), values, out=mixed[:, start : start + rows])
    return mixed


def mix_roughly(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Do the same with bfloat16 factors; scores and weights stay float32, as in `mix` with bfloat16 they would not."""
    # The fused kernel is fast only where values are as wide as keys.
    width = values.shape[2]
    padded = functional.pad(values, (0, keys.shape[2] - width))
    q, k, v = (tensor[:, None].bfloat16() for tensor in (queries, keys, padded))
    return functional.scaled_dot_product_attention(q, k, v)[:, 0, :, :width].float()
