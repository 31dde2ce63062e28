"""SAM 3's tracker, through the model classes of transformers, behind the entry points of the SAM 2 family."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from torch import Tensor
from transformers.models.sam3_tracker_video.configuration_sam3_tracker_video import Sam3TrackerVideoConfig
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import NO_OBJ_SCORE, Sam3TrackerVideoModel

from workers.engine.bundled import PADDING
from workers.engine.checkpoints import CheckpointError, check_state, file_digest, read_safetensors
from workers.engine.sam3_text import DETECTOR, load_concepts, read_config
from workers.engine.segmenter import Mask, ModelSpec
from workers.engine.session import Sam2Segmenter
from workers.engine.squares import resized, rows_first, square_frames, square_mask
from workers.engine.tensors import Decoded, Features, Memory
from workers.engine.weights import ShapesOnly
from workers.protocol.families import FAMILIES
from workers.protocol.packages import CONFIG, TOKENIZER

FAMILY = "sam3"
MASK_SCALE, MASK_BIAS = 20.0, -10.0
"""A given mask stands for logits of 10 inside and -10 outside."""
PUBLISHED = (
    ("vision_encoder.backbone.", "detector_model.vision_encoder.backbone."),
    ("vision_encoder.neck.", "tracker_neck."),
    ("", "tracker_model."),
)
"""What keys of the tracker begin with, and what they begin with in facebook/sam3: it shares the detector's encoder."""
TWINS = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)
"""One matrix under two names; older files hold only one of them."""


