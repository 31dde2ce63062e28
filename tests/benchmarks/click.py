"""How long a reader waits for a click: `make bench-click`.

From the message at the worker to the mask that leaves it, on a frame that is encoded already, beside the bare mask
decoder on the same features; then the same clicks while another reader propagates a long cine on the same worker.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.benchmarks.figure import print_figure
from tests.benchmarks.worker import LABEL, LocalWorker, draw_cine
from workers.engine.bundled import BundledSam2
from workers.engine.session import Sam2Segmenter
from workers.protocol.messages import CineRef, ModelRef

SIZE, CLICKED, TRACKED, OTHERS = 512, 8, 200, 3
ROUNDS, PAUSE_SECONDS = 60, 0.15
FEATURE_BYTES = 512_000_000


def bare_decoder(model: BundledSam2, frames: np.ndarray) -> Callable[[], float]:
    """Return what measures one decoder pass for one click on cached features, in seconds."""
    with torch.no_grad():
        features = model.encode(model.prepare(frames[:1], "XA"))
    points, labels = torch.tensor([[[128.0, 128.0]]]), torch.tensor([[1]])

    @torch.no_grad()
    def once() -> float:
        started = time.perf_counter()
        model.decode(features, points, labels)
        return time.perf_counter() - started

    return once


def measure(
    worker: LocalWorker, model: ModelRef, cine: CineRef, rng: np.random.Generator, bare: Callable[[], float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the seconds of clicks from message to mask, at a reader's pace, and of bare passes between them."""
    clicks, passes = [], []
    for number in range(ROUNDS):
        time.sleep(PAUSE_SECONDS * rng.uniform(0.5, 1.5))
        x, y = rng.uniform(100, SIZE - 100, 2)
        started = time.perf_counter()
        _, end = worker.predict(model, cine, number % CLICKED, points=[[float(x), float(y), 1]])
        worker.wait(end)
        clicks.append(end.at - started)
        if bare is not None:
            time.sleep(PAUSE_SECONDS * rng.uniform(0.5, 1.5))
            passes.append(bare())
    return np.array(clicks), np.array(passes)


def main() -> int:
    """Measure and print the figure."""
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as name:
        worker = LocalWorker(Path(name) / "blobs", feature_bytes=FEATURE_BYTES)
        model = worker.put_model()
        frames = draw_cine(CLICKED, SIZE)
        cine, drawn = worker.put_cine(frames), draw_cine(TRACKED, SIZE)
        # One after the other, so that the load outlasts the clicks.
        others = [worker.put_cine(np.roll(drawn, shift, axis=0)) for shift in range(1, 1 + OTHERS)]
        segmenter = worker.bench.models.get(model)
        assert isinstance(segmenter, Sam2Segmenter)
        bundled = segmenter.model
        assert isinstance(bundled, BundledSam2)
        decoder = bare_decoder(bundled, frames)
        measure(worker, model, cine, rng, decoder)  # encodes the frames and warms everything up
        idle, bare = measure(worker, model, cine, rng, decoder)
        mask = worker.last
        ends = [worker.propagate(model, other, {LABEL: {0: mask}}, [range(TRACKED)])[1] for other in others]
        loaded, _ = measure(worker, model, cine, rng, None)
        was_loaded = not all(end.is_set() for end in ends)
        for end in ends:
            worker.wait(end)
        worker.stop()
    if not was_loaded:
        print("The propagation ended before the clicks did: the load was too short.", file=sys.stderr)
        return 1
    milliseconds = {"bare": bare, "idle": idle, "loaded": loaded}
    for key, times in milliseconds.items():
        print(f"{key:7} median {np.median(times) * 1e3:6.1f} ms   p95 {np.percentile(times, 95) * 1e3:6.1f} ms")
    print_figure(
        overhead_ratio=round(float(np.median(idle) / np.median(bare)), 3),
        loaded_p95_ratio=round(float(np.percentile(loaded, 95) / np.percentile(idle, 95)), 3),
        decoder_ms=round(float(np.median(bare)) * 1e3, 2),
        click_ms=round(float(np.median(idle)) * 1e3, 2),
        click_p95_ms=round(float(np.percentile(idle, 95)) * 1e3, 2),
        loaded_p95_ms=round(float(np.percentile(loaded, 95)) * 1e3, 2),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
