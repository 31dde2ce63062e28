"""A GPU worker in this process, spoken to in the product's own messages: what the benchmarks of the runtime share."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fixtures.synthetic import generate_cine
from tests import machine
from workers.blobs import BlobStore
from workers.gpu import PredictJob, PropagateJob, Workbench
from workers.protocol.digests import array_digest
from workers.protocol.messages import (
    CineRef,
    JobDone,
    JobFailed,
    MaskResult,
    Message,
    ModelRef,
    PredictRequest,
    PropagateRequest,
)
from workers.protocol.rle import decode_mask, encode_mask
from workers.scheduler import Scheduler

CHECKPOINT = machine.ROOT / "fixtures" / "checkpoints" / "bundled.safetensors"
LABEL = "coronary_artery"
DRAWN = 50
JOB_SECONDS = 900
Mask = NDArray[np.bool_]


def draw_cine(frames: int, size: int, drawn: int = DRAWN) -> NDArray[np.uint8]:
    """Return a synthetic angiogram (frames, size, size) that repeats `drawn` frames back and forth."""
    cine = generate_cine("xa", seed=4711, frames=min(drawn, frames), size=size).frames
    count = len(cine)
    if count == 1:
        return cine.repeat(frames, 0)
    return cine[np.abs((np.arange(frames) + count - 1) % (2 * count - 2) - (count - 1))]


def disc(size: int, x: float = 0.5, y: float = 0.5, radius: float = 0.1) -> Mask:
    """Return a round mask (size, size); its place and radius are shares of the size."""
    row, column = (np.mgrid[:size, :size] + 0.5) / size
    mask: Mask = (column - x) ** 2 + (row - y) ** 2 < radius**2
    return mask


class Ended(threading.Event):
    """Set when a job has ended; `at` is when its last message came, `failure` what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.failure, self.masks, self.is_early = 0.0, "", 0, False


class LocalWorker:
    """The worker's real scheduler, jobs and caches; answers are kept by label and frame.

    Parameters
    ----------
    folder : Path
        Of its blob store.
    feature_bytes : int
    keep_masks : bool
        False only counts answers and keeps the newest, for measurements of memory.
    """

    def __init__(self, folder: Path, *, feature_bytes: int, keep_masks: bool = True) -> None:
        self.store = BlobStore(folder)
        self.masks: dict[tuple[str, str, int], str] = {}
        self.last = ""
        self._keep_masks = keep_masks
        self._ends: dict[str, Ended] = {}
        self.bench = Workbench("bench", self.store, self._take, feature_bytes=feature_bytes, device=torch.device("cpu"))
        self.scheduler = Scheduler()
        self.scheduler.start()

    def _take(self, message: Message, queue: str = "results") -> None:
        if isinstance(message, MaskResult):
            end = self._ends[message.job_id]
            end.masks += 1
            end.at = time.perf_counter()
            self.last = self.store.put(base64.b64decode(message.mask))
            if self._keep_masks:
                self.masks[message.job_id, message.label, message.frame_index] = self.last
        elif isinstance(message, JobFailed):
            self._ends[message.job_id].failure = f"{message.code}: {message.message}"
            self._ends[message.job_id].set()
        elif isinstance(message, JobDone):
            self._ends[message.job_id].is_early = message.early_stop
            self._ends[message.job_id].set()

    def put_model(self, path: Path = CHECKPOINT, family: str = "bundled") -> ModelRef:
        """Store a checkpoint."""
        return ModelRef(digest=self.store.put(path.read_bytes()), family=family)

    def put_cine(self, frames: NDArray[np.uint8]) -> CineRef:
        """Store a cine (T, H, W)."""
        digest = array_digest(frames)
        target = self.store.root / "sha256" / digest[:2] / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            np.save(file, frames)
        return cine_ref(digest, frames.shape)

    def put_mask(self, mask: Mask) -> str:
        """Store a mask (H, W) and return its digest."""
        return self.store.put(encode_mask(mask))

    def mask(self, digest: str) -> Mask:
        """Return a stored mask (H, W)."""
        return decode_mask(self.store.get(digest))

    def predict(self, model: ModelRef, cine: CineRef, frame_index: int, **prompts: Any) -> tuple[str, Ended]:
        """Send a prompt; return the job's id and what tells its end."""
        job_id, end = self._new_job()
        given: dict[str, Any] = {"points": [], "box": None, "previous_mask": None, **prompts}
        request = PredictRequest(
            job_id=job_id, epoch=1, reply_to="results", model=model, cine=cine, frame_index=frame_index, label=LABEL,
            **given,
        )  # fmt: skip
        self.scheduler.submit(PredictJob(self.bench, request))
        return job_id, end

    def propagate(
        self,
        model: ModelRef,
        cine: CineRef,
        conditioning: dict[str, dict[int, str]],
        passes: Sequence[Sequence[int]],
        standing: dict[str, dict[int, str]] | None = None,
    ) -> tuple[str, Ended]:
        """Send a propagation of labels (label -> frame -> digest); return the job's id and what tells its end."""
        job_id, end = self._new_job()

        def held(masks: dict[int, str]) -> list[dict[str, Any]]:
            return [{"frame_index": frame, "mask": digest} for frame, digest in sorted(masks.items())]

        labels = [
            {"label": label, "conditioning": held(masks), "standing": held((standing or {}).get(label, {}))}
            for label, masks in conditioning.items()
        ]
        request = PropagateRequest(
            job_id=job_id,
            epoch=1,
            reply_to="results",
            model=model,
            cine=cine,
            labels=labels,
            passes=[list(one) for one in passes],
            keep={label: sorted(masks) for label, masks in conditioning.items()},
        )
        self.scheduler.submit(PropagateJob(self.bench, request))
        return job_id, end

    def _new_job(self) -> tuple[str, Ended]:
        job_id = str(uuid.uuid4())
        self._ends[job_id] = Ended()
        return job_id, self._ends[job_id]

    @staticmethod
    def wait(end: Ended) -> None:
        """Wait for the end of a job; raises RuntimeError when it failed or took too long."""
        if not end.wait(JOB_SECONDS) or end.failure:
            raise RuntimeError(end.failure or "the worker did not answer in time")

    def stop(self) -> None:
        """End the scheduler's thread."""
        self.scheduler.stop()


def cine_ref(digest: str, shape: tuple[int, ...]) -> CineRef:
    """Return the reference of a grey 8-bit angiogram of shape (T, H, W)."""
    frames, rows, columns = shape
    return CineRef(
        digest=digest, frames=frames, rows=rows, columns=columns, channels=1, window=(0.0, 255.0), modality="XA"
    )
