"""A model of the SAM 2 family on one cine: prompts on a frame, and propagation with a bounded memory."""

from __future__ import annotations

import contextlib
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.engine.ahead import Ahead, Encoders, computing_with, in_steps_with, threads
from workers.engine.bundled import (
    BOX_END,
    BOX_START,
    NEGATIVE,
    PADDING,
    POSITIVE,
)
from workers.engine.cine import CinePixels
from workers.engine.concepts import Concepts
from workers.engine.errors import EngineError
from workers.engine.features import FeatureKey, FeatureStore
from workers.engine.masks import to_logits, to_mask
from workers.engine.plan import Run, nearest_conditioning, plan_runs
from workers.engine.refine import keep_local
from workers.engine.segmenter import Box, FrameMask, LabelTrack, LoadMask, Mask, ModelSpec, Point, Prediction
from workers.engine.tensors import Decoded, Features, Memory

MAX_POINTS = 512
CONDITIONING_KEPT = 4
SETTLED_FRAMES, SETTLED_IOU = 3, 0.995
"""A propagation ends where so many frames in a row came out as they stood."""
HALF_LIMIT = 65_504.0
NO_MEMORY = "The worker has too little memory for this model on frames of this size."


class Sam2Model(Protocol):
    """The entry points that a model of the family offers (`workers.engine.bundled.BundledSam2` says what they take).

    Attributes
    ----------
    image_size : int
        Side S of the square input in pixels.
    logit_side : int
        Side L of mask logits.
    conditioning_in_attention : int
        Most conditioning frames in a memory bank.
    recent_kept : int
        Most tracked frames in a memory bank.
    is_small : bool
        Whether the operations of one label are too small to gain from more threads.
    """

    image_size: int
    logit_side: int
    conditioning_in_attention: int
    recent_kept: int
    is_small: bool

    def prepare(self, frames: NDArray[np.uint8], modality: str) -> Tensor: ...

    def encode(self, images: Tensor) -> Features: ...

    def decode(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        *,
        previous: Tensor | None = None,
        other_frame: bool = False,
        recalled: Tensor | None = None,
    ) -> Decoded: ...

    def condition(self, features: Features, masks: Sequence[Mask]) -> tuple[Tensor, Memory]: ...

    def remember(self, features: Features, logits: Tensor, pointer: Tensor, age: int) -> Memory: ...

    def recall(self, features: Features, bank: Sequence[Memory]) -> Tensor: ...


class Sam2Segmenter:
    """A loaded model of the SAM 2 family."""

    def __init__(
        self, model: Sam2Model, spec: ModelSpec, device: torch.device, concepts: Concepts | None = None
    ) -> None:
        self.model, self.spec, self.device, self.concepts = model, spec, device, concepts

    def open(self, cine: CinePixels, *, features: FeatureStore, encoders: Encoders | None = None) -> Sam2Session:
        """Return a session on a cine."""
        # An accelerator runs one thing at a time: encoding ahead would only stand in the way of the tracker.
        return Sam2Session(self, cine, features, encoders if self.device.type == "cpu" else None)


