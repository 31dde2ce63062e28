"""Peak resident memory of the GPU worker on a short and on a long cine: `make bench-memory`.

Each length runs in a process of its own: the worker's real scheduler and jobs, its default cache, a cine of 512 x 512
pixels on disk. One prompt, then a propagation over every frame from the middle, both ways, as the product asks for it.

The reference is the state machine of the stock predictor with the same model (`tests.benchmarks.reference`), which
keeps all frames prepared and all answers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fixtures.synthetic import generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.reference import Reference
from tests.benchmarks.worker import CHECKPOINT, LABEL, LocalWorker, cine_ref, disc
from workers.blobs import BlobStore
from workers.config import config_from_environment
from workers.engine.families import load_bundled
from workers.heap import keep_one_heap
from workers.protocol.digests import array_digest
from workers.protocol.messages import ModelRef

SHORT, LONG = 100, 1000
SIZE = 512
DRAWN = 50
SIDES = ("worker", "reference")


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
    keep_one_heap()
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
    return {
        "frames": frames,
        "masks": prompted.masks + propagated.masks,
        "peak_mb": peak_mb(),
        "cache_mb": round(worker.bench.features.bytes / 1e6, 1),
        "frames_per_s": round((frames - 1) / seconds, 1),
    }


def run_reference(store_folder: Path, digest: str, frames: int) -> dict[str, float]:
    """Do the same with the stock predictor's state machine in this process."""
    cine = np.load(store_folder / "sha256" / digest[:2] / digest, mmap_mode="r")
    model, middle = load_bundled(CHECKPOINT, torch.device("cpu")).model, frames // 2
    reference = Reference.bundled(model, cine, "XA")
    reference.condition(1, {middle: disc(SIZE)})
    masks = 0
    for is_reverse in (False, True):
        masks += sum(1 for _ in reference.propagate(middle, frames, reverse=is_reverse))
    return {"frames": frames, "masks": masks - 1, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """Return the peak resident memory of this process.

    Notes
    -----
    Not ``ru_maxrss``: a process inherits that of the one that started it.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return round(int(status["VmHWM"].split()[0]) / 1024, 1)


def measure(frames: int, folder: Path, who: str) -> dict[str, float]:
    """Run the worker or the reference on a cine of `frames` frames in a process of its own."""
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
        [sys.executable, "-m", "tests.benchmarks.memory", f"--{who}", *arguments],
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
    for who in SIDES:
        parser.add_argument(f"--{who}", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        folder, digest, checkpoint, frames = options.worker
        print(json.dumps(run_worker(Path(folder), digest, checkpoint, int(frames))))
        return 0
    if options.reference:
        folder, digest, _, frames = options.reference
        print(json.dumps(run_reference(Path(folder), digest, int(frames))))
        return 0
    found = {}
    for who in SIDES:
        for frames in (SHORT, LONG):
            with tempfile.TemporaryDirectory() as name:
                found[who, frames] = measure(frames, Path(name), who)
            print(who, json.dumps(found[who, frames]), flush=True)
    peak = {side: entry["peak_mb"] for side, entry in found.items()}
    print_figure(
        ratio=round(peak["worker", LONG] / peak["worker", SHORT], 3),
        reference_ratio=round(peak["reference", LONG] / peak["reference", SHORT], 3),
        peak_mb_100=peak["worker", SHORT],
        peak_mb_1000=peak["worker", LONG],
        reference_peak_mb_100=peak["reference", SHORT],
        reference_peak_mb_1000=peak["reference", LONG],
        frames_per_s=found["worker", LONG]["frames_per_s"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
