"""Models of the stock shape with weights of our own, and what a session and the stock predictor say with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.benchmarks.reference import Reference
from workers.engine.cine import CinePixels
from workers.engine.features import FeatureStore
from workers.engine.sam21 import StockSam2, build_sam21
from workers.engine.sam21_configs import Sam21Config
from workers.engine.segmenter import LabelTrack, ModelSpec
from workers.engine.session import Sam2Segmenter, Sam2Session
from workers.engine.tensors import Decoded


def lively_model(config: Sam21Config, *, preprocess_id: str, seed: int = 3, shift: float = 2.4) -> StockSam2:
    """Return a model whose answers depend on all it is given: fresh weights keep memories and blanks too faint."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_sam21(config, preprocess_id=preprocess_id)
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name.endswith("gamma"):
                    value.fill_(0.5)
                elif name in ("maskmem_tpos_enc", "no_mem_embed", "no_obj_ptr", "no_obj_embed_spatial"):
                    value.normal_()
                elif name.startswith(("obj_ptr_proj", "obj_ptr_tpos_proj", "mask_downsample")) and value.ndim > 1:
                    value.mul_(4)
                elif "cross_attn_image" in name and value.ndim > 1:
                    value.mul_(2)
                elif name.startswith(("sam_mask_decoder.iou_pred", "sam_mask_decoder.pred_obj")) and value.ndim > 1:
                    value.mul_(3)
                elif name.startswith("sam_mask_decoder.output_hyper") and value.ndim > 1:
                    value.mul_(2)
            # On some frames an object is seen, on others none.
            model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.add_(shift)
    return model


def open_stock(model: StockSam2, cine: CinePixels) -> Sam2Session:
    """Return a session of a model on a cine."""
    spec = ModelSpec("digest", "sam2.1-tiny", model.image_size, model.preprocess_id, "licence", 0)
    return Sam2Segmenter(model, spec, torch.device("cpu")).open(cine, features=FeatureStore(1 << 28))


def exact_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions keep features as they are; the product rounds them to half precision."""
    monkeypatch.setattr(Tensor, "half", Tensor.float)


@dataclass
class Spy:
    """The logits (B, 1, L, L) of each frame that a session tracks with a model, in its order."""

    model: StockSam2
    monkeypatch: pytest.MonkeyPatch
    logits: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        decode = self.model.decode

        def watched(*arguments: Any, **named: Any) -> Decoded:
            decoded = decode(*arguments, **named)
            self.logits.append(decoded.best()[0])
            return decoded

        self.monkeypatch.setattr(self.model, "decode", watched)


def large(logits: Tensor, frames: np.ndarray) -> Tensor:
    """Return logits (B, 1, L, L) at the resolution of frames: (B, H, W)."""
    return functional.interpolate(logits, size=frames.shape[1:3], mode="bilinear", align_corners=False)[:, 0]


def tracked(
    session: Sam2Session,
    masks: Mapping[str, np.ndarray],
    conditioning: Sequence[Mapping[int, str]],
    frames: Sequence[int],
) -> dict[tuple[int, str], np.ndarray]:
    """Return the masks of a propagation by (frame, label); labels are called 0, 1, ..."""
    tracks = [LabelTrack(str(label), given, frozenset(given)) for label, given in enumerate(conditioning)]
    answers = session.propagate(tracks, [list(frames)], masks.__getitem__)
    return {(answer.frame_index, answer.label): answer.mask for answer in answers if answer is not None}


def stock_tracked(
    reference: Reference,
    masks: Mapping[str, np.ndarray],
    conditioning: Sequence[Mapping[int, str]],
    frames: Sequence[int],
) -> dict[int, Tensor]:
    """Return the logits (labels, H, W) of the same by the stock predictor, without the frame it starts from."""
    reference.start_again()
    for label, given in enumerate(conditioning):
        reference.condition(label, {frame: masks[digest] for frame, digest in given.items()})
    answers = reference.propagate(frames[0], len(frames) - 1, reverse=frames[-1] < frames[0])
    return {frame: logits for frame, logits in answers if frame != frames[0]}
