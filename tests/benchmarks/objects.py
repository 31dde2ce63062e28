"""What one more label costs a propagation: `make bench-objects`; 1, 4 and 8 labels over the same frames."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.figure import print_figure
from tests.benchmarks.worker import LABEL, LocalWorker, draw_cine

SIZE, FRAMES, ROUNDS = 512, 24, 3
COUNTS = (1, 4, 8)


def discs(count: int) -> list[np.ndarray]:
    """Return round masks (SIZE, SIZE) on a ring around the centre of the image."""
    row, column = np.mgrid[:SIZE, :SIZE] + 0.5
    places = [2 * np.pi * number / max(COUNTS) for number in range(count)]
    return [
        (column - SIZE / 2 - 150 * np.cos(place)) ** 2 + (row - SIZE / 2 - 150 * np.sin(place)) ** 2 < 35**2
        for place in places
    ]


def main() -> int:
    """Measure and print the figure."""
    frames = draw_cine(FRAMES, SIZE)
    seconds: dict[int, list[float]] = {count: [] for count in COUNTS}
    with tempfile.TemporaryDirectory() as name:
        # Nothing is kept of the encoder, so that each propagation pays for it once, whatever the number of labels.
        worker = LocalWorker(Path(name) / "blobs", feature_bytes=0)
        model, cine = worker.put_model(), worker.put_cine(frames)
        masks = [worker.put_mask(mask) for mask in discs(max(COUNTS))]
        for turn in range(ROUNDS + 1):
            for count in COUNTS:
                given = {f"{LABEL}-{number}": {0: masks[number]} for number in range(count)}
                started = time.perf_counter()
                _, end = worker.propagate(model, cine, given, [range(FRAMES)])
                worker.wait(end)
                if turn:  # the first turn warms up
                    seconds[count].append(time.perf_counter() - started)
        worker.stop()
    frame_ms = {count: float(np.median(times)) / (FRAMES - 1) * 1e3 for count, times in seconds.items()}
    added = (frame_ms[8] - frame_ms[1]) / 7
    print("  ".join(f"{count} labels: {value:.1f} ms a frame" for count, value in frame_ms.items()))
    print_figure(
        added_label_ratio=round(added / frame_ms[1], 3),
        **{f"frame_ms_{count}": round(value, 2) for count, value in frame_ms.items()},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
