"""SAM 2.1 and MedSAM2: what the stock video predictor of the sam2 package computes, one plain entry point a step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sam2.modeling.sam2_base import NO_OBJ_SCORE, SAM2Base
from sam2.modeling.sam2_utils import get_1d_sine_pe
from torch import Tensor

from workers.engine.bundled import PADDING
from workers.engine.checkpoints import CheckpointError, check_state, file_digest, metadata_of
from workers.engine.sam21_configs import FAST, SAM21_CONFIGS, Sam21Config, sam21_parts
from workers.engine.segmenter import Mask, ModelSpec
from workers.engine.session import Sam2Segmenter
from workers.engine.squares import resized, rows_first, square_frames, square_mask
from workers.engine.tensors import Decoded, Features, Memory
from workers.engine.weights import ShapesOnly, read_weights
from workers.protocol.families import FAMILIES, Precision

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SURE = 32.0
"""Logits of a mask that is shown to the model again are cut here, as the stock predictor does."""


class StockSam2(SAM2Base):
    """SAM 2.1 behind the entry points of `workers.engine.session.Sam2Model`.

    Parameters
    ----------
    preprocess_id : {"sam2-imagenet-v1", "medsam2-512-v1"}
        How frames become the model's input; `prepare` says more.
    precision : {"float32", "mixed", "bfloat16"}
        ``mixed`` takes bfloat16 factors where the memory attention looks at the memories, and in all of it on an
        accelerator; ``bfloat16`` computes the memory attention and the encoder in it, the two costly parts. What they
        return is float32. Only processors with bfloat16 instructions gain from it.
    **parts
        From `workers.engine.sam21_configs.sam21_parts`.

    Notes
    -----
    Equal to ``sam2.sam2_video_predictor.SAM2VideoPredictor`` with ``add_all_frames_to_correct_as_cond``: prompts as in
    its ``add_new_points_or_box``, given masks as in ``add_new_mask``, tracked frames as in ``propagate_in_video``.
    """

    conditioning_in_attention = 4
    is_small = False

    def __init__(self, *, preprocess_id: str, precision: Precision = "float32", **parts: Any) -> None:
        super().__init__(**parts)
        self.preprocess_id, self.precision = preprocess_id, precision
        self.logit_side = self.image_size // 4
        self.recent_kept = self.max_obj_ptrs_in_encoder - 1
        for layer in self.memory_attention.layers:
            layer.cross_attn_image.is_rough = precision != "float32"

    def train(self, mode: bool = True) -> StockSam2:
        """Begin or end training, in which a mask counts also where no object is seen."""
        # The heads blank a mask without an object, through which no gradient would flow. The mask decoder estimates
        # the object score all the same, so it goes on to learn.
        self.pred_obj_scores = not mode
        super().train(mode)
        return self

    def prepare(self, frames: NDArray[np.uint8], modality: str) -> Tensor:
        """Bring frames to the form that the model was trained on.

        Parameters
        ----------
        frames : ndarray of uint8, shape (N, H, W) or (N, H, W, 3)
        modality : str
            DICOM code; all are seen alike.

        Returns
        -------
        Tensor of float32, shape (N, 3, S, S)
            On the model's device. The picture fills the square; its aspect ratio is not kept.

        Notes
        -----
        ``sam2-imagenet-v1`` resizes by antialiased bilinear interpolation. ``medsam2-512-v1`` resizes as MedSAM2's
        inference scripts do, bicubic in Pillow with an 8-bit result. Both then divide by 255 and take the mean and
        standard deviation of ImageNet.
        """
        size = self.image_size
        if self.preprocess_id == "medsam2-512-v1":
            frames = resize_bicubic(frames, size)
        images = square_frames(frames, size, self.device)
        mean, std = (images.new_tensor(values)[:, None, None] for values in (MEAN, STD))
        return (images / 255 - mean) / std

    def encode(self, images: Tensor) -> Features:
        """Encode preprocessed images (N, 3, S, S) from `prepare`."""
        with self._bfloat16(images.device, self.precision == "bfloat16"):
            quarter, eighth, deep = self.forward_image(images)["backbone_fpn"]
        return Features(deep.float(), (eighth.float(), quarter.float()))

    def _bfloat16(self, device: torch.device, enabled: bool) -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.bfloat16, enabled=enabled)

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
        points : Tensor (B, P, 2)
            (x, y) in model pixels.
        labels : Tensor (B, P)
            1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding; as much padding in each row.
        previous : Tensor (B, 1, S/4, S/4), optional
            Mask logits that stand on this frame.
        other_frame : bool
            Whether `previous` comes from the neighbouring frame: SAM 2 then does not look at it.
        recalled : Tensor (B, hidden, S/16, S/16), optional
            Features fused with the memory by `recall`; without it the frame stands alone.

        Returns
        -------
        Decoded
            One candidate. Of the three of a lone click and of a tracked frame it is that of the highest estimated
            IoU, for which the official weights were trained. In training all three, and the object score.
        """
        deep = features.deep + self.no_mem_embed.view(1, -1, 1, 1) if recalled is None else recalled
        prompts = int((labels != PADDING).sum(1).max())
        shown = None if previous is None or other_frame else previous.clamp(-SURE, SURE)
        candidates, _, scores, logits, _, pointer, presence = self._forward_sam_heads(
            backbone_features=deep,
            point_inputs={"point_coords": points, "point_labels": labels},
            mask_inputs=shown,
            high_res_features=list(features.details[::-1]),
            multimask_output=self.multimask_min_pt_num <= prompts <= self.multimask_max_pt_num,
        )
        if self.training:
            return Decoded(candidates, scores, pointer, presence)
        return Decoded(logits, scores.amax(1, keepdim=True), pointer)

    def condition(self, features: Features, masks: Sequence[Mask]) -> tuple[Tensor, Memory]:
        """Take masks as given on a frame.

        Parameters
        ----------
        features : Features
            B rows of one frame.
        masks : sequence of B ndarrays of bool (H, W)
            At the resolution of the cine.

        Returns
        -------
        logits : Tensor (B, 1, S/4, S/4)
            What stands for the masks.
        memory : Memory
            Of age 0.
        """
        given = torch.cat([square_mask(mask, self.image_size, self.device) for mask in masks])
        _, _, _, logits, _, pointer, presence = self._use_mask_as_output(
            features.deep, list(features.details[::-1]), given
        )
        return logits, self._memory(features, logits, pointer, presence, age=0)

    def remember(self, features: Features, logits: Tensor, pointer: Tensor, age: int) -> Memory:
        """Encode a tracked frame and its mask (B, 1, S/4, S/4) into a memory."""
        # The heads blank a mask altogether where they see no object.
        presence = (logits > NO_OBJ_SCORE).flatten(1).any(1, keepdim=True).float()
        return self._memory(features, logits, pointer, presence, age=age)

    def _memory(self, features: Features, logits: Tensor, pointer: Tensor, presence: Tensor, *, age: int) -> Memory:
        """Encode a frame; `presence` (B, 1) is positive where there is an object. Kept in bfloat16 as stock does."""
        large = resized(logits.float(), self.image_size, antialias=False)
        encoded, _ = self._encode_new_memory(
            current_vision_feats=[rows_first(features.deep)],
            feat_sizes=[features.deep.shape[-2:]],
            pred_masks_high_res=large,
            object_score_logits=presence,
            is_mask_from_pts=age == 0,
        )
        return Memory(encoded.to(torch.bfloat16), pointer, age)

    def recall(self, features: Features, bank: Sequence[Memory]) -> Tensor:
        """Fuse the features of a frame with a bank of memories.

        Parameters
        ----------
        features : Features
            B rows.
        bank : sequence of Memory
            At least one conditioning frame (age 0), and frames tracked before (age 1 for the last one, ...). Masks
            are attended to of the last `num_maskmem` - 1 tracked frames, pointers of all.

        Returns
        -------
        Tensor (B, hidden, S/16, S/16)
        """
        deep = features.deep
        near = [memory for memory in bank if memory.age < self.num_maskmem]
        place = rows_first(self.memory_encoder.position_encoding(near[0].features[:1]))
        # The last row belongs to conditioning frames, the first to the last tracked frame.
        places = [place + self.maskmem_tpos_enc[memory.age - 1] for memory in near]
        pointers, distances = self._pointers(bank)
        # On a processor the rest of the attention takes a third as long as this part and loses far more by it.
        is_whole = self.precision == "bfloat16" or (self.precision == "mixed" and deep.device.type != "cpu")
        with self._bfloat16(deep.device, is_whole):
            fused = self.memory_attention(
                curr=[rows_first(deep)],
                curr_pos=[rows_first(self.image_encoder.neck.position_encoding(deep))],
                memory=torch.cat([*(rows_first(memory.features).float() for memory in near), pointers]),
                memory_pos=torch.cat([*places, distances]).expand(-1, len(deep), -1),
                num_obj_ptr_tokens=len(pointers),
            )
        return fused.float().permute(1, 2, 0).reshape(deep.shape)

    def _pointers(self, bank: Sequence[Memory]) -> tuple[Tensor, Tensor]:
        """Return the pointers of a bank, cut into tokens (K, B, memory), and their places in time (K, 1, memory).

        Conditioning frames that still lie ahead lend their mask, not their pointer.
        """
        past = [memory for memory in bank if memory.distance > 0]
        split = self.hidden_dim // self.mem_dim
        pointers = torch.stack([memory.pointer for memory in past])
        tokens = pointers.reshape(len(past), -1, split, self.mem_dim).permute(0, 2, 1, 3).flatten(0, 1)
        furthest = min(past[0].frame_count, self.max_obj_ptrs_in_encoder) - 1
        distances = torch.tensor([memory.distance for memory in past], device=pointers.device) / furthest
        places = self.obj_ptr_tpos_proj(get_1d_sine_pe(distances, dim=self.hidden_dim))
        return tokens, places[:, None].repeat_interleave(split, 0)


