"""The bundled model: a small SAM 2 for cardiac cines, built from the sam2 package's own parts.

It differs from stock SAM 2 where thin vessels need it (docs/adr/0004): a convolutional stem and a mask decoder that
works at stride 2, and prompts that also enter the decoder as maps at full detail, so that a click can choose one branch
of a tree and the mask of the neighbouring frame can guide the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn
from torch.nn import functional

from workers.engine.background import PROJECTIONS, even_field
from workers.engine.masks import to_logits
from workers.engine.parts import PROMPT_CHANNELS, DetailDecoder, PromptPyramid, ResidualBlock, sine_positions
from workers.engine.squares import square_frames
from workers.engine.tensors import Decoded, Features, Memory, most_certain

NEGATIVE, POSITIVE, BOX_START, BOX_END, PADDING = 0, 1, 2, 3, -1


@dataclass(frozen=True)
class BundledConfig:
    """Sizes of the bundled model; stored in every checkpoint of the family.

    Attributes
    ----------
    image_size : int
        Rows and columns of the square input in pixels.
    embed_dim, stages, global_blocks, windows
        The Hiera trunk.
    hidden_dim, memory_dim : int
        Channels of the decoder and of the memory.
    stem_dim : int
        Channels of the stride-2 features.
    memory_frames : int
        Frames of the memory bank, conditioning frames included.
    even_field : bool
        Whether the model sees projections with an even background (`even_field`).
    """

    image_size: int = 256
    embed_dim: int = 32
    stages: tuple[int, ...] = (1, 2, 3, 1)
    global_blocks: tuple[int, ...] = (4,)
    windows: tuple[int, ...] = (8, 4, 8, 4)
    hidden_dim: int = 64
    memory_dim: int = 32
    stem_dim: int = 16
    memory_frames: int = 4
    even_field: bool = True

    @property
    def preprocess_id(self) -> str:
        """Name of what `BundledSam2.prepare` does."""
        return "gray-square-v2" if self.even_field else "gray-square-v1"

    def to_dict(self) -> dict[str, Any]:
        """Return the config as JSON-serialisable values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BundledConfig:
        """Return the config from what `to_dict` gave; raises TypeError on unknown keys."""
        given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        # Checkpoints from before the even field do not name it.
        return cls(**{"even_field": False, **given})


