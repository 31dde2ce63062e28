"""The official SAM 2.1 configurations, and MedSAM2's, as plain constructors of the sam2 package's parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.transformer import RoPEAttention

from workers.engine.attention import LateValueAttention
from workers.engine.places import PlacedHiera, PlacedSine

STRIDE = 16
HIDDEN, MEMORY = 256, 64


@dataclass(frozen=True)
class Sam21Config:
    """What tells the models of the family apart; no weight depends on `image_size`.

    Attributes
    ----------
    embed_dim, heads : int
        Channels and attention heads of the first stage of the Hiera trunk.
    stages, global_blocks, windows : tuple of int
        Blocks of each stage, blocks with global attention, window of each stage.
    background : int
        Side of the position embedding that is stretched over the whole image.
    image_size : int
        Rows and columns of the square input in pixels.
    """

    embed_dim: int = 96
    heads: int = 1
    stages: tuple[int, ...] = (1, 2, 7, 2)
    global_blocks: tuple[int, ...] = (5, 7, 9)
    windows: tuple[int, ...] = (8, 4, 14, 7)
    background: int = 7
    image_size: int = 1024


SAM21_CONFIGS: Mapping[str, Sam21Config] = {
    "sam2.1-tiny": Sam21Config(),
    "sam2.1-small": Sam21Config(stages=(1, 2, 11, 2), global_blocks=(7, 10, 13)),
    "sam2.1-base-plus": Sam21Config(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
    "sam2.1-large": Sam21Config(144, 2, (2, 6, 36, 4), (23, 33, 43), (8, 4, 16, 8)),
    "medsam2": Sam21Config(image_size=512),
}


@dataclass(frozen=True)
class Kinds:
    """The classes of the parts that there are faster ones for, with the same weights and answers."""

    trunk: type[Hiera]
    sine: type[PositionEmbeddingSine]
    attention: type[RoPEAttention]


STOCK = Kinds(Hiera, PositionEmbeddingSine, RoPEAttention)
FAST = Kinds(PlacedHiera, PlacedSine, LateValueAttention)


def sam21_parts(config: Sam21Config, kinds: Kinds = STOCK) -> dict[str, Any]:
    """Return the arguments of `sam2.modeling.sam2_base.SAM2Base` that a config stands for.

    Parameters
    ----------
    config : Sam21Config
    kinds : Kinds
        `STOCK` for the package's own.

    Notes
    -----
    Values as in the package's ``configs/sam2.1/*.yaml``, with what its ``build_sam2_video_predictor`` adds by default
    (the dynamic choice among candidates, binary masks of prompted frames) and at most 4 conditioning frames in a bank;
    its hole filling needs a CUDA extension and is left out. MedSAM2 is the tiny model at 512 pixels
    (https://github.com/bowang-lab/MedSAM2): only the image size and with it the ``feat_sizes`` differ.
    """
    return {
        "image_encoder": _image_encoder(config, kinds),
        "memory_attention": _memory_attention(config.image_size // STRIDE, kinds.attention),
        "memory_encoder": _memory_encoder(kinds),
        "num_maskmem": 7,
        "image_size": config.image_size,
        "sigmoid_scale_for_mem_enc": 20.0,
        "sigmoid_bias_for_mem_enc": -10.0,
        "binarize_mask_from_pts_for_mem_enc": True,
        "use_mask_input_as_output_without_sam": True,
        "max_cond_frames_in_attn": 4,
        "directly_add_no_mem_embed": True,
        "no_obj_embed_spatial": True,
        "use_high_res_features_in_sam": True,
        "multimask_output_in_sam": True,
        "multimask_min_pt_num": 0,
        "multimask_max_pt_num": 1,
        "multimask_output_for_tracking": True,
        "use_multimask_token_for_obj_ptr": True,
        "iou_prediction_use_sigmoid": True,
        "use_obj_ptrs_in_encoder": True,
        "add_tpos_enc_to_obj_ptrs": True,
        "proj_tpos_enc_in_obj_ptrs": True,
        "use_signed_tpos_enc_to_obj_ptrs": True,
        "only_obj_ptrs_in_the_past_for_eval": True,
        "pred_obj_scores": True,
        "pred_obj_scores_mlp": True,
        "fixed_no_obj_ptr": True,
        "use_mlp_for_obj_ptr_proj": True,
        "sam_mask_decoder_extra_args": {
            "dynamic_multimask_via_stability": True,
            "dynamic_multimask_stability_delta": 0.05,
            "dynamic_multimask_stability_thresh": 0.98,
        },
    }


def _sine(channels: int, kinds: Kinds) -> PositionEmbeddingSine:
    return kinds.sine(num_pos_feats=channels, normalize=True, scale=None, temperature=10000, warmup_cache=False)


def _image_encoder(config: Sam21Config, kinds: Kinds) -> ImageEncoder:
    width = config.embed_dim
    trunk = kinds.trunk(
        embed_dim=width,
        num_heads=config.heads,
        stages=config.stages,
        global_att_blocks=config.global_blocks,
        window_pos_embed_bkg_spatial_size=(config.background, config.background),
        window_spec=config.windows,
    )
    neck = FpnNeck(
        position_encoding=_sine(HIDDEN, kinds),
        d_model=HIDDEN,
        backbone_channel_list=[width * 8, width * 4, width * 2, width],
        fpn_top_down_levels=[2, 3],
        fpn_interp_model="nearest",
    )
    return ImageEncoder(trunk=trunk, neck=neck, scalp=1)


def _memory_attention(side: int, reading: type[RoPEAttention]) -> MemoryAttention:
    def attention(kind: type[RoPEAttention] = RoPEAttention, **extra: Any) -> RoPEAttention:
        return kind(
            rope_theta=10000.0,
            feat_sizes=[side, side],
            embedding_dim=HIDDEN,
            num_heads=1,
            downsample_rate=1,
            dropout=0.1,
            **extra,
        )

    layer = MemoryAttentionLayer(
        activation="relu",
        dim_feedforward=2048,
        dropout=0.1,
        pos_enc_at_attn=False,
        self_attention=attention(),
        d_model=HIDDEN,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        cross_attention=attention(reading, rope_k_repeat=True, kv_in_dim=MEMORY),
    )
    return MemoryAttention(d_model=HIDDEN, pos_enc_at_input=True, layer=layer, num_layers=4)


def _memory_encoder(kinds: Kinds) -> MemoryEncoder:
    block = CXBlock(dim=HIDDEN, kernel_size=7, padding=3, layer_scale_init_value=1e-6, use_dwconv=True)
    return MemoryEncoder(
        out_dim=MEMORY,
        position_encoding=_sine(MEMORY, kinds),
        mask_downsampler=MaskDownSampler(kernel_size=3, stride=2, padding=1),
        fuser=Fuser(block, num_layers=2),
    )