def resize_bicubic(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return frames (N, H, W) or (N, H, W, 3) resized to a square by Pillow's bicubic filter."""
    resized = [Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC) for frame in frames]
    return np.stack([np.asarray(image) for image in resized])


def build_sam21(config: Sam21Config, *, preprocess_id: str, precision: Precision = "float32") -> StockSam2:
    """Build a model of the family with random weights, in evaluation mode."""
    model: StockSam2 = StockSam2(preprocess_id=preprocess_id, precision=precision, **sam21_parts(config, FAST)).eval()
    return model


def read_sam21(
    family: str, path: Path, *, image_size: int | None = None, precision: Precision = "float32"
) -> tuple[StockSam2, dict[str, Tensor], ModelSpec]:
    """Read a checkpoint and check it against the family, without memory for a second copy of the weights.

    Parameters
    ----------
    family : str
        A key of `SAM21_CONFIGS`.
    path : Path
        An official ``.pt`` file, or safetensors with the same keys.
    image_size : int, optional
        Another side than the family's, a multiple of 32: on a CPU, 512 pixels cost an eighth of 1024 a tracked frame.
    precision : {"float32", "mixed", "bfloat16"}
        See `StockSam2`.

    Returns
    -------
    model : StockSam2
        Its weights are shapes only.
    state : dict of str to Tensor
        The weights, perhaps mapped from the file.
    spec : ModelSpec

    Raises
    ------
    CheckpointError
        ``checkpoint_missing``, ``checkpoint_unsafe``, ``checkpoint_unreadable``, ``checkpoint_mismatch``.
    """
    about, config = FAMILIES[family], SAM21_CONFIGS[family]
    config = replace(config, image_size=image_size or config.image_size)
    state, header = read_weights(path), metadata_of(path)
    with ShapesOnly():
        model = build_sam21(config, preprocess_id=about.preprocess_id, precision=precision)
    check_state(model.state_dict(), state, path.name)
    # Weights of MedSAM2 and of the tiny model look alike.
    if header.get("family", family) != family:
        message = f"The file {path.name} holds a model of the family {header['family']!r}, not {family!r}."
        raise CheckpointError(message, code="checkpoint_mismatch")
    # Features of another size or of a coarser encoder are other features.
    unusual = [str(image_size)] * (config.image_size != about.image_size) + [precision] * (precision == "bfloat16")
    weight_bytes = 4 * sum(value.nelement() for value in state.values())
    spec = ModelSpec(
        file_digest(path),
        family,
        config.image_size,
        "/".join([about.preprocess_id, *unusual]),
        header.get("licence", about.licence),
        weight_bytes,
    )
    return model, state, spec


def load_sam21(
    family: str,
    path: Path,
    device: torch.device,
    *,
    image_size: int | None = None,
    precision: Precision = "float32",
) -> Sam2Segmenter:
    """Load a checkpoint of SAM 2.1 or MedSAM2 to a device; parameters and errors as of `read_sam21`."""
    model, state, spec = read_sam21(family, path, image_size=image_size, precision=precision)
    # Copies: weights must not change, nor end the process, when the file does.
    weights = {key: value.to(device, torch.float32, copy=True) for key, value in state.items()}
    model.load_state_dict(weights, assign=True)
    return Sam2Segmenter(model, spec, device)