class BundledSam2(SAM2Base):
    """A small SAM 2 with six plain entry points: `prepare`, `encode`, `decode`, `condition`, `remember`, `recall`."""

    is_small = True
    conditioning_in_attention = 2
    """As in training (`workers.training.steps.clip_step`); the rest of the bank holds the frames tracked last."""

    def __init__(self, config: BundledConfig, **parts: Any) -> None:
        super().__init__(**parts)
        self.config = config
        self.logit_side = config.image_size // 2
        self.recent_kept = max(0, config.memory_frames - self.conditioning_in_attention)
        hidden, half = config.hidden_dim, config.stem_dim
        decoder = self.sam_mask_decoder
        # The stock upscaling and its skip convolutions end at stride 4; ours replaces them.
        del decoder.output_upscaling, decoder.conv_s0, decoder.conv_s1, decoder.output_hypernetworks_mlps
        del self.sam_prompt_encoder.mask_downscaling
        self.stem = nn.Sequential(nn.Conv2d(3, half, 5, 2, 2), nn.GELU(), ResidualBlock(half))
        self.stem_quarter = nn.Sequential(nn.Conv2d(half, 32, 3, 2, 1), nn.GELU(), ResidualBlock(32))
        self.lateral_quarter = nn.Conv2d(hidden, 32, 1)
        self.lateral_eighth = nn.Conv2d(hidden, 48, 1)
        self.prompt_pyramid = PromptPyramid(half, 32, 48, hidden)
        self.detail = DetailDecoder(hidden, half)
        candidates = decoder.num_mask_tokens
        self.hypernetwork = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, half + 1)) for _ in range(candidates)
        )

    def prepare(self, frames: NDArray[np.uint8], modality: str) -> Tensor:
        """Bring frames to the form that the model was trained on.

        Parameters
        ----------
        frames : ndarray of uint8, shape (N, H, W) or (N, H, W, 3)
        modality : str
            DICOM code.

        Returns
        -------
        Tensor of float32, shape (N, 3, S, S)
            On the model's device; zero at mid-grey, about -2 to 2. The picture fills the square; its aspect ratio is
            not kept, prompts and masks are scaled the same way.
        """
        images = square_frames(frames, self.image_size, self.device)
        if self.config.even_field and modality in PROJECTIONS:
            images = even_field(images)
        return (images.expand(-1, 3, -1, -1) - 127.5) / 64.0

    def encode(self, images: Tensor) -> Features:
        """Encode preprocessed images.

        Parameters
        ----------
        images : Tensor (N, 3, S, S)
            From `prepare`.

        Returns
        -------
        Features
        """
        half = self.stem(images)
        pyramid = self.image_encoder(images)["backbone_fpn"]
        quarter = self.stem_quarter(half) + self.lateral_quarter(pyramid[0])
        return Features(pyramid[2], (self.lateral_eighth(pyramid[1]), quarter, half))

    def prompt_maps(self, points: Tensor, labels: Tensor, previous: Tensor | None, *, other_frame: bool) -> Tensor:
        """Rasterise prompts at stride 2.

        Parameters
        ----------
        points : Tensor (B, P, 2)
            (x, y) in model pixels, upper left corner of the image at (0, 0).
        labels : Tensor (B, P)
            1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding.
        previous : Tensor (B, 1, S/2, S/2) or None
            Mask logits that stand on this frame, or come from the neighbouring one.
        other_frame : bool
            Whether `previous` comes from the neighbouring frame.

        Returns
        -------
        Tensor (B, 7, S/2, S/2)
            Clicks near and wide for each sign, box, previous mask of this frame, previous mask of the other one.
        """
        batch, size = len(points), self.image_size // 2
        axis = torch.arange(size, device=points.device, dtype=torch.float32) + 0.5
        maps = torch.zeros(batch, PROMPT_CHANNELS, size, size, device=points.device)
        place = points.float() / 2
        distance = (axis[None, None, None, :] - place[:, :, 0, None, None]) ** 2 + (
            axis[None, None, :, None] - place[:, :, 1, None, None]
        ) ** 2
        for channel, sign in ((0, POSITIVE), (2, NEGATIVE)):
            chosen = (labels == sign).float()[:, :, None, None]
            if chosen.any():
                maps[:, channel] = (torch.exp(-distance / (2 * 1.5**2)) * chosen).amax(1)
                maps[:, channel + 1] = (torch.exp(-distance / (2 * 10.0**2)) * chosen).amax(1)
        for row, corner in (labels == BOX_START).nonzero().tolist():
            (x0, y0), (x1, y1) = place[row, corner], place[row, corner + 1]
            inside = ((axis > x0) & (axis < x1))[None, :] & ((axis > y0) & (axis < y1))[:, None]
            maps[row, 4] = inside.float() * 2 - 1
        if previous is not None:
            maps[:, 6 if other_frame else 5] = torch.tanh(previous[:, 0].float() / 3)
        return maps

    def decode(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        *,
        previous: Tensor | None = None,
        other_frame: bool = False,
        recalled: Tensor | None = None,
    ) -> Decoded:
        """Answer prompts on encoded frames, one prompt set for each row of the features.

        Parameters
        ----------
        features : Features
            B rows.
        points, labels, previous, other_frame
            See `prompt_maps`; a tracked frame has only padding points.
        recalled : Tensor (B, hidden, S/16, S/16), optional
            Features fused with the memory by `recall`; without it the frame stands alone.
        """
        deep = features.deep + self.no_mem_embed.view(1, -1, 1, 1) if recalled is None else recalled
        maps = self.prompt_maps(points, labels, previous, other_frame=other_frame)
        half, quarter, eighth, dense = self.prompt_pyramid(maps)
        # The stock point embedding adds half a pixel to integer coordinates; ours are corners already.
        sparse = self.sam_prompt_encoder._embed_points(points - 0.5, labels, pad=True)
        decoder = self.sam_mask_decoder
        fixed = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight], 0)
        tokens = torch.cat([fixed[None].expand(len(points), -1, -1), sparse], 1)
        position = self.sam_prompt_encoder.get_dense_pe().expand(len(points), -1, -1, -1)
        answers, mixed = decoder.transformer(deep + dense, position, tokens)
        mixed = mixed.transpose(1, 2).reshape(deep.shape)
        details = self.detail(mixed, features, (half, quarter, eighth))
        mask_tokens = answers[:, 1 : 1 + decoder.num_mask_tokens]
        weights = torch.stack([net(mask_tokens[:, k]) for k, net in enumerate(self.hypernetwork)], 1)
        logits = torch.einsum("bkc,bchw->bkhw", weights[..., :-1], details) + weights[..., -1, None, None]
        scores = decoder.iou_prediction_head(answers[:, 0])
        clicks = (labels != PADDING).sum(1)
        single = bool((clicks == 1).all()) and previous is None
        chosen = slice(1, None) if single else slice(0, 1)
        logits, scores, mask_tokens = logits[:, chosen], scores[:, chosen], mask_tokens[:, chosen]
        rows = torch.arange(len(points), device=points.device)
        pointer = self.obj_ptr_proj(mask_tokens[rows, most_certain(logits)])
        return Decoded(logits, scores, pointer)

    def condition(self, features: Features, masks: Sequence[NDArray[np.bool_]]) -> tuple[Tensor, Memory]:
        """Take masks as given on a frame.

        Parameters
        ----------
        features : Features
            B rows of one frame.
        masks : sequence of B ndarrays of bool (H, W)
            At the resolution of the cine.

        Returns
        -------
        logits : Tensor (B, 1, L, L)
            What stands for the masks.
        memory : Memory
            Of age 0.
        """
        device = features.deep.device
        logits = torch.cat([to_logits(mask, self.logit_side) for mask in masks]).to(device)
        points = torch.zeros(len(masks), 1, 2, device=device)
        nothing = torch.full((len(masks), 1), PADDING, dtype=torch.int64, device=device)
        pointer = self.decode(features, points, nothing, previous=logits).pointer
        return logits, self.remember(features, logits, pointer, 0)

    def remember(self, features: Features, logits: Tensor, pointer: Tensor, age: int) -> Memory:
        """Encode a frame and its mask (B, 1, S/2, S/2) into a memory."""
        mask = functional.interpolate(
            logits.float(), size=(self.image_size, self.image_size), mode="bilinear", align_corners=False
        )
        mask = torch.sigmoid(mask) * self.sigmoid_scale_for_mem_enc + self.sigmoid_bias_for_mem_enc
        encoded = self.memory_encoder(features.deep, mask, skip_mask_sigmoid=True)
        return Memory(encoded["vision_features"], pointer, age)

    def recall(self, features: Features, bank: Sequence[Memory]) -> Tensor:
        """Fuse the features of a frame with a bank of memories.

        Parameters
        ----------
        features : Features
            B rows.
        bank : sequence of Memory
            At least one; conditioning frames have age 0, tracked ones 1 (the last frame), 2, ...

        Returns
        -------
        Tensor (B, hidden, S/16, S/16)
        """
        batch, hidden, height, width = features.deep.shape
        position = self._positions(height, hidden, features.deep.device)
        place = self._positions(height, self.mem_dim, features.deep.device)
        tokens, places = [], []
        for memory in bank:
            tokens.append(memory.features.flatten(2).permute(2, 0, 1))
            places.append((place + self.maskmem_tpos_enc[memory.age]).expand(-1, batch, -1))
        pointers = torch.stack([memory.pointer for memory in bank])
        split = hidden // self.mem_dim
        pointers = pointers.reshape(len(bank), batch, split, self.mem_dim).permute(0, 2, 1, 3).flatten(0, 1)
        tokens.append(pointers)
        ages = torch.stack([self.maskmem_tpos_enc[memory.age][0] for memory in bank])
        places.append(ages.expand(-1, batch, -1).repeat_interleave(split, 0))
        fused = self.memory_attention(
            curr=[features.deep.flatten(2).permute(2, 0, 1)],
            curr_pos=[position.expand(-1, batch, -1)],
            memory=torch.cat(tokens),
            memory_pos=torch.cat(places),
            num_obj_ptr_tokens=len(pointers),
        )
        return fused.permute(1, 2, 0).reshape(batch, hidden, height, width)

    def _positions(self, side: int, channels: int, device: torch.device) -> Tensor:
        """Return the sine position encoding (side * side, 1, channels)."""
        return sine_positions(side, channels).to(device)