class Sam3(Sam3TrackerVideoModel):
    """The tracker with the entry points of `workers.engine.session.Sam2Model`.

    Notes
    -----
    Equal to ``Sam3TrackerVideoModel`` with a ``Sam3TrackerVideoInferenceSession`` of float32: prompts as on a first
    frame, given masks as by ``process_new_mask_for_video_frame``, tracked frames as in
    ``propagate_in_video_iterator``. Here several labels share a decoder pass, which its `forward` does not do.
    """

    is_small = False

    def __init__(self, config: Sam3TrackerVideoConfig) -> None:
        super().__init__(config)
        self.logit_side = int(self.prompt_encoder.mask_input_size[0])
        self.conditioning_in_attention = config.max_cond_frame_num
        self.recent_kept = max(config.num_maskmem, config.max_object_pointers_in_encoder) - 1

    @property
    def preprocess_id(self) -> str:
        """Name of what `prepare` does."""
        return f"sam3-{self.image_size}-v1"

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
            On the model's device, -1 to 1. The picture fills the square; its aspect ratio is not kept.

        Notes
        -----
        As ``Sam3ImageProcessor``: antialiased bilinear to 8 bits, then mean and standard deviation 0.5.
        """
        images = square_frames(frames, self.image_size, self.device).round().clamp(0, 255)
        return (images.expand(-1, 3, -1, -1) - 127.5) / 127.5

    def encode(self, images: Tensor) -> Features:
        """Encode preprocessed images (N, 3, S, S) from `prepare`."""
        encoder: Any = self.vision_encoder
        quarter, half, deep, _ = encoder(images, return_dict=True).fpn_hidden_states
        return Features(deep, (self.mask_decoder.conv_s1(half), self.mask_decoder.conv_s0(quarter)))

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
            (x, y) in model pixels, upper left corner of the image at (0, 0).
        labels : Tensor (B, P)
            1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding; as much padding in each row.
        previous : Tensor (B, 1, L, L), optional
            Mask logits that stand on this frame.
        other_frame : bool
            Whether `previous` comes from the neighbouring frame: SAM 3 then does not look at it.
        recalled : Tensor (B, hidden, S/14, S/14), optional
            Features fused with the memory by `recall`; without it the frame stands alone.

        Returns
        -------
        Decoded
            One candidate. Of the three of a lone click and of a tracked frame it is that of the highest estimated
            IoU, for which the published weights were trained. In training all three, and the object score.
        """
        deep = features.deep + self.no_memory_embedding.view(1, -1, 1, 1) if recalled is None else recalled
        prompts = int((labels != PADDING).sum(1).max())
        fewest, most = self.config.multimask_min_pt_num, self.config.multimask_max_pt_num
        is_ambiguous = self.config.multimask_output_in_sam and fewest <= prompts <= most
        shown = None if other_frame else previous
        return self._answer(deep, features.details, points, labels, shown, is_ambiguous=is_ambiguous)

    def _answer(
        self,
        deep: Tensor,
        details: tuple[Tensor, ...],
        points: Tensor,
        labels: Tensor,
        masks: Tensor | None,
        *,
        is_ambiguous: bool,
    ) -> Decoded:
        """Return the best of the candidates for prompts and, optionally, masks (B, 1, L, L) shown as logits.

        In training all candidates are returned, and none is blanked.
        """
        # Prompts are pixel centres to the model, which adds half a pixel; ours are corners already.
        sparse, dense = self.prompt_encoder(
            input_points=points[:, None] - 0.5, input_labels=labels[:, None], input_boxes=None, input_masks=masks
        )
        candidates, scores, tokens, presence = self.mask_decoder(
            image_embeddings=deep,
            image_positional_embeddings=self.get_image_wide_positional_embeddings().expand(len(deep), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=is_ambiguous,
            high_resolution_features=list(details[::-1]),
        )
        rows, best = torch.arange(len(deep), device=deep.device), scores[:, 0].argmax(1)
        pointer = self.object_pointer_proj(tokens[rows, 0, best])
        if self.training:
            return Decoded(candidates[:, 0], scores[:, 0], pointer, presence[:, 0])
        logits, score = candidates[rows, 0, best][:, None], scores[rows, 0, best][:, None]
        # Where no object is seen the mask is blanked, through which no gradient would flow.
        is_there = presence[:, 0] > 0
        logits = torch.where(is_there[..., None, None], logits, NO_OBJ_SCORE)
        pointer = torch.where(is_there, pointer, self.no_object_pointer)
        return Decoded(logits, score, pointer)

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
        logits : Tensor (B, 1, L, L)
            What stands for the masks.
        memory : Memory
            Of age 0.
        """
        given = torch.cat([square_mask(mask, self.image_size, self.device) for mask in masks])
        large = given * MASK_SCALE + MASK_BIAS
        presence = given.flatten(1).amax(1, keepdim=True)
        points = given.new_zeros(len(given), 1, 2)
        nothing = torch.full((len(given), 1), PADDING, dtype=torch.int64, device=given.device)
        shown = resized(self.mask_downsample(given), self.logit_side, antialias=True)
        answer = self._answer(features.deep, features.details, points, nothing, shown, is_ambiguous=True)
        pointer = torch.where(presence > 0, answer.pointer, self.no_object_pointer)
        logits = resized(large, self.logit_side, antialias=True)
        return logits, self._memory(features, large, pointer, presence, age=0)

    def remember(self, features: Features, logits: Tensor, pointer: Tensor, age: int) -> Memory:
        """Encode a frame and its mask (B, 1, L, L) into a memory."""
        # `decode` blanks a mask altogether where it sees no object.
        presence = (logits > NO_OBJ_SCORE).flatten(1).any(1, keepdim=True).float()
        large = resized(logits.float(), self.image_size, antialias=False)
        return self._memory(features, large, pointer, presence, age=age)

    def _memory(self, features: Features, large: Tensor, pointer: Tensor, presence: Tensor, *, age: int) -> Memory:
        """Encode a frame and its logits (B, 1, S, S); `presence` (B, 1) is positive where there is an object."""
        encoded, _ = self._encode_new_memory(
            current_vision_feats=rows_first(features.deep),
            pred_masks_high_res=large,
            object_score_logits=presence[..., None],
            is_mask_from_pts=age == 0,
        )
        return Memory(encoded.permute(1, 2, 0).unflatten(2, features.deep.shape[-2:]), pointer, age)

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
        Tensor (B, hidden, S/14, S/14)
        """
        deep = features.deep
        near = [memory for memory in bank if memory.age < self.num_maskmem]
        shape = near[0].features[:1].shape
        place = rows_first(self.memory_encoder.position_encoding(shape, deep.device, deep.dtype))
        # The last row belongs to conditioning frames, the first to the last tracked frame.
        places = [place + self.memory_temporal_positional_encoding[memory.age - 1] for memory in near]
        # Conditioning frames that still lie ahead lend their mask, not their pointer.
        past = [memory for memory in bank if memory.distance > 0]
        most = min(past[0].frame_count, self.config.max_object_pointers_in_encoder)
        distances, held = [memory.distance for memory in past], [memory.pointer for memory in past]
        pointers, times = self._process_object_pointers(distances, held, most, len(deep), deep.shape[1], deep.device)
        encoder: Any = self.vision_encoder
        position = encoder.neck.position_encoding(deep[:1].shape, deep.device, deep.dtype)
        fused = self.memory_attention(
            current_vision_features=rows_first(deep),
            current_vision_position_embeddings=rows_first(position),
            memory=torch.cat([*(rows_first(memory.features).float() for memory in near), pointers]),
            memory_posision_embeddings=torch.cat([*(one.expand(-1, len(deep), -1) for one in places), times]),
            num_object_pointer_tokens=len(pointers),
        )
        return fused[0].transpose(1, 2).reshape(deep.shape)


def published_key(key: str) -> str:
    """Return under which key facebook/sam3 holds a tensor of the tracker."""
    ours, theirs = next(pair for pair in PUBLISHED if key.startswith(pair[0]))
    return theirs + key.removeprefix(ours)


def load_sam3(path: Path, device: torch.device, *, beside: Mapping[str, Path] | None = None) -> Sam2Segmenter:
    """Load a checkpoint of SAM 3: the tracker in it, and the detector too where a tokenizer lies beside it.

    Parameters
    ----------
    path : Path
        A safetensors file in the layout of facebook/sam3, or with the keys of the tracker alone. Its metadata may hold
        a ``config`` (JSON) with sizes other than the published ones.
    device : torch.device
        There the weights become float32.
    beside : mapping of str to Path, optional
        ``tokenizer.json``, without which no texts can be asked for, and ``config.json``, as facebook/sam3 has them.

    Raises
    ------
    CheckpointError
        ``checkpoint_missing``, ``checkpoint_unreadable``, ``checkpoint_mismatch`` or ``tokenizer_unreadable``.
    """
    beside = beside or {}
    header, everything = read_safetensors(path)
    config = read_config(beside.get(CONFIG))
    model = _empty_model(header, config.get("tracker_config"), path.name)
    given = everything
    names = _names_in_file(list(model.state_dict()), given)
    wanted = {names[key]: value for key, value in model.state_dict().items()}
    # Not the detector and its text encoder, of which the tracker needs nothing.
    given = {key: value for key, value in given.items() if key in wanted or not key.startswith(DETECTOR)}
    check_state(wanted, given, path.name)
    # Copies: weights must not change, nor end the process, when the file does.
    state = {key: given[names[key]].to(device, torch.float32, copy=True) for key in model.state_dict()}
    model.load_state_dict(state, assign=True)
    model.to(device).eval()  # type: ignore[arg-type]
    size = sum(value.element_size() * value.nelement() for value in state.values())
    concepts = None
    if TOKENIZER in beside:
        encoder: Any = model.vision_encoder
        sizes = config.get("detector_config") or {}
        concepts = load_concepts(everything, sizes, beside[TOKENIZER], encoder.backbone, device, path.name)
        size += concepts.own_bytes
    del given, everything
    licence = header.get("licence", FAMILIES[FAMILY].licence)
    spec = ModelSpec(file_digest(path), FAMILY, model.image_size, model.preprocess_id, licence, size)
    return Sam2Segmenter(model, spec, device, concepts)


def _empty_model(header: dict[str, str], sizes: dict[str, Any] | None, name: str) -> Sam3:
    """Return a model whose weights are shapes only; its sizes stand in the file or beside it."""
    try:
        config = Sam3TrackerVideoConfig(**(sizes or _given_config(header)))
        with ShapesOnly():
            return Sam3(config)
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        message = f"The config in {name} does not describe a SAM 3 tracker."
        raise CheckpointError(message, code="checkpoint_mismatch") from error


def _given_config(header: dict[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(header.get("config", "{}"))
    return config


def _names_in_file(keys: list[str], given: dict[str, Tensor]) -> dict[str, str]:
    """Return what each key of the model is called in a file."""
    is_published = any(key.startswith(theirs) for key in given for _, theirs in PUBLISHED)
    names = {key: published_key(key) if is_published else key for key in keys}
    first, second = TWINS
    if names[first] not in given:
        names[first] = names[second]
    elif names[second] not in given:
        names[second] = names[first]
    return names
