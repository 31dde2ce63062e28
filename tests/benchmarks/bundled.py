"""What the bundled checkpoint does with simulated readers: `make bench-bundled`; the figures of docs/models.md.

Held-out synthetic cines of every kind, and the real angiograms of the shared samples where they are. A simulated
reader clicks once inside the structure, then four times in the middle of the largest error; or draws one box; or gives
the mask of the neighbouring frame. Propagation runs through the engine as in the product: a box on the first frame,
carried over the cine; then one frame in the middle is corrected by hand and the cine propagated again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fixtures.synthetic import KINDS, generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.learn import read_angiograms
from workers.engine.cine import CinePixels
from workers.engine.families import load_bundled
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack, Segmenter, Session
from workers.training.evaluate import agreement
from workers.training.prompts import bounding_box, click_inside, correcting_click

CHECKPOINT = machine.ROOT / "fixtures" / "checkpoints" / "bundled.safetensors"
TARGETS = {"xa": "coronary_artery", "us": "left_ventricle", "ivus": "lumen", "oct": "lumen", "mr": "left_ventricle"}
FIRST_SEED = 7_100_000
CLICKS = 5
TRACKED_FRAMES, CORRECTED = 13, 6


def open_session(segmenter: Segmenter, frames: NDArray[np.uint8], kind: str, name: str, folder: Path) -> Session:
    """Return a session on frames (T, H, W) of a kind, as the worker opens one."""
    path = folder / f"{name}.npy"
    np.save(path, frames)
    pixels = CinePixels(path, digest=name, window=(0, 255), modality=kind.upper())
    return segmenter.open(pixels, features=FeatureStore(1 << 28))


def simulate(session: Session, truth: NDArray[np.bool_], whole: bool) -> dict[str, float]:
    """Return the IoU with the truth (H, W) on frame 0 after each click, and for one box, at the cine's resolution."""
    rows, columns = truth.shape
    first = click_inside(np.random.default_rng(1), truth)
    points, mask, found = [(*first, True)], None, {}
    for number in range(1, CLICKS + 1):
        mask = session.predict(0, points=points, previous_mask=mask).mask
        found[f"click{number}"] = agreement(mask, truth)[0]
        click = correcting_click(None, truth, mask)
        if click is not None:
            points.append(click)
    box = (0.0, 0.0, float(columns), float(rows)) if whole else bounding_box(truth)
    found["box"] = agreement(session.predict(0, box=box).mask, truth)[0]
    return found


def means(sums: dict[str, list[float]]) -> dict[str, float]:
    """Return the mean of each list."""
    return {name: round(float(np.mean(values)), 3) for name, values in sums.items()}


def synthetic(segmenter: Segmenter, cines: int, folder: Path) -> dict[str, float]:
    """Return mean IoUs on held-out synthetic cines by kind."""
    sums: dict[str, list[float]] = defaultdict(list)
    for kind in KINDS:
        for seed in range(FIRST_SEED, FIRST_SEED + cines):
            cine = generate_cine(kind, seed=seed, frames=1)
            truth = cine.labels[TARGETS[kind]][0]
            if truth.sum() < 60:
                continue
            session = open_session(segmenter, cine.frames, kind, f"{kind}{seed}", folder)
            for name, iou in simulate(session, truth, kind == "xa").items():
                sums[f"{kind}_{name}"].append(iou)
    return means(sums)


def real(segmenter: Segmenter, shared: Path, folder: Path) -> dict[str, float]:
    """Return mean IoUs on the real angiograms."""
    sums: dict[str, list[float]] = defaultdict(list)
    for angiogram in read_angiograms(shared):
        session = open_session(segmenter, angiogram.image[None], "xa", angiogram.name, folder)
        for name, iou in simulate(session, angiogram.mask, whole=True).items():
            sums[f"real_{name}"].append(iou)
    return means(sums)


def track(
    session: Session, masks: dict[str, NDArray[np.bool_]], truth: NDArray[np.bool_], conditioning: dict[int, str]
) -> dict[int, float]:
    """Propagate over the whole cine and return the IoU of each frame that was answered."""
    tracks = [LabelTrack("label", conditioning, frozenset(conditioning))]
    answers = session.propagate(tracks, [list(range(TRACKED_FRAMES))], masks.__getitem__)
    return {one.frame_index: agreement(one.mask, truth[one.frame_index])[0] for one in answers if one is not None}


def propagation(segmenter: Segmenter, kind: str, cines: int, folder: Path) -> dict[str, float]:
    """Return the mean IoU of a propagated cine, and of the neighbours of a frame before and after its correction."""
    sums: dict[str, list[float]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + cines):
        cine = generate_cine(kind, seed=seed, frames=TRACKED_FRAMES)
        truth = cine.labels[TARGETS[kind]]
        if not truth.any((1, 2)).all():
            continue
        session = open_session(segmenter, cine.frames, kind, f"{kind}{seed}-tracked", folder)
        rows, columns = truth.shape[1:]
        box = (0.0, 0.0, float(columns), float(rows)) if kind == "xa" else bounding_box(truth[0])
        masks = {"first": session.predict(0, box=box).mask, "corrected": truth[CORRECTED]}
        before = track(session, masks, truth, {0: "first"})
        after = track(session, masks, truth, {0: "first", CORRECTED: "corrected"})
        near = [CORRECTED - 2, CORRECTED - 1, CORRECTED + 1, CORRECTED + 2]
        sums[f"{kind}_propagated"].append(float(np.mean(list(before.values()))))
        sums[f"{kind}_near_before"].append(float(np.mean([before[frame] for frame in near])))
        sums[f"{kind}_near_corrected"].append(float(np.mean([after[frame] for frame in near])))
    return means(sums)


def main() -> int:
    """Measure and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--cines", type=int, default=24, help="synthetic cines of each kind")
    options = parser.parse_args()
    segmenter = load_bundled(options.checkpoint, torch.device("cpu"))
    shared = machine.shared_data()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = synthetic(segmenter, options.cines, folder)
        for kind in ("xa", "us"):
            figures |= propagation(segmenter, kind, options.cines // 2, folder)
        if shared is None:
            print("NOT RUN: the shared angiograms are not on this machine.", file=sys.stderr)
        else:
            figures |= real(segmenter, shared, folder)
    for name, value in figures.items():
        print(f"{name:24} {value:.3f}")
    print_figure(**figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