class Sam2Session:
    """See `workers.engine.segmenter.Session`."""

    def __init__(
        self, segmenter: Sam2Segmenter, cine: CinePixels, features: FeatureStore, encoders: Encoders | None
    ) -> None:
        self._model, self._spec, self._device = segmenter.model, segmenter.spec, segmenter.device
        self._concepts = segmenter.concepts
        self._cine, self._store, self._encoders = cine, features, encoders

    def encode(self, frames: Sequence[int]) -> Iterator[None]:
        """Encode frames before they are asked for (`workers.engine.segmenter.Session.encode`)."""
        room = 1
        with contextlib.closing(self._new_ahead()) as ahead:
            for place, frame_index in enumerate(frames):
                if self._key(frame_index) in self._store:
                    continue
                near = frames[place : place + room]
                ahead.expect([frame for frame in near if self._key(frame) not in self._store])
                ahead.get(frame_index)
                room = self._store.room_for(self._cine.digest)
                yield
                if not room:
                    return

    def _new_ahead(self) -> Ahead:
        return Ahead(self._features, self._encoders)

    def _key(self, frame_index: int) -> FeatureKey:
        spec, cine = self._spec, self._cine
        return FeatureKey(cine.digest, spec.digest, spec.preprocess_id, cine.window, cine.modality, frame_index)

    @torch.no_grad()
    def _features(self, frame_index: int) -> Features:
        """Return the features of a frame (one row)."""
        key = self._key(frame_index)
        return Features.from_tensors(self._encoded(key, lambda images: self._model.encode(images).tensors()))

    def _encoded(self, key: FeatureKey, encode: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Return what an encoder makes of a frame, rounded to half precision whether it was kept or not."""
        kept = self._store.get(key)
        if kept is None:
            with computing_with(threads().encode):
                found = encode(self._model.prepare(self._cine.frame(key.frame_index)[None], self._cine.modality))
            kept = tuple(tensor.clamp(-HALF_LIMIT, HALF_LIMIT).half().contiguous() for tensor in found)
            self._store.put(key, kept)
        return tuple(tensor.float() for tensor in kept)

    @torch.no_grad()
    def predict(
        self,
        frame_index: int,
        *,
        points: Sequence[Point] = (),
        box: Box | None = None,
        previous_mask: Mask | None = None,
    ) -> Prediction:
        """Return the mask that prompts ask for on one frame (`workers.engine.segmenter.Session.predict`)."""
        places, signs = self._prompts(points, box)
        if previous_mask is not None:
            self._check_mask(previous_mask)
        features = self._features(frame_index)
        previous = None if previous_mask is None else to_logits(previous_mask, self._model.logit_side).to(self._device)
        with computing_with(threads().cores):
            decoded = self._model.decode(features, places, signs, previous=previous)
        logits, score = decoded.best()
        mask = to_mask(logits, self._cine.rows, self._cine.columns)
        if previous_mask is not None and points:
            mask = keep_local(previous_mask, mask, points[-1])
        return Prediction(mask, _score(score[0]))

    @torch.no_grad()
    def find(self, frame_index: int, text: str) -> Prediction:
        """Return one mask of all that a text names on one frame (`workers.engine.segmenter.Session.find`)."""
        concepts = self._concepts
        if concepts is None:
            message = "The model of this reading takes no words; click on the structure or draw a box around it."
            raise EngineError(message, code="no_text_prompts")
        key = replace(self._key(frame_index), preprocess_id=f"{self._spec.preprocess_id}/words")
        (encoded,) = self._encoded(key, lambda images: (concepts.encode(images),))
        found = concepts.find(encoded, text)
        if not found:
            raise EngineError(f"The model finds no {text!r} on frame {frame_index + 1}.", code="nothing_found")
        # One by one: a large frame with many instances would not fit into memory.
        mask = np.zeros((self._cine.rows, self._cine.columns), bool)
        for instance in found:
            mask |= to_mask(instance.logits, self._cine.rows, self._cine.columns)
        return Prediction(mask, max(instance.score for instance in found))

    def _prompts(self, points: Sequence[Point], box: Box | None) -> tuple[Tensor, Tensor]:
        """Return checked prompts in model pixels: places (1, P, 2) and signs (1, P), the corners of a box first."""
        if not points and box is None:
            raise EngineError("A prediction needs at least one point or a box.", code="no_prompt")
        if len(points) > MAX_POINTS:
            message = f"{len(points)} points stand on this frame; at most {MAX_POINTS} can be used."
            raise EngineError(message, code="too_many_points")
        places, signs = [], []
        if box is not None:
            x0, y0, x1, y1 = box
            if not (x0 < x1 and y0 < y1):
                raise EngineError("The box has no area.", code="empty_box")
            places, signs = [(x0, y0), (x1, y1)], [BOX_START, BOX_END]
        for x, y, is_positive in points:
            places.append((x, y))
            signs.append(POSITIVE if is_positive else NEGATIVE)
        columns, rows = self._cine.columns, self._cine.rows
        for x, y in places:
            if not (0 <= x <= columns and 0 <= y <= rows):
                message = f"The prompt ({x:g}, {y:g}) lies outside the image of {columns} x {rows} pixels."
                raise EngineError(message, code="prompt_outside_image")
        scale = np.array([self._model.image_size / columns, self._model.image_size / rows])
        scaled = torch.from_numpy((np.array(places, np.float64) * scale).astype(np.float32))
        return scaled[None].to(self._device), torch.tensor([signs], device=self._device)

    def _check_mask(self, mask: Mask) -> None:
        if mask.shape != (self._cine.rows, self._cine.columns):
            wanted = f"{self._cine.columns} x {self._cine.rows}"
            message = f"A mask is {mask.shape[-1]} x {mask.shape[0]} pixels, the image {wanted}."
            raise EngineError(message, code="mask_size_mismatch")

    def propagate(
        self,
        tracks: Sequence[LabelTrack],
        passes: Sequence[Sequence[int]],
        load_mask: LoadMask,
        *,
        cancel: Callable[[], bool] = lambda: False,
    ) -> Iterator[FrameMask | None]:
        """Yield the masks of passes (`workers.engine.segmenter.Session.propagate`).

        Notes
        -----
        Besides the features in the store, at most `CONDITIONING_KEPT` conditioning frames and the frames of one
        memory bank are held at any time, however long the cine is.
        """
        waiting = deque(plan_runs(tracks, passes, len(self._cine)))
        answered: set[tuple[str, int]] = set()

        def load(digest: str) -> Mask:
            mask = load_mask(digest)
            self._check_mask(mask)
            return mask

        with contextlib.closing(self._new_ahead()) as ahead:
            while waiting:
                run = waiting.popleft()
                try:
                    yield from self._follow(run, ahead, load, cancel, answered)
                    continue
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                # Labels do not depend on each other: half of them at a time give the same masks in less memory.
                ahead.close()
                self._store.clear()
                half = len(run.tracks) // 2
                if not half:
                    raise EngineError(NO_MEMORY, code="out_of_memory")
                waiting.extendleft([replace(run, tracks=run.tracks[half:]), replace(run, tracks=run.tracks[:half])])

    def _follow(
        self, run: Run, ahead: Ahead, load: LoadMask, cancel: Callable[[], bool], answered: set[tuple[str, int]]
    ) -> Iterator[FrameMask | None]:
        """Yield the masks of one run that have not been answered yet, and None between the parts of its frames."""
        tracker = _Tracker(self._model, run, ahead.get, load, self._device, len(self._cine))
        count = threads().following(len(run.tracks), self._model.is_small)
        settled = 0
        ahead.expect([run.start, *run.frames])
        for place, frame_index in enumerate(run.frames):
            if cancel():
                return
            logits, scores = yield from in_steps_with(count, tracker.step(frame_index))
            ahead.expect(run.frames[place + 1 :])
            is_settled, is_compared = True, False
            for row, track in enumerate(run.tracks):
                if frame_index in track.keep:
                    continue
                mask = to_mask(logits[row : row + 1], self._cine.rows, self._cine.columns)
                if (track.label, frame_index) not in answered:
                    answered.add((track.label, frame_index))
                    yield FrameMask(frame_index, track.label, mask, _score(scores[row]))
                stands = track.standing.get(frame_index)
                is_settled = is_settled and stands is not None and is_same(mask, load(stands))
                is_compared = True
            yield None
            # Frames that are only passed over say nothing about whether the rest would change.
            if is_compared:
                settled = settled + 1 if is_settled else 0
            if settled >= SETTLED_FRAMES and _all_stand(run.tracks, run.frames[place + 1 :]):
                return


class _Tracker:
    """Follow the labels of one run from frame to frame."""

    def __init__(
        self,
        model: Sam2Model,
        run: Run,
        features: Callable[[int], Features],
        load: Callable[[str], Mask],
        device: torch.device,
        frame_count: int,
    ) -> None:
        self._model, self._run, self._features, self._load = model, run, features, load
        self._frame_count = frame_count
        self._rows = len(run.tracks)
        points = torch.zeros(self._rows, 1, 2, device=device)
        self._nothing = points, torch.full((self._rows, 1), PADDING, dtype=torch.int64, device=device)
        self._recent: list[tuple[int, Memory]] = []
        self._conditioning: OrderedDict[int, tuple[Tensor, Memory]] = OrderedDict()
        self._previous: Tensor | None = None

    @torch.no_grad()
    def step(self, frame_index: int) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """Return the logits (labels, 1, side, side) and scores (labels,) of the next frame.

        Yields between its parts, so that a click of another reader need not wait for a whole frame.
        """
        run, model = self._run, self._model
        if self._previous is None:
            self._previous = self._conditioned(run.start)[0]
        # All labels of a run have the same conditioning frames.
        near = nearest_conditioning(run.tracks[0].conditioning, frame_index, run.start, model.conditioning_in_attention)
        known = [(frame, self._conditioned(frame)[1], 0) for frame in near]
        known += [(frame, memory, len(self._recent) - place) for place, (frame, memory) in enumerate(self._recent)]
        direction = 1 if frame_index > run.start else -1
        bank = [
            replace(memory, age=age, distance=direction * (frame_index - frame), frame_count=self._frame_count)
            for frame, memory, age in known
        ]
        features = self._rows_of(frame_index)
        yield
        recalled = model.recall(features, bank)
        yield
        decoded = model.decode(features, *self._nothing, previous=self._previous, other_frame=True, recalled=recalled)
        logits, scores = decoded.best()
        yield
        # The pointer belongs to the best candidate, and a tracked frame has only one.
        if model.recent_kept:
            memory = model.remember(features, logits, decoded.pointer, 1)
            self._recent = [*self._recent, (frame_index, memory)][-model.recent_kept :]
        self._previous = logits
        return logits, scores

    def _rows_of(self, frame_index: int) -> Features:
        return self._features(frame_index).map(lambda tensor: tensor.expand(self._rows, -1, -1, -1))

    def _conditioned(self, frame_index: int) -> tuple[Tensor, Memory]:
        """Return the logits and the memory of a conditioning frame, kept while it is among those used last."""
        kept = self._conditioning.get(frame_index)
        if kept is None:
            masks = [self._load(track.conditioning[frame_index]) for track in self._run.tracks]
            kept = self._model.condition(self._rows_of(frame_index), masks)
            self._conditioning[frame_index] = kept
            while len(self._conditioning) > CONDITIONING_KEPT:
                self._conditioning.popitem(last=False)
        self._conditioning.move_to_end(frame_index)
        return kept


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the device or the machine has no memory left."""
    # The allocator of the CPU raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _all_stand(tracks: Sequence[LabelTrack], frames: Sequence[int]) -> bool:
    """Tell whether every label has a mask on every frame, or needs none: an earlier run may have been a shorter one."""
    return all(frame in track.standing or frame in track.keep for track in tracks for frame in frames)


def is_same(mask: Mask, other: Mask) -> bool:
    """Tell whether two masks (H, W) differ by less than a reader would see."""
    either = int((mask | other).sum())
    return int((mask & other).sum()) >= SETTLED_IOU * either


def _score(value: Tensor) -> float:
    """Return a score from 0 to 1, also for a model that has lost its numbers."""
    number = float(value)
    return min(max(number, 0.0), 1.0) if math.isfinite(number) else 0.0
