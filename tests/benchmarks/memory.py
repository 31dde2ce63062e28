"""Peak resident memory of the GPU worker on a short and on a long cine: `make bench-memory`.

Each length runs in a process of its own: the worker's real scheduler and jobs, its default cache, a cine of 512 x 512
pixels on disk. One prompt, then a propagation over every frame from the middle, both ways, as the product asks for it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fixtures.synthetic import generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.worker import CHECKPOINT, LABEL, LocalWorker, cine_ref
from workers.blobs import BlobStore
from workers.config import config_from_environment
from workers.protocol.digests import array_digest
from workers.protocol.messages import ModelRef

SHORT, LONG = 100, 1000
SIZE = 512
DRAWN = 50


def write_cine(path: Path, frames: int) -> None:
    """Write a .npy cine of `frames` frames of SIZE x SIZE, repeating a synthetic angiogram back and forth."""
    drawn = generate_cine("xa", seed=4711, frames=DRAWN, size=SIZE).frames
    order = np.abs((np.arange(frames) + DRAWN - 1) % (2 * DRAWN - 2) - (DRAWN - 1))
    cine = np.lib.format.open_memmap(path, "w+", np.uint8, (frames, SIZE, SIZE), version=(1, 0))
    for start in range(0, frames, DRAWN):
        cine[start : start + DRAWN] = drawn[order[start : start + DRAWN]]
    cine.flush()


def run_worker(store_folder: Path, digest: str, checkpoint: str, frames: int) -> dict[str, float]:
    """Prompt and propagate in this process; return its peak resident memory and what it did."""
    config = config_from_environment({"BROKER_URL": "memory://", "CINELOOP_DATA_DIR": str(store_folder.parent)})
    worker = LocalWorker(store_folder, feature_bytes=config.feature_bytes, keep_masks=False)
    model, cine, middle = ModelRef(checkpoint, "bundled"), cine_ref(digest, (frames, SIZE, SIZE)), frames // 2
    _, prompted = worker.predict(model, cine, middle, box=[0.0, 0.0, float(SIZE), float(SIZE)])
    worker.wait(prompted)
    started = time.monotonic()
    passes = [range(middle, frames), range(middle, -1, -1)]
    _, propagated = worker.propagate(model, cine, {LABEL: {middle: worker.last}}, passes)
    worker.wait(propagated)
    seconds = time.monotonic() - started
    worker.stop()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "frames": frames,
        "masks": prompted.masks + propagated.masks,
        "peak_mb": round(peak_mb, 1),
        "cache_mb": round(worker.bench.features.bytes / 1e6, 1),
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
    arguments = [str(store_folder), digest, checkpoint, str(frames)]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory", "--worker", *arguments],
        cwd=machine.ROOT,
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
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        folder, digest, checkpoint, frames = options.worker
        print(json.dumps(run_worker(Path(folder), digest, checkpoint, int(frames))))
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
