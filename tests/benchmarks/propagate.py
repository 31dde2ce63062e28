"""Frames a second of a first propagation, ours over the stock predictor's: `make bench-propagate`.

A synthetic angiogram of 512 x 512 pixels, nothing of it encoded before; a mask is carried on from a given frame. Ours
goes through the worker as in the product: messages in, masks out as run lengths. The reference is the
`SAM2VideoPredictor` of the sam2 package with the same weights and frames; its frames are prepared beforehand, and its
answers stay logits. The two take turns over stretches of the cine, so that what else the machine does meets both.

SAM 2.1 tiny at 512 pixels runs as the family ``medsam2``, which is just that; its weights are random, which changes
what it says and not how long it takes. The bundled model has parts of its own and runs through the reference's state
machine as `tests.benchmarks.reference.BundledPredictor`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.benchmarks.figure import print_figure
from tests.benchmarks.reference import Reference, random_medsam2
from tests.benchmarks.worker import CHECKPOINT, LABEL, LocalWorker, disc, draw_cine
from workers.config import WorkerConfig
from workers.engine.families import load_bundled
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.protocol.messages import CineRef, ModelRef

SIZE, FRAMES, STRETCHES = 512, 100, 2
FAMILY = "medsam2"


def our_seconds(worker: LocalWorker, model: ModelRef, cine: CineRef, mask: str, frames: range) -> float:
    """Return how long the worker takes to carry a mask from the first frame of a stretch to its last."""
    started = time.perf_counter()
    _, end = worker.propagate(model, cine, {LABEL: {frames[0]: mask}}, [frames])
    worker.wait(end)
    assert end.masks == len(frames) - 1
    return time.perf_counter() - started


def reference_seconds(reference: Reference, mask: NDArray[np.bool_], frames: range) -> float:
    """Return how long the reference takes for the same."""
    started = time.perf_counter()
    reference.start_again()
    reference.condition(1, {frames[0]: mask})
    assert sum(1 for _ in reference.propagate(frames[0], len(frames) - 1)) == len(frames)
    return time.perf_counter() - started


def compare(name: str, worker: LocalWorker, model: ModelRef, reference: Reference, frames: NDArray[np.uint8]) -> float:
    """Return our frames a second over the reference's, over all stretches."""
    given = disc(SIZE)
    cine, mask = worker.put_cine(frames), worker.put_mask(given)
    _, warm = worker.predict(model, cine, len(frames) - 1, points=[(9.0, 9.0, 1)])
    worker.wait(warm)
    reference_seconds(reference, given, range(len(frames) - 2, len(frames)))
    edges = np.linspace(0, len(frames) - 1, STRETCHES + 1).astype(int).tolist()
    ours = theirs = 0.0
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        stretch = range(first, last + 1)
        for is_ours in (number % 2 == 0, number % 2 != 0):
            if is_ours:
                ours += our_seconds(worker, model, cine, mask, stretch)
            else:
                theirs += reference_seconds(reference, given, stretch)
    tracked = len(frames) - 1
    print(
        f"{name}: {tracked / ours:.2f} frames/s, the reference {tracked / theirs:.2f}, ratio {theirs / ours:.2f}",
        flush=True,
    )
    return round(theirs / ours, 3)


def main() -> int:
    """Measure and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    options = parser.parse_args()
    frames = draw_cine(options.frames, SIZE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        worker = LocalWorker(folder / "blobs", feature_bytes=WorkerConfig.feature_bytes, keep_masks=False)
        small = load_bundled(CHECKPOINT, torch.device("cpu")).model
        bundled = compare("bundled", worker, worker.put_model(), Reference.bundled(small, frames, "XA"), frames)
        large, path = random_medsam2(folder)
        reference = Reference.stock(SAM21_CONFIGS[FAMILY], large, frames, "XA")
        tiny = compare("SAM 2.1 tiny at 512", worker, worker.put_model(path, FAMILY), reference, frames)
        worker.stop()
    print_figure(bundled_ratio=bundled, sam21_tiny_512_ratio=tiny)
    return 0


if __name__ == "__main__":
    sys.exit(main())
