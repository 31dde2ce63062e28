"""A broker that only remembers, and a worker that answers by the protocol without a model."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.core import blobs
from annotator.inference import tasks
from annotator.inference.models import WorkerNode
from annotator.inference.services import record_heartbeat
from tests.factories.readings import CHECKPOINT
from workers.protocol.messages import (
    CancelRequest,
    Heartbeat,
    JobDone,
    JobFailed,
    MaskResult,
    PredictRequest,
    PropagateRequest,
    WarmRequest,
)
from workers.protocol.rle import decode_mask, encode_mask

MESSAGES = {
    "gpu.predict": PredictRequest,
    "gpu.propagate": PropagateRequest,
    "gpu.cancel": CancelRequest,
    "gpu.warm": WarmRequest,
}


@dataclass(frozen=True)
class Sent:
    """A task that was sent: its message has passed the protocol's own checks, through JSON and back."""

    name: str
    queue: str
    message: Any


@dataclass
class MemoryBroker:
    """Remembers what was sent."""

    sent: list[Sent] = field(default_factory=list)

    def send(self, name: str, payload: dict[str, Any], *, queue: str) -> None:
        """Take a task, refusing what a worker would refuse."""
        message = MESSAGES[name].from_dict(json.loads(json.dumps(payload)))
        self.sent.append(Sent(name, queue, message))

    def named(self, *names: str) -> list[Any]:
        """Return the messages of tasks by name, in order."""
        return [task.message for task in self.sent if task.name in names]

    def take(self, queue: str) -> list[Sent]:
        """Take everything out of a queue."""
        taken = [task for task in self.sent if task.queue == queue]
        self.sent = [task for task in self.sent if task.queue != queue]
        return taken


@dataclass
class FakeWorker:
    """Answers requests through the tasks of the queue `results`, as a worker of the product does."""

    name: str = "worker-1"
    models: list[str] = field(default_factory=lambda: [CHECKPOINT])
    started_ms: float = 1000.0
    cancelled: set[str] = field(default_factory=set)

    @property
    def queue(self) -> str:
        """The queue of this worker."""
        return f"gpu.{self.name}"

    def beat(self) -> WorkerNode:
        """Send a heartbeat."""
        return record_heartbeat(
            heartbeat=Heartbeat(
                worker=self.name,
                queue=self.queue,
                kind="gpu",
                models=self.models,
                cache_bytes=0,
                busy=False,
                started_ms=self.started_ms,
            )
        )

    def serve(self, broker: MemoryBroker) -> int:
        """Answer everything in the worker's queue and return how many jobs that was."""
        jobs = 0
        for task in broker.take(self.queue):
            if task.name == "gpu.cancel":
                self.cancelled.add(task.message.job_id)
            elif task.name == "gpu.predict":
                self.predict(task.message)
                jobs += 1
            elif task.name == "gpu.propagate":
                self.propagate(task.message)
                jobs += 1
        return jobs

    def predict(self, request: PredictRequest) -> None:
        """Answer a prediction: a blot at each positive point, on top of the previous mask, minus the negative ones."""
        mask = predicted(request)
        self.answer(request, request.label, request.frame_index, mask, done=1, total=1)
        self.done(request)

    def propagate(self, request: PropagateRequest) -> None:
        """Answer a propagation: each frame gets the conditioning mask of the first frame of its pass, moved."""
        answers = list(propagated(request))
        for number, (label, frame, mask) in enumerate(answers, 1):
            self.answer(request, label, frame, mask, done=number, total=len(answers))
        self.done(request)

    def answer(
        self,
        request: PredictRequest | PropagateRequest,
        label: str,
        frame: int,
        mask: NDArray[np.bool_],
        *,
        done: int = 1,
        total: int = 1,
        **other: Any,
    ) -> None:
        """Send one mask."""
        result = MaskResult(
            **{
                "job_id": request.job_id,
                "epoch": request.epoch,
                "worker": self.name,
                "label": label,
                "frame_index": frame,
                "mask": base64.b64encode(encode_mask(mask)).decode(),
                "score": 0.9,
                "done": done,
                "total": total,
                **other,
            }
        )
        tasks.record_mask(result.to_dict())

    def done(self, request: PredictRequest | PropagateRequest, *, early_stop: bool = False) -> None:
        """Say that a job has ended."""
        result = JobDone(
            job_id=request.job_id,
            epoch=request.epoch,
            worker=self.name,
            elapsed_ms=5.0,
            early_stop=early_stop,
        )
        tasks.record_done(result.to_dict())

    def fail(self, request: PredictRequest | PropagateRequest, code: str = "out_of_memory") -> None:
        """Say that a job has failed."""
        result = JobFailed(
            job_id=request.job_id,
            epoch=request.epoch,
            worker=self.name,
            code=code,
            message="The worker ran out of memory.",
        )
        tasks.record_failed(result.to_dict())


def predicted(request: PredictRequest) -> NDArray[np.bool_]:
    """Return what the fake worker answers to a prediction, shape (rows, columns)."""
    mask = np.zeros((request.cine.rows, request.cine.columns), bool)
    if request.previous_mask is not None:
        mask |= decode_mask(blobs.get_bytes(request.previous_mask))
    if request.text is not None:
        mask[:2, : len(request.text)] = True
    if request.box is not None:
        x0, y0, x1, y1 = (round(edge) for edge in request.box)
        mask[y0:y1, x0:x1] = True
    for x, y, sign in request.points:
        column, row = int(min(x, request.cine.columns - 1)), int(min(y, request.cine.rows - 1))
        mask[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = bool(sign)
    return mask


def propagated(request: PropagateRequest) -> list[tuple[str, int, NDArray[np.bool_]]]:
    """Return (label, frame, mask) of each answer of the fake worker to a propagation."""
    answers = []
    for entry in request.labels:
        blob_of = {one["frame_index"]: one["mask"] for one in entry["conditioning"]}
        for frames in request.passes:
            mask = decode_mask(blobs.get_bytes(blob_of[frames[0]]))
            for distance, frame in enumerate(frames):
                if frame not in request.keep[entry["label"]]:
                    answers.append((entry["label"], frame, np.roll(mask, distance, axis=1)))
    return answers
