"""What the tests of the worker's edge share: a desk that writes requests, a box that takes messages, waiting."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from workers.blobs import BlobStore
from workers.gpu import Workbench
from workers.protocol.digests import array_digest
from workers.protocol.messages import (
    CineRef,
    JobFailed,
    MaskResult,
    Message,
    ModelRef,
    PredictRequest,
    PropagateRequest,
    WarmRequest,
)
from workers.protocol.rle import decode_mask, encode_mask
from workers.publish import RESULTS_QUEUE

Mask = NDArray[np.bool_]
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.005
ROWS, COLUMNS, FRAMES = 48, 40, 5
PARTS = 4
"""Steps of a propagation for each frame: its features, what the memory says, its masks, remembering them."""


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; fail when it does not come to hold."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if condition():
            return
        pause.wait(POLL_SECONDS)
    raise AssertionError("what the test waits for did not happen")


class Outbox:
    """Takes the messages that a worker publishes; can be told to refuse them, as a broker that is away does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.queues: list[str] = []
        self.refused: list[Message] = []
        self.refuses: Callable[[Message], bool] = lambda message: False

    def __call__(self, message: Message, queue: str = RESULTS_QUEUE) -> None:
        if self.refuses(message):
            self.refused.append(message)
            raise ConnectionError("the broker is away")
        self.messages.append(message)
        self.queues.append(queue)

    def take(self) -> list[Message]:
        """Return what has arrived and forget it."""
        taken, self.messages = self.messages, []
        return taken

    @property
    def masks(self) -> list[MaskResult]:
        return [message for message in self.messages if isinstance(message, MaskResult)]

    @property
    def failure(self) -> JobFailed:
        """The one message, which has to be a failure."""
        (message,) = self.messages
        assert isinstance(message, JobFailed)
        return message


class Steps(Protocol):
    """A job, as far as `run` needs it."""

    def steps(self, is_cancelled: Callable[[], bool]) -> Iterator[None]: ...


def run(job: Steps, is_cancelled: Callable[[], bool] = lambda: False) -> int:
    """Do all steps of a job and return how many there were."""
    return sum(1 for _ in job.steps(is_cancelled))


def decoded(message: MaskResult) -> Mask:
    """Return the mask (rows, columns) of a message."""
    return decode_mask(base64.b64decode(message.mask))


def disc(x: float, y: float, radius: float, rows: int = ROWS, columns: int = COLUMNS) -> Mask:
    """Return a round mask (rows, columns)."""
    row, column = np.mgrid[:rows, :columns]
    found: Mask = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 < radius**2
    return found


class Desk:
    """Stores models, cines and masks, and writes requests that name them."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.store = BlobStore(folder / "blobs")
        self.outbox = Outbox()
        self.model = ModelRef(self.store.put(checkpoint.read_bytes()), "bundled")
        self.cine = self.put_cine()

    def bench(self, feature_bytes: int = 1 << 26, **options: Any) -> Workbench:
        """Return a fresh workbench, as a worker that has just begun has one."""
        device = torch.device("cpu")
        return Workbench("w1", self.store, self.outbox, feature_bytes=feature_bytes, device=device, **options)

    def place(self, digest: str) -> Path:
        """Return where the store keeps a blob."""
        return self.store.root / "sha256" / digest[:2] / digest

    def put_cine(self, seed: int = 3, frames: int = FRAMES) -> CineRef:
        """Store a noisy cine with a disc that moves to the right."""
        rng = np.random.default_rng(seed)
        discs = np.array([disc(12 + 3 * t, 24, 8) for t in range(frames)])
        grey = np.where(discs, 60.0, 180.0) + rng.normal(0, 8, discs.shape)
        return self.put_pixels(np.clip(grey, 0, 255).astype(np.uint8))

    def put_pixels(self, pixels: NDArray[Any], modality: str = "XA") -> CineRef:
        """Store pixels (frame, row, column[, 3]) of whatever kind as a cine."""
        digest = array_digest(pixels)
        path = self.place(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, pixels)
        frames, rows, columns = pixels.shape[:3]
        most = 65535.0 if pixels.dtype == np.uint16 else 255.0
        return CineRef(digest, frames, rows, columns, 3 if pixels.ndim == 4 else 1, [0.0, most], modality)

    def put_mask(self, mask: Mask) -> str:
        """Store a mask and return its digest."""
        return self.store.put(encode_mask(mask))

    def predict(self, **changes: Any) -> PredictRequest:
        """Return a request for frame 1 from two points and the mask before them."""
        request = PredictRequest(
            job_id="job-1",
            epoch=2,
            reply_to=RESULTS_QUEUE,
            model=self.model,
            cine=self.cine,
            frame_index=1,
            label="coronary_artery",
            points=[[15.0, 24.0, 1], [30.0, 5.0, 0]],
            box=None,
            previous_mask=self.put_mask(disc(15, 24, 7)),
        )
        return replace(request, **changes)

    def propagate(self, **changes: Any) -> PropagateRequest:
        """Return a request for two labels over the whole cine from a mask of each on frame 1."""
        labels = [
            {"label": "coronary_artery", "conditioning": [self.held(1, disc(15, 24, 8))], "standing": []},
            {"label": "catheter", "conditioning": [self.held(1, disc(30, 10, 5))], "standing": []},
        ]
        request = PropagateRequest(
            job_id="job-2",
            epoch=2,
            reply_to=RESULTS_QUEUE,
            model=self.model,
            cine=self.cine,
            labels=labels,
            passes=[[1, 2, 3, 4], [1, 0]],
            keep={"coronary_artery": [1], "catheter": [1, 3]},
        )
        return replace(request, **changes)

    def held(self, frame_index: int, mask: Mask) -> dict[str, Any]:
        """Return a stored mask as a conditioning frame of a label."""
        return {"frame_index": frame_index, "mask": self.put_mask(mask)}

    def warm(self, frames: list[int], **changes: Any) -> WarmRequest:
        """Return a request to encode frames ahead."""
        return replace(WarmRequest(self.model, self.cine, frames), **changes)
