"""The stock predictor of the sam2 package, with the same parts, weights and frames as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from sam2 import sam2_video_predictor
from sam2.sam2_video_predictor import SAM2VideoPredictor
from torch import Tensor

from workers.engine.sam21 import StockSam2
from workers.engine.sam21_configs import Sam21Config, sam21_parts

Mask = NDArray[np.bool_]


class Reference:
    """`SAM2VideoPredictor` on one cine.

    Parameters
    ----------
    config : Sam21Config
    model : StockSam2
        Whose weights are shared, and whose `prepare` makes the frames.
    frames : ndarray of uint8, shape (T, H, W) or (T, H, W, 3)
    modality : str

    Notes
    -----
    ``add_all_frames_to_correct_as_cond`` is on, hole filling (a CUDA extension) and non-overlap are off, as said in
    `workers.engine.sam21_configs.sam21_parts`. The only thing replaced is the reading of a video from a folder.
    """

    def __init__(self, config: Sam21Config, model: StockSam2, frames: NDArray[np.uint8], modality: str) -> None:
        self.predictor = SAM2VideoPredictor(add_all_frames_to_correct_as_cond=True, **sam21_parts(config)).eval()
        self.predictor.load_state_dict(model.state_dict(), assign=True)
        self.rows, self.columns = frames.shape[1:3]
        images = torch.cat([model.prepare(frame[None], modality) for frame in frames])
        read = mock.patch.object(
            sam2_video_predictor, "load_video_frames", return_value=(images, self.rows, self.columns)
        )
        with read:
            self.state: dict[str, Any] = self.predictor.init_state("not read")

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