def build_bundled(config: BundledConfig | None = None) -> BundledSam2:
    """Build the bundled model with random weights.

    Parameters
    ----------
    config : BundledConfig, optional

    Returns
    -------
    BundledSam2
        In training mode, float32, on the CPU.
    """
    config = config or BundledConfig()
    hidden, memory, side = config.hidden_dim, config.memory_dim, config.image_size // 16
    width = config.embed_dim

    def sine(channels: int) -> PositionEmbeddingSine:
        return PositionEmbeddingSine(
            num_pos_feats=channels, normalize=True, scale=None, temperature=10000, warmup_cache=False
        )

    def attention(**extra: Any) -> RoPEAttention:
        return RoPEAttention(
            rope_theta=10000.0,
            feat_sizes=[side, side],
            embedding_dim=hidden,
            num_heads=1,
            downsample_rate=1,
            dropout=0.0,
            **extra,
        )

    encoder = ImageEncoder(
        scalp=1,
        trunk=Hiera(
            embed_dim=width,
            num_heads=1,
            stages=config.stages,
            global_att_blocks=config.global_blocks,
            window_pos_embed_bkg_spatial_size=(8, 8),
            window_spec=config.windows,
        ),
        neck=FpnNeck(
            position_encoding=sine(hidden),
            d_model=hidden,
            backbone_channel_list=[width * 8, width * 4, width * 2, width],
            fpn_top_down_levels=[2, 3],
            fpn_interp_model="nearest",
        ),
    )
    layer = MemoryAttentionLayer(
        activation="relu",
        dim_feedforward=4 * hidden,
        dropout=0.0,
        pos_enc_at_attn=False,
        self_attention=attention(),
        d_model=hidden,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        cross_attention=attention(rope_k_repeat=True, kv_in_dim=memory),
    )
    memory_encoder = MemoryEncoder(
        out_dim=memory,
        in_dim=hidden,
        position_encoding=sine(memory),
        mask_downsampler=MaskDownSampler(embed_dim=hidden, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(CXBlock(dim=hidden, layer_scale_init_value=0.1), num_layers=2),
    )
    return BundledSam2(
        config,
        image_encoder=encoder,
        memory_attention=MemoryAttention(d_model=hidden, pos_enc_at_input=True, layer=layer, num_layers=1),
        memory_encoder=memory_encoder,
        num_maskmem=config.memory_frames,
        image_size=config.image_size,
        sigmoid_scale_for_mem_enc=20.0,
        sigmoid_bias_for_mem_enc=-10.0,
        directly_add_no_mem_embed=True,
        use_high_res_features_in_sam=True,
        multimask_output_in_sam=True,
        iou_prediction_use_sigmoid=True,
        use_obj_ptrs_in_encoder=True,
        use_mlp_for_obj_ptr_proj=True,
        # The object score of stock SAM 2 blanks a mask below zero and so starves it of gradient; readers prompt
        # what they see, and an empty mask is an answer like any other.
        pred_obj_scores=False,
    )
