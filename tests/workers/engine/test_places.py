"""Places are embedded once, and as the package does it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.position_encoding import PositionEmbeddingSine

from workers.engine.places import PlacedHiera, PlacedSine

ABOUT: dict[str, Any] = {
    "embed_dim": 16,
    "num_heads": 1,
    "stages": (1, 1, 2, 1),
    "global_att_blocks": (3,),
    "window_pos_embed_bkg_spatial_size": (7, 7),
}


def trunks() -> tuple[Any, Any]:
    """Return ours and the package's with the same random weights."""
    torch.manual_seed(4)
    ours, theirs = PlacedHiera(**ABOUT).eval(), Hiera(**ABOUT).eval()
    with torch.no_grad():
        for value in (theirs.pos_embed, theirs.pos_embed_window):
            value.normal_()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@torch.no_grad()
def test_the_embedding_follows_sizes_and_weights() -> None:
    ours, theirs = trunks()
    for side in (64, 64, 128, 64):
        image = torch.randn(2, 3, side, side)
        assert all(torch.equal(*pair) for pair in zip(ours(image), theirs(image), strict=True))
    assert ours._get_pos_embed((16, 16)) is ours._get_pos_embed((16, 16))
    for trunk in (ours, theirs):
        trunk.pos_embed.add_(1.0)
    assert torch.equal(ours._get_pos_embed((16, 16)), theirs._get_pos_embed((16, 16)))
    other = {key: value * 2 for key, value in theirs.state_dict().items()}
    for trunk in (ours, theirs):
        trunk.load_state_dict(other)
    assert torch.equal(ours._get_pos_embed((16, 16)), theirs._get_pos_embed((16, 16)))
    assert "_placed" not in ours.state_dict()
    assert torch.equal(copy.deepcopy(ours)(image)[0], theirs(image)[0])


def test_the_embedding_learns() -> None:
    ours, theirs = trunks()
    with torch.no_grad():
        ours(torch.randn(1, 3, 64, 64))
    image = torch.randn(1, 3, 64, 64)
    for trunk in (ours, theirs):
        trunk(image)[-1].square().sum().backward()
    assert ours.pos_embed.grad.abs().sum() > 0
    assert torch.allclose(ours.pos_embed.grad, theirs.pos_embed.grad)


def test_all_images_share_an_encoding() -> None:
    about: dict[str, Any] = {"num_pos_feats": 8, "warmup_cache": False}
    ours, theirs = PlacedSine(**about), PositionEmbeddingSine(**about)
    for batch in (1, 3, 2):
        images = torch.zeros(batch, 5, 6, 4)
        assert torch.equal(ours(images), theirs(images))
    assert ours(images).untyped_storage().nbytes() == 8 * 6 * 4 * 4
