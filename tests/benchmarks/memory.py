"""Peak resident memory of the GPU worker on a short and on a long cine: `make bench-memory`.

Each length runs in a process of its own: the worker's real scheduler and jobs, its default cache, a cine of 512 x 512
pixels on disk. One prompt, then a propagation over every frame from the middle, both ways, as the product asks for it.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import torch

from fixtures.synthetic import generate_cine
from tests.benchmarks.figure import print_figure
from workers.blobs import BlobStore
from workers.config import config_from_environment
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
from workers.scheduler import Scheduler

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "fixtures" / "checkpoints" / "bundled.safetensors"
SHORT, LONG = 100, 1000
SIZE = 512
DRAWN = 50
LABEL = "coronary_artery"
JOB_SECONDS = 900


def write_cine(path: Path, frames: int) -> None:
    """Write a .npy cine of `frames` frames of SIZE x SIZE, repeating a synthetic angiogram back and forth."""
    drawn = generate_cine("xa", seed=4711, frames=DRAWN, size=SIZE).frames
    order = np.abs((np.arange(frames) + DRAWN - 1) % (2 * DRAWN - 2) - (DRAWN - 1))
    cine = np.lib.format.open_memmap(path, "w+", np.uint8, (frames, SIZE, SIZE), version=(1, 0))
    for start in range(0, frames, DRAWN):
        cine[start : start + DRAWN] = drawn[order[start : start + DRAWN]]
    cine.flush()


class Listener:
    """Takes the worker's answers as the broker would, and keeps only what it must."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.masks, self.last, self.done, self.failure = 0, "", threading.Event(), ""

    def __call__(self, message: Message, queue: str = "results") -> None:
        """Count a mask and remember the last one's digest; note how a job ended."""
        if isinstance(message, MaskResult):
            self.masks += 1
            self.last = self._store.put(base64.b64decode(message.mask))
        elif isinstance(message, JobFailed):
            self.failure = f"{message.code}: {message.message}"
            self.done.set()
        elif isinstance(message, JobDone):
            self.done.set()

    def wait(self) -> None:
        """Wait for the end of a job; raises RuntimeError when it failed or took too long."""
        if not self.done.wait(JOB_SECONDS) or self.failure:
            raise RuntimeError(self.failure or "the worker did not answer in time")
        self.done.clear()


def run_worker(store_folder: Path, cine_path: Path, digest: str, checkpoint: str, frames: int) -> dict[str, float]:
    """Prompt and propagate in this process; return its peak resident memory and what it did."""
    config = config_from_environment({"BROKER_URL": "memory://", "CINELOOP_DATA_DIR": str(store_folder.parent)})
    store = BlobStore(store_folder)
    listener = Listener(store)
    bench = Workbench("bench", store, listener, feature_bytes=config.feature_bytes, device=torch.device("cpu"))
    scheduler = Scheduler()
    scheduler.start()
    model = ModelRef(digest=checkpoint, family="bundled")
    cine = CineRef(
        digest=digest, frames=frames, rows=SIZE, columns=SIZE, channels=1, window=(0.0, 255.0), modality="XA"
    )
    middle = frames // 2
    common = {"epoch": 1, "reply_to": "results", "model": model, "cine": cine}
    scheduler.submit(
        PredictJob(
            bench,
            PredictRequest(
                job_id=str(uuid.uuid4()),
                frame_index=middle,
                label=LABEL,
                points=[],
                box=[0.0, 0.0, float(SIZE), float(SIZE)],
                previous_mask=None,
                **common,
            ),
        )
    )
    listener.wait()
    started = time.monotonic()
    given = [{"frame_index": middle, "mask": listener.last}]
    scheduler.submit(
        PropagateJob(
            bench,
            PropagateRequest(
                job_id=str(uuid.uuid4()),
                labels=[{"label": LABEL, "conditioning": given}],
                passes=[list(range(middle, frames)), list(range(middle, -1, -1))],
                keep={LABEL: [middle]},
                **common,
            ),
        )
    )
    listener.wait()
    seconds = time.monotonic() - started
    scheduler.stop()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "frames": frames,
        "masks": listener.masks,
        "peak_mb": round(peak_mb, 1),
        "cache_mb": round(bench.features.bytes / 1e6, 1),
        "frames_per_s": round((frames - 1) / seconds, 1),
    }


def measure(frames: int, folder: Path) -> dict[str, float]:
    """Run a worker on a cine of `frames` frames in a process of its own."""
    store_folder = folder / "blobs"
    store = BlobStore(store_folder)
    checkpoint = store.put(CHECKPOINT.read_bytes())
    path = folder / "cine.npy"
    write_cine(path, frames)
    digest = array_digest(np.load(path, mmap_mode="r"))
    target = store_folder / "sha256" / digest[:2] / digest
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    arguments = [str(store_folder), str(target), digest, checkpoint, str(frames)]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory", "--worker", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    assert found["masks"] == frames, found
    return found


def main() -> int:
    """Measure both lengths and print the figure, or run as the worker of one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        folder, path, digest, checkpoint, frames = options.worker
        print(json.dumps(run_worker(Path(folder), Path(path), digest, checkpoint, int(frames))))
        return 0
    found = {}
    for frames in (SHORT, LONG):
        with tempfile.TemporaryDirectory() as name:
            found[frames] = measure(frames, Path(name))
        print(json.dumps(found[frames]), flush=True)
    print_figure(
        ratio=round(found[LONG]["peak_mb"] / found[SHORT]["peak_mb"], 3),
        peak_mb_100=found[SHORT]["peak_mb"],
        peak_mb_1000=found[LONG]["peak_mb"],
        frames_per_s=found[LONG]["frames_per_s"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
