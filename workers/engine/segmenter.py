"""What every model offers, whatever its family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.engine.ahead import Encoders
from workers.engine.cine import CinePixels
from workers.engine.features import FeatureStore

Mask = NDArray[np.bool_]
LoadMask = Callable[[str], Mask]
Point = tuple[float, float, bool]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ModelSpec:
    """A model, and everything its features depend on.

    Attributes
    ----------
    digest : str
        SHA-256 of the checkpoint.
    family : str
    image_size : int
        Side of the square input in pixels.
    preprocess_id : str
    licence : str
    bytes : int
        Memory that the weights take.
    """

    digest: str
    family: str
    image_size: int
    preprocess_id: str
    licence: str
    bytes: int


class Prediction(NamedTuple):
    """The mask of one frame at the resolution of the cine, and the model's estimate of its IoU."""

    mask: Mask
    score: float


class FrameMask(NamedTuple):
    """One answer of a propagation."""

    frame_index: int
    label: str
    mask: Mask
    score: float


@dataclass(frozen=True)
class LabelTrack:
    """What is known of one label.

    Attributes
    ----------
    label : str
    conditioning : mapping
        Frame index -> digest of the mask that guides the propagation.
    keep : frozenset of int
        Frames never to answer.
    standing : mapping
        Frame index -> digest of the mask that the same model propagated to it before. Where the new masks do not differ
        from these for some frames in a row, the rest is taken to stand too and not answered again.
    """

    label: str
    conditioning: Mapping[int, str]
    keep: frozenset[int] = frozenset()
    standing: Mapping[int, str] = field(default_factory=dict)


class Session(Protocol):
    """A model on one cine. Every answer is a function of the arguments alone; what is kept only saves time."""

    def encode(self, frames: Sequence[int]) -> Iterator[None]:
        """Encode frames before they are asked for, in their order and while they find room; yields after each."""

    def predict(
        self,
        frame_index: int,
        *,
        points: Sequence[Point] = (),
        box: Box | None = None,
        previous_mask: Mask | None = None,
    ) -> Prediction:
        """Return the mask that prompts ask for on one frame.

        Parameters
        ----------
        frame_index : int
        points : sequence of (x, y, positive)
            Image pixels, (0, 0) the upper left corner of the image; the newest last.
        box : (x0, y0, x1, y1), optional
            Image pixels.
        previous_mask : ndarray of bool (H, W), optional
            The mask that the newest point corrects: it changes near that point, unless the model now answers something
            else altogether.

        Raises
        ------
        EngineError
            ``frame_out_of_range``, ``no_prompt``, ``too_many_points``, ``prompt_outside_image``, ``empty_box``,
            ``mask_size_mismatch``, ``cine_unreadable``.
        """

    def find(self, frame_index: int, text: str) -> Prediction:
        """Return one mask of all that a text names on one frame.

        Parameters
        ----------
        frame_index : int
        text : str
            Words, such as "left ventricle".

        Raises
        ------
        EngineError
            ``no_text_prompts``, ``text_too_long``, ``nothing_found``, ``frame_out_of_range``, ``cine_unreadable``.
        """

    def propagate(
        self,
        tracks: Sequence[LabelTrack],
        passes: Sequence[Sequence[int]],
        load_mask: LoadMask,
        *,
        cancel: Callable[[], bool] = lambda: False,
    ) -> Iterator[FrameMask | None]:
        """Yield the masks of the frames of passes, and None wherever other work may be done in between.

        Parameters
        ----------
        tracks : sequence of LabelTrack
        passes : sequence of sequence of int
            Frames in the order of propagation; each begins with a conditioning frame.
        load_mask : callable
            Gives the mask (H, W) of a digest; called when it is needed, perhaps again.
        cancel : callable
            Asked before each frame; True ends the iteration.

        Raises
        ------
        EngineError
            ``frame_out_of_range``, ``no_conditioning``, ``mask_size_mismatch``, ``cine_unreadable``.
        """


class Segmenter(Protocol):
    """A loaded model."""

    spec: ModelSpec

    def open(self, cine: CinePixels, *, features: FeatureStore, encoders: Encoders | None = None) -> Session:
        """Return a session on a cine; cheap. Encoders may encode ahead for it; they change no answer."""
