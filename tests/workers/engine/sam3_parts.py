"""A small SAM 3 with random weights, in files of the published layout."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers.models.sam3_tracker_video.configuration_sam3_tracker_video import Sam3TrackerVideoConfig

from workers.engine.sam3 import Sam3, published_key

SIDE, HIDDEN = 112, 128


def small_config() -> Sam3TrackerVideoConfig:
    """A tracker of 2 M parameters on 8 x 8 patches."""
    return Sam3TrackerVideoConfig(  # type: ignore[call-arg]
        vision_config={
            "model_type": "sam3_vision_model",
            "fpn_hidden_size": HIDDEN,
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "window_size": 4,
                "global_attn_indexes": [1],
                "pretrain_image_size": 56,
            },
        },
        prompt_encoder_config={"hidden_size": HIDDEN},
        mask_decoder_config={
            "hidden_size": HIDDEN,
            "mlp_dim": 128,
            "num_attention_heads": 4,
            "iou_head_hidden_dim": 64,
        },
        memory_attention_hidden_size=HIDDEN,
        memory_attention_num_layers=2,
        memory_attention_feed_forward_hidden_size=128,
        memory_encoder_hidden_size=HIDDEN,
        mask_downsampler_embed_dim=HIDDEN,
        memory_fuser_embed_dim=HIDDEN,
        memory_fuser_intermediate_dim=128,
        image_size=SIDE,
    )


@torch.no_grad()
def fill(model: nn.Module, seed: int) -> None:
    """Give a model random weights of such sizes that every part of it matters to its answers."""
    chance = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            continue
        spread = value[0].numel() ** -0.5 if value.ndim >= 2 and value.shape[0] > 1 else 0.2
        value.copy_(torch.randn(value.shape, generator=chance) * spread)


def build_small_sam3(seed: int = 3, presence: float = 3.0) -> Sam3:
    """Return a model whose every part matters to its answers.

    Parameters
    ----------
    seed : int
    presence : float
        Bias of the object score: 3 sees an object everywhere, -30 nowhere.
    """
    model = Sam3(small_config()).eval()
    fill(model, seed)
    with torch.no_grad():
        for matrix in (model.shared_image_embedding, model.prompt_encoder.shared_embedding):
            matrix.positional_embedding.copy_(
                torch.randn(2, HIDDEN // 2, generator=torch.Generator().manual_seed(seed))
            )
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(presence)
    return model


def save_published(model: Sam3, path: Path, **changes: torch.Tensor | None) -> None:
    """Write a model as facebook/sam3 is laid out, with a detector beside it; changes replace or remove tensors."""
    tensors = {published_key(key): value.clone() for key, value in model.state_dict().items()}
    tensors["detector_model.text_encoder.text_projection.weight"] = torch.zeros(3, 2)
    tensors["detector_model.vision_encoder.neck.fpn_layers.0.proj1.bias"] = torch.zeros(2)
    for key, value in changes.items():
        if value is None:
            del tensors[key]
        else:
            tensors[key] = value
    save_file(tensors, path, metadata={"format": "pt", "config": json.dumps(model.config.to_dict())})
