"""The stock predictor of the sam2 package, with the same parts, weights and frames as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from sam2 import sam2_video_predictor
from sam2.sam2_video_predictor import SAM2VideoPredictor
from torch import Tensor
from torch.nn import functional

from workers.engine.bundled import PADDING, BundledSam2
from workers.engine.masks import CERTAIN
from workers.engine.sam21 import StockSam2, build_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS, Sam21Config, sam21_parts
from workers.engine.tensors import Features, Memory
from workers.protocol.families import FAMILIES

Mask = NDArray[np.bool_]


class BundledPredictor(SAM2VideoPredictor):
    """The bundled model in the state machine of the stock predictor.

    Its prompts are maps, its decoder ends at stride 2 and it places memories otherwise, so that the stock steps cannot
    run it; these do, with what the predictor keeps of each frame.
    """

    def __init__(self, model: BundledSam2) -> None:
        torch.nn.Module.__init__(self)
        self.bundled, self.image_size = model, model.image_size
        self.fill_hole_area, self.non_overlap_masks = 0, False
        self.clear_non_cond_mem_around_input, self.add_all_frames_to_correct_as_cond = False, True

    def _get_image_feature(self, inference_state: dict[str, Any], frame_idx: int, batch_size: int) -> tuple[Any, ...]:
        image, seen = inference_state["cached_features"].get(frame_idx, (None, None))
        if seen is None:
            image = inference_state["images"][frame_idx].float().unsqueeze(0)
            seen = self.bundled.encode(image)
            inference_state["cached_features"] = {frame_idx: (image, seen)}
        return image, None, seen, None, None

    def track_step(
        self,
        frame_idx: int,
        is_init_cond_frame: bool,
        current_vision_feats: Features,
        mask_inputs: Tensor | None,
        output_dict: dict[str, dict[int, dict[str, Tensor]]],
        track_in_reverse: bool,
        **_: Any,
    ) -> dict[str, Any]:
        model, features = self.bundled, current_vision_feats
        nothing = torch.zeros(1, 1, 2), torch.full((1, 1), PADDING)
        if mask_inputs is not None:
            logits = (functional.adaptive_avg_pool2d(mask_inputs.float(), model.logit_side) * 2 - 1) * CERTAIN
            pointer = model.decode(features, *nothing, previous=logits).pointer
            memory = model.remember(features, logits, pointer, 0)
        else:
            given, tracked = output_dict["cond_frame_outputs"], output_dict["non_cond_frame_outputs"]
            step = -1 if track_in_reverse else 1
            near = sorted(given, key=lambda frame: abs(frame - frame_idx))[: model.conditioning_in_attention]
            bank = [kept(given[frame], 0) for frame in near]
            behind = [(age, frame_idx - step * age) for age in range(model.recent_kept, 0, -1)]
            bank += [kept(tracked[frame], age) for age, frame in behind if frame in tracked]
            before = frame_idx - step
            previous = (given.get(before) or tracked[before])["pred_masks"]
            recalled = model.recall(features, bank)
            decoded = model.decode(features, *nothing, previous=previous, other_frame=True, recalled=recalled)
            logits, pointer = decoded.best()[0], decoded.pointer
            memory = model.remember(features, logits, pointer, 1)
        return {
            "pred_masks": logits,
            "obj_ptr": pointer,
            "maskmem_features": memory.features,
            "maskmem_pos_enc": None,
            "object_score_logits": torch.ones(1, 1),
        }


def kept(output: dict[str, Tensor], age: int) -> Memory:
    """Return the memory of what the predictor has kept of a frame."""
    return Memory(output["maskmem_features"].float(), output["obj_ptr"], age)


class Reference:
    """`SAM2VideoPredictor` on one cine.

    Parameters
    ----------
    predictor : SAM2VideoPredictor
    images : Tensor (T, 3, S, S)
        Prepared frames.
    rows, columns : int
        Of the cine.

    Notes
    -----
    ``add_all_frames_to_correct_as_cond`` is on, hole filling (a CUDA extension) and non-overlap are off, as said in
    `workers.engine.sam21_configs.sam21_parts`. The only thing replaced is the reading of a video from a folder.
    """

    def __init__(self, predictor: SAM2VideoPredictor, images: Tensor, rows: int, columns: int) -> None:
        self.predictor = predictor
        read = mock.patch.object(sam2_video_predictor, "load_video_frames", return_value=(images, rows, columns))
        with read:
            self.state: dict[str, Any] = self.predictor.init_state("not read")

    @classmethod
    def stock(cls, config: Sam21Config, model: StockSam2, frames: NDArray[np.uint8], modality: str) -> Reference:
        """Return the reference of SAM 2.1; the model's weights are shared, and its `prepare` makes the frames."""
        predictor = SAM2VideoPredictor(add_all_frames_to_correct_as_cond=True, **sam21_parts(config)).eval()
        predictor.load_state_dict(model.state_dict(), assign=True)
        return cls(predictor, prepared(model, frames, modality), *frames.shape[1:3])

    @classmethod
    def bundled(cls, model: BundledSam2, frames: NDArray[np.uint8], modality: str) -> Reference:
        """Return the reference of the bundled model."""
        return cls(BundledPredictor(model), prepared(model, frames, modality), *frames.shape[1:3])

    def predict(
        self,
        frame_index: int,
        points: Sequence[tuple[float, float, bool]] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> Tensor:
        """Return the logits (H, W) that prompts in image pixels ask for on a frame on which nothing stands yet."""
        self.predictor.reset_state(self.state)
        given: dict[str, Any] = {}
        if points:
            given = {"points": [point[:2] for point in points], "labels": [int(point[2]) for point in points]}
        _, _, logits = self.predictor.add_new_points_or_box(
            self.state, frame_idx=frame_index, obj_id=1, box=None if box is None else np.array(box), **given
        )
        return logits[0, 0]

    def condition(self, label: int, masks: Mapping[int, Mask]) -> None:
        """Give the masks (H, W) of a label on some frames; `start_again` forgets them."""
        for frame_index, mask in masks.items():
            self.predictor.add_new_mask(self.state, frame_idx=frame_index, obj_id=label, mask=torch.from_numpy(mask))

    def start_again(self) -> None:
        """Forget all masks and prompts; the features of one frame stay, as in the stock predictor."""
        self.predictor.reset_state(self.state)

    def propagate(self, start: int, count: int, *, reverse: bool = False) -> Iterator[tuple[int, Tensor]]:
        """Yield each frame and its logits (labels, H, W): `start`, then `count` frames after or before it."""
        with mock.patch.object(sam2_video_predictor, "tqdm", lambda frames, **_: frames):
            for frame_index, _, logits in self.predictor.propagate_in_video(
                self.state, start_frame_idx=start, max_frame_num_to_track=count, reverse=reverse
            ):
                yield frame_index, logits[:, 0]


def prepared(model: StockSam2 | BundledSam2, frames: NDArray[np.uint8], modality: str) -> Tensor:
    """Return frames (T, H, W) or (T, H, W, 3) as a model takes them, (T, 3, S, S)."""
    return torch.cat([model.prepare(frame[None], modality) for frame in frames])


def random_medsam2(folder: Path) -> tuple[StockSam2, Path]:
    """Return SAM 2.1 tiny at 512 pixels with random weights, and the file they were written to."""
    torch.manual_seed(1)
    model = build_sam21(SAM21_CONFIGS["medsam2"], preprocess_id=FAMILIES["medsam2"].preprocess_id)
    path = folder / "random.pt"
    torch.save({"model": model.state_dict()}, path)
    return model, path
