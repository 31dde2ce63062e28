"""How much sooner a corrected cine is there than with the stock predictor: `make bench-repropagate`.

100 frames of a synthetic angiogram, propagated both ways from a mask on the middle frame. Then one frame is corrected,
as a reader would: its true mask. Ours sends what the product sends: the corrected frame as a second conditioning frame,
the masks that stand, passes to both ends of the cine. Features are cached, a stretch between two given frames is
tracked from both, and tracking ends where masks come out as they stood. The stock predictor is given the same mask and
tracks from the corrected frame to both ends.

`ratio` is of the bundled model, whose masks mean something. SAM 2.1 tiny at 512 pixels has random weights here: its
masks are noise that never settles, so its ratio shows what the cached features alone save.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fixtures.synthetic import generate_cine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.reference import Reference, random_medsam2
from tests.benchmarks.worker import CHECKPOINT, LABEL, LocalWorker
from workers.engine.families import load_bundled
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.protocol.messages import CineRef, ModelRef

SIZE, FRAMES, SEED = 512, 100, 4711
FEATURE_BYTES = 1 << 30
Masks = NDArray[np.bool_]


def our_seconds(
    worker: LocalWorker, model: ModelRef, cine: CineRef, truth: Masks, corrected: int, *, settles: bool
) -> tuple[float, int]:
    """Return how long a correction of a propagated cine takes, and how many masks it brought."""
    middle, count = len(truth) // 2, len(truth)
    given = {middle: worker.put_mask(truth[middle])}
    job, end = worker.propagate(model, cine, {LABEL: given}, [range(middle, count), range(middle, -1, -1)])
    worker.wait(end)
    standing = {frame: digest for (of, _, frame), digest in worker.masks.items() if of == job and frame != corrected}
    given[corrected] = worker.put_mask(truth[corrected])
    started = time.perf_counter()
    passes = [range(corrected, count), range(corrected, -1, -1)]
    _, again = worker.propagate(model, cine, {LABEL: given}, passes, {LABEL: standing} if settles else None)
    worker.wait(again)
    return time.perf_counter() - started, again.masks


def reference_seconds(reference: Reference, truth: Masks, corrected: int) -> float:
    """Return how long the reference takes for the same."""
    middle, last = len(truth) // 2, len(truth) - 1
    reference.start_again()
    reference.condition(1, {middle: truth[middle]})
    for is_reverse in (False, True):
        for _ in reference.propagate(middle, middle if is_reverse else last - middle, reverse=is_reverse):
            pass
    started = time.perf_counter()
    reference.condition(1, {corrected: truth[corrected]})
    for is_reverse in (False, True):
        for _ in reference.propagate(corrected, corrected if is_reverse else last - corrected, reverse=is_reverse):
            pass
    return time.perf_counter() - started


def compare(
    name: str,
    worker: LocalWorker,
    model: ModelRef,
    reference: Reference,
    frames: NDArray[np.uint8],
    truth: Masks,
    *,
    settles: bool,
) -> float:
    """Return the reference's seconds over ours, for a correction a fifth of the cine away from the given mask."""
    corrected = len(frames) * 3 // 10
    ours, masks = our_seconds(worker, model, worker.put_cine(frames), truth, corrected, settles=settles)
    theirs = reference_seconds(reference, truth, corrected)
    print(
        f"{name}: {ours:.2f} s for {masks} masks, the reference {theirs:.2f} s for {len(frames)}; "
        f"ratio {theirs / ours:.2f}",
        flush=True,
    )
    return round(theirs / ours, 2)


def main() -> int:
    """Measure and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    options = parser.parse_args()
    cine = generate_cine("xa", seed=SEED, frames=options.frames, size=SIZE)
    truth = cine.labels[LABEL]
    with tempfile.TemporaryDirectory() as name:
        worker = LocalWorker(Path(name) / "blobs", feature_bytes=FEATURE_BYTES)
        small = load_bundled(CHECKPOINT, torch.device("cpu")).model
        reference = Reference.bundled(small, cine.frames, "XA")
        ratio = compare("bundled", worker, worker.put_model(), reference, cine.frames, truth, settles=True)
        large, path = random_medsam2(Path(name))
        reference = Reference.stock(SAM21_CONFIGS["medsam2"], large, cine.frames, "XA")
        tiny = compare(
            "SAM 2.1 tiny at 512", worker, worker.put_model(path, "medsam2"), reference, cine.frames, truth,
            settles=False,
        )  # fmt: skip
        worker.stop()
    print_figure(ratio=ratio, sam21_tiny_512_features_only_ratio=tiny)
    return 0


if __name__ == "__main__":
    sys.exit(main())
