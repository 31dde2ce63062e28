"""Run trainings one after the other, each in a process of its own that can be killed and that cannot hurt readers."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workers.blobs import BlobStore
from workers.engine.adapters import base_of
from workers.engine.checkpoints import CheckpointError, package_in
from workers.engine.errors import EngineError
from workers.protocol.messages import ModelRef, TrainingRequest, TrainingUpdate
from workers.publish import Publish
from workers.training.manifest import ManifestError, read_manifest

logger = logging.getLogger(__name__)

NICENESS = 10
PREFIX = ("env", "OMP_WAIT_POLICY=PASSIVE", "nice", "-n", str(NICENESS))
"""Training gives way to readers; threads that wait for each other by spinning would stall a shared machine."""
CANCELLED_KEPT = 1000
LOG_LINES = 20
KILLED = "The system stopped the training, most likely for lack of memory: take a smaller model or the method decoder."
ROOT = Path(__file__).resolve().parent.parent


class TrainingCancelled(Exception):
    """Somebody asked to stop this run."""


class Trainer:
    """A thread that trains what is asked for, in the order of asking.

    Parameters
    ----------
    store : BlobStore
    folder : Path
        Each run has a folder of its own below it while it lasts.
    publish : Publish
    threads : int
        Threads of the training process; 0 leaves the choice to torch.
    """

    def __init__(self, store: BlobStore, folder: Path, publish: Publish, *, threads: int = 0) -> None:
        self._store, self._folder, self._publish, self._threads = store, folder, publish, threads
        self._waiting: deque[TrainingRequest] = deque()
        self._cancelled: deque[str] = deque(maxlen=CANCELLED_KEPT)
        self._condition = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._current = ""
        self._progress: dict[str, Any] = {}
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="trainer", daemon=True)

    def start(self) -> None:
        """Begin to take trainings."""
        self._thread.start()

    def stop(self) -> None:
        """End the training under way, which can be sent again, and wait."""
        with self._condition:
            self._is_stopping = True
            self._terminate()
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    @property
    def is_busy(self) -> bool:
        """Whether a training is under way."""
        return bool(self._current)

    def submit(self, request: TrainingRequest) -> None:
        """Take a training; one that waits or is under way already is not begun twice."""
        with self._condition:
            if request.run_id != self._current and all(other.run_id != request.run_id for other in self._waiting):
                self._waiting.append(request)
                self._condition.notify_all()

    def cancel(self, run_id: str) -> None:
        """Stop a run, or see to it that it never starts."""
        with self._condition:
            self._cancelled.append(run_id)
            if run_id == self._current:
                self._terminate()

    def _terminate(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _work(self) -> None:
        while (request := self._next()) is not None:
            try:
                self._run(request)
            except Exception:
                # Such as a broker that is away: nobody can be told, and the next run may fare better.
                logger.exception("training %s ended untold", request.run_id)
            finally:
                with self._condition:
                    self._current = ""

    def _next(self) -> TrainingRequest | None:
        """Wait for a training and return it, or None when it is time to stop."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._is_stopping)
            if self._is_stopping:
                return None
            request = self._waiting.popleft()
            self._current = request.run_id
            return request

    def _run(self, request: TrainingRequest) -> None:
        # Quoted and prefixed, so that no id reaches another folder: this one is removed at the end.
        folder = self._folder / f"run-{quote(request.run_id, safe='')}"
        try:
            self._check_cancelled(request.run_id)
            self._tell(request, "started", {})
            self._tell(request, "done", self._train(request, folder))
        except TrainingCancelled:
            if not self._is_stopping:
                self._tell(request, "cancelled", {})
        except (CheckpointError, EngineError, ManifestError) as error:
            self._tell(request, "error", {"code": error.code, "message": str(error)})
        except Exception:
            logger.exception("training %s failed", request.run_id)
            message = "The training stopped unexpectedly; the cause is in the worker's log."
            self._tell(request, "error", {"code": "worker_error", "message": message})
        finally:
            # A run cut off by the worker's own end may be sent again, and goes on from the state it has saved.
            if not self._is_stopping:
                shutil.rmtree(folder, ignore_errors=True)

    def _train(self, request: TrainingRequest, folder: Path) -> dict[str, Any]:
        """Fine-tune, measure the new model and those it is compared with, and store its checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        manifest = self._store.path(request.manifest)
        lines = read_manifest(manifest)
        for line in lines:
            for digest in {line["frames_blob"], *(mask["mask"] for mask in line["masks"])}:
                self._store.path(digest)
        settings = folder / "config.json"
        settings.write_text(json.dumps({**request.config, "seed": request.seed}))
        common = ["--manifest", str(manifest), "--blobs", str(self._store.root)]
        base = ["--base", str(self._model(request.base.digest)), "--family", request.base.family]
        tune = ["finetune", *base, "--out", str(folder), "--config", str(settings), *common]
        trained = self._last(request, tune)
        checkpoint = Path(trained["checkpoint"])
        # Without a test part there is nothing fair to measure on; what was learnt is then shown as such.
        split = "test" if any(line["split"] == "test" for line in lines) else "train"
        evaluations: dict[str, Any] = {}
        for digest, family, path in self._candidates(request, trained["sha256"], checkpoint):
            measure = ["evaluate", "--checkpoint", str(path), "--family", family, "--split", split, *common]
            evaluations[digest] = self._last(request, measure)["evaluation"]
        digest = self._store.put_file(checkpoint)
        return {"checkpoint": digest, "evaluations": evaluations, "metrics": trained["metrics"]}

    def _candidates(self, request: TrainingRequest, digest: str, path: Path) -> Iterator[tuple[str, str, Path]]:
        """Yield digest, family and file of what is measured: what was learnt, then what it is compared with."""
        yield digest, request.base.family, path
        models: dict[str, ModelRef] = {model.digest: model for model in request.evaluate}
        for known in models.values():
            yield known.digest, known.family, self._model(known.digest)

    def _model(self, digest: str) -> Path:
        """Return the file of a model; the training process finds among the blobs what belongs to it."""
        path = self._store.path(digest)
        below = base_of(path)
        package = package_in(path if below is None else self._store.path(below))
        for part in package.files.values() if package is not None else ():
            self._store.path(part)
        return path

    def _last(self, request: TrainingRequest, arguments: list[str]) -> dict[str, Any]:
        """Run one command of `workers.training`, passing its progress on, and return its `done` event."""
        threads = ["--threads", str(self._threads)] if self._threads else []
        with self._condition:
            self._check_cancelled(request.run_id)
            process = self._process = subprocess.Popen(
                # Not by `preexec_fn`, which may deadlock in a process with threads.
                [*PREFIX, sys.executable, "-m", "workers.training", *arguments, *threads],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        tail: deque[str] = deque(maxlen=LOG_LINES)
        last: dict[str, Any] = {}
        assert process.stdout is not None
        try:
            with process.stdout:
                for line in process.stdout:
                    event = _event(line)
                    if event is None:
                        tail.append(line.rstrip())
                    elif event["event"] == "progress":
                        self._progress = {key: event[key] for key in event if key != "event"}
                        self._tell_progress(request, self._progress)
                    elif event["event"] == "alive":
                        # An evaluation has no steps of its own; silence would be taken for the end of this worker.
                        self._tell_progress(request, self._progress)
                    else:
                        last = event
        except BaseException:
            process.terminate()
            raise
        finally:
            status = process.wait()
            with self._condition:
                self._process = None
        self._check_cancelled(request.run_id)
        if last.get("event") == "error":
            raise EngineError(str(last["message"]), code=str(last["code"]))
        if status != 0 or last.get("event") != "done":
            logger.error("training %s ended with %s:\n%s", request.run_id, status, "\n".join(tail))
            message = KILLED if status == -signal.SIGKILL else "The training process stopped before it was done."
            raise EngineError(message, code="training_crashed")
        return last

    def _check_cancelled(self, run_id: str) -> None:
        if self._is_stopping or run_id in self._cancelled:
            raise TrainingCancelled

    def _tell_progress(self, request: TrainingRequest, data: Mapping[str, Any]) -> None:
        """Tell how far a run is; hours of training must not be lost because a broker was away for a moment."""
        try:
            self._tell(request, "progress", data)
        except Exception:
            logger.warning("the progress of training %s could not be told", request.run_id, exc_info=True)

    def _tell(self, request: TrainingRequest, event: str, data: Mapping[str, Any]) -> None:
        self._publish(TrainingUpdate(run_id=request.run_id, event=event, data=data))


def _event(line: str) -> dict[str, Any] | None:
    """Return the event that a line of the training's output holds, or None for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
