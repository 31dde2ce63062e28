"""The worker that runs models: messages in, sessions on cached models and features, masks out."""

from __future__ import annotations

import base64
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from workers.blobs import BlobStore
from workers.engine.ahead import make_encoders
from workers.engine.cine import CinePixels
from workers.engine.errors import EngineError
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack, Mask, Prediction, Session
from workers.engine.session import NO_MEMORY, is_out_of_memory
from workers.models import Models
from workers.protocol.families import Precision
from workers.protocol.messages import (
    CineRef,
    JobDone,
    JobFailed,
    MaskResult,
    ModelRef,
    PredictRequest,
    PropagateRequest,
    WarmRequest,
)
from workers.protocol.rle import MaskCodecError, decode_mask, encode_mask
from workers.publish import Publish
from workers.scheduler import AHEAD, PROMPT, PROPAGATION

logger = logging.getLogger(__name__)

CINES_KEPT = 8
MASKS_KEPT = 16
SHARE_OF_A_CINE = 4
"""One cine may fill a quarter of the feature cache: with the default, about 140 frames."""
INTERNAL = "The worker could not finish this; the cause is in its log."


class Workbench:
    """What all jobs of a GPU worker share. Used by one thread, the scheduler's.

    Parameters
    ----------
    name : str
        The worker's own.
    store : BlobStore
    publish : Publish
    feature_bytes : int
    device : torch.device
    model_bytes, precision
        See `workers.models.Models`.
    """

    def __init__(
        self,
        name: str,
        store: BlobStore,
        publish: Publish,
        *,
        feature_bytes: int,
        device: torch.device,
        model_bytes: int | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.name, self.publish = name, publish
        self.models = Models(store, device, max_bytes=model_bytes, precision=precision)
        self.features = FeatureStore(feature_bytes, feature_bytes // SHARE_OF_A_CINE)
        self._store, self._encoders = store, make_encoders()
        self._cines: OrderedDict[tuple[str, float, float, str], CinePixels] = OrderedDict()
        self._masks: OrderedDict[str, Mask] = OrderedDict()

    def session(self, model: ModelRef, cine: CineRef) -> Session:
        """Return a session of a model on a cine."""
        return self.models.get(model).open(self._cine(cine), features=self.features, encoders=self._encoders)

    def _cine(self, cine: CineRef) -> CinePixels:
        low, high = cine.window
        key = (cine.digest, low, high, cine.modality)
        found = self._cines.get(key)
        if found is None:
            found = CinePixels(
                self._store.path(cine.digest), digest=cine.digest, window=(low, high), modality=cine.modality
            )
            self._cines[key] = found
            while len(self._cines) > CINES_KEPT:
                # Not closed here: a propagation between two of its steps may still read it; the last user closes it.
                self._cines.popitem(last=False)
        self._cines.move_to_end(key)
        if (len(found), found.rows, found.columns) != (cine.frames, cine.rows, cine.columns):
            raise EngineError("The stored pixels are not those of this cine.", code="cine_unreadable")
        return found

    def mask(self, digest: str) -> Mask:
        """Return a stored mask, shape (rows, columns); raises EngineError when it is missing or malformed."""
        found = self._masks.get(digest)
        if found is None:
            try:
                found = decode_mask(self._store.get(digest))
            except MaskCodecError as error:
                raise EngineError("A stored mask cannot be read.", code="mask_unreadable") from error
            self._masks[digest] = found
            while len(self._masks) > MASKS_KEPT:
                self._masks.popitem(last=False)
        self._masks.move_to_end(digest)
        return found


@dataclass
class PredictJob:
    """The mask of one frame, in one step."""

    bench: Workbench
    request: PredictRequest
    priority: int = PROMPT

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.request.job_id

    @property
    def epoch(self) -> int:
        """The epoch of the lease under which the job was sent."""
        return self.request.epoch

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Answer the prompts; a cancelled job answers nothing."""
        request, bench = self.request, self.bench
        with reported(bench, request):
            started = time.monotonic()
            answer = self._answer()
            if is_cancelled():
                return
            publish_mask(bench, request, request.label, request.frame_index, answer.mask, answer.score, 1, 1)
            publish_done(bench, request, started)
        yield from ()

    def _answer(self) -> Prediction:
        request, bench = self.request, self.bench
        session = bench.session(request.model, request.cine)
        if request.text is not None:
            return session.find(request.frame_index, request.text)
        return session.predict(
            request.frame_index,
            points=[(x, y, bool(sign)) for x, y, sign in request.points],
            box=None if request.box is None else tuple(request.box),  # type: ignore[arg-type]
            previous_mask=None if request.previous_mask is None else bench.mask(request.previous_mask),
        )


@dataclass
class PropagateJob:
    """The masks along passes over the frames, one frame a step."""

    bench: Workbench
    request: PropagateRequest
    priority: int = PROPAGATION

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.request.job_id

    @property
    def epoch(self) -> int:
        """The epoch of the lease under which the job was sent."""
        return self.request.epoch

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Answer frame by frame until done or cancelled."""
        request, bench = self.request, self.bench
        keep = {label: frozenset(frames) for label, frames in request.keep.items()}
        tracks = [
            LabelTrack(
                entry["label"],
                {held["frame_index"]: held["mask"] for held in entry["conditioning"]},
                keep.get(entry["label"], frozenset()),
                {held["frame_index"]: held["mask"] for held in entry["standing"]},
            )
            for entry in request.labels
        ]
        frames = {frame for one in request.passes for frame in one}
        total = sum(len(frames - track.keep) for track in tracks)
        with reported(bench, request):
            started, done = time.monotonic(), 0
            session = bench.session(request.model, request.cine)
            for answer in session.propagate(tracks, request.passes, bench.mask, cancel=is_cancelled):
                if answer is None:
                    yield
                    continue
                done += 1
                publish_mask(
                    bench, request, answer.label, answer.frame_index, answer.mask, answer.score, done, max(done, total)
                )
            if not is_cancelled():
                publish_done(bench, request, started, early_stop=done < total)


@dataclass
class WarmJob:
    """Load a model and encode frames ahead, one frame a step; nobody is told when it fails."""

    bench: Workbench
    request: WarmRequest
    job_id: str = ""
    epoch: int = 0
    priority: int = AHEAD

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Encode what is not encoded yet, while it fits."""
        request, bench = self.request, self.bench
        try:
            if not request.frames:
                bench.models.get(request.model)
                return
            session = bench.session(request.model, request.cine)
            for _ in session.encode(request.frames):
                if is_cancelled():
                    return
                yield
        except EngineError as error:
            logger.warning("cannot prepare a cine: %s", error)
        except Exception:
            logger.exception("cannot prepare a cine")


@contextlib.contextmanager
def reported(bench: Workbench, request: PredictRequest | PropagateRequest) -> Iterator[None]:
    """Tell the web tier what goes wrong with a request: its own sentence, or a general one."""
    try:
        yield
    except EngineError as error:
        publish_failure(bench, request, error.code, str(error))
    except Exception as error:
        if is_out_of_memory(error):
            bench.features.clear()
            publish_failure(bench, request, "out_of_memory", NO_MEMORY)
            return
        logger.exception("job %s failed", request.job_id)
        publish_failure(bench, request, "worker_error", INTERNAL)


def publish_failure(bench: Workbench, request: PredictRequest | PropagateRequest, code: str, message: str) -> None:
    """Say that a job cannot be done."""
    result = JobFailed(job_id=request.job_id, epoch=request.epoch, worker=bench.name, code=code, message=message)
    bench.publish(result, request.reply_to)


def publish_mask(
    bench: Workbench,
    request: PredictRequest | PropagateRequest,
    label: str,
    frame_index: int,
    mask: Mask,
    score: float,
    done: int,
    total: int,
) -> None:
    """Send one mask (rows, columns)."""
    result = MaskResult(
        job_id=request.job_id,
        epoch=request.epoch,
        worker=bench.name,
        label=label,
        frame_index=frame_index,
        mask=base64.b64encode(encode_mask(mask)).decode(),
        score=score,
        done=done,
        total=total,
    )
    bench.publish(result, request.reply_to)


def publish_done(
    bench: Workbench, request: PredictRequest | PropagateRequest, started: float, *, early_stop: bool = False
) -> None:
    """Say that a job has given all its answers."""
    elapsed_ms = (time.monotonic() - started) * 1000
    result = JobDone(
        job_id=request.job_id, epoch=request.epoch, worker=bench.name, elapsed_ms=elapsed_ms, early_stop=early_stop
    )
    bench.publish(result, request.reply_to)
