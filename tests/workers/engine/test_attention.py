"""Fewer operations, the same attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sam2.modeling.sam.transformer import RoPEAttention

from workers.engine import attention
from workers.engine.attention import LateValueAttention

SIDE, MEMORIES, POINTERS = 8, 3, 5


def both() -> tuple[LateValueAttention, RoPEAttention]:
    """Return our attention and the package's with the same weights."""
    torch.manual_seed(3)
    about: dict[str, Any] = {"embedding_dim": 32, "num_heads": 1, "kv_in_dim": 16, "rope_k_repeat": True}
    ours, theirs = (kind(feat_sizes=(SIDE, SIDE), **about).eval() for kind in (LateValueAttention, RoPEAttention))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("at_once", [1, 1000, 1 << 22])
@torch.no_grad()
def test_it_equals_the_attention_of_the_package(batch: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", at_once)
    ours, theirs = both()
    queries = torch.randn(batch, SIDE * SIDE, 32)
    keys, values = (torch.randn(batch, MEMORIES * SIDE * SIDE + POINTERS, 16) for _ in range(2))
    expected = theirs(queries, keys, values, num_k_exclude_rope=POINTERS)
    assert torch.allclose(ours(queries, keys, values, num_k_exclude_rope=POINTERS), expected, atol=1e-5)


@torch.no_grad()
def test_in_bfloat16_it_is_nearer_than_the_attention_of_the_package() -> None:
    ours, theirs = both()
    queries, memory = torch.randn(2, SIDE * SIDE, 32), torch.randn(2, SIDE * SIDE, 16)
    expected = theirs(queries, memory, memory)
    precise = ours(queries, memory, memory)
    ours.is_rough = True
    found = ours(queries, memory, memory)
    with torch.autocast("cpu", torch.bfloat16):
        rough = theirs(queries, memory, memory)
    assert not torch.equal(found, precise)
    assert torch.allclose(found, expected, atol=0.01)
    assert (found - expected).norm() < 0.7 * (rough - expected).norm()


@torch.no_grad()
def test_it_takes_images_of_another_size_than_it_was_made_for() -> None:
    ours, theirs = both()
    queries, memory = torch.randn(1, 16, 32), torch.randn(1, 32, 16)
    assert torch.allclose(ours(queries, memory, memory), theirs(queries, memory, memory), atol=1e-5)


def test_it_learns_as_the_attention_of_the_package_does() -> None:
    ours, theirs = both()
    queries, memory = torch.randn(1, SIDE * SIDE, 32), torch.randn(1, SIDE * SIDE, 16)
    for attention_ in (ours, theirs):
        attention_(queries, memory, memory).square().sum().backward()
    assert torch.allclose(ours.v_proj.weight.grad, theirs.v_proj.weight.grad, atol=1e-4)
