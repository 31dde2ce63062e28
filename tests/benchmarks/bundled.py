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
from torch.nn import functional

from fixtures.synthetic import KINDS, generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.learn import read_angiograms
from workers.engine.bundled import BundledSam2, preprocess
from workers.engine.checkpoints import load_checkpoint
from workers.engine.cine import CinePixels
from workers.engine.families import load_bundled
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack, Session
from workers.training.evaluate import agreement
from workers.training.prompts import bounding_box
from workers.training.steps import FrameBatch, frame_step

CHECKPOINT = machine.ROOT / "fixtures" / "checkpoints" / "bundled.safetensors"
TARGETS = {"xa": "coronary_artery", "us": "left_ventricle", "ivus": "lumen", "oct": "lumen", "mr": "left_ventricle"}
FIRST_SEED = 7_100_000
CLICKS = 5
TRACKED_FRAMES, CORRECTED = 13, 6
Box = tuple[float, float, float, float]


def simulate(
    model: BundledSam2, image: NDArray[np.uint8], mask: NDArray[np.bool_], near: NDArray[np.bool_], whole: bool
) -> dict[str, float]:
    """Return the IoU after each click, for one box, and from the neighbour's mask; all at the model's size."""
    size = float(model.image_size)
    boxes: list[list[Box | None]] = [[(0.0, 0.0, size, size) if whole else None]]
    batch = FrameBatch(preprocess(image[None]), mask[None, None], near[None, None], boxes)
    found = {}
    for mode, corrections in (("click", CLICKS - 1), ("box", 0), ("track", 0)):
        _, ious = frame_step(model, batch, np.random.default_rng(1), mode=mode, corrections=corrections)
        names = [f"click{number}" for number in range(1, CLICKS + 1)] if mode == "click" else [mode]
        found.update(zip(names, ious, strict=True))
    return found


def synthetic(model: BundledSam2, cines: int) -> dict[str, float]:
    """Return mean IoUs on held-out synthetic cines by kind."""
    sums: dict[str, list[float]] = defaultdict(list)
    for kind in KINDS:
        for seed in range(FIRST_SEED, FIRST_SEED + cines):
            cine = generate_cine(kind, seed=seed, frames=2)
            mask = cine.labels[TARGETS[kind]]
            if mask[0].sum() < 60 or not mask[1].any():
                continue
            for name, iou in simulate(model, cine.frames[0], mask[0], mask[1], kind == "xa").items():
                sums[f"{kind}_{name}"].append(iou)
    return {name: round(float(np.mean(values)), 3) for name, values in sums.items()}


def real(model: BundledSam2, shared: Path) -> dict[str, float]:
    """Return mean IoUs on the real angiograms, brought to the model's square."""
    sums: dict[str, list[float]] = defaultdict(list)
    size = (model.image_size, model.image_size)
    for angiogram in read_angiograms(shared):
        image = functional.interpolate(
            torch.from_numpy(angiogram.image.astype(np.float32))[None, None], size=size, mode="bilinear", antialias=True
        )
        mask = functional.interpolate(
            torch.from_numpy(angiogram.mask.astype(np.float32))[None, None], size=size, mode="bilinear", antialias=True
        )
        truth = (mask[0, 0] > 0.5).numpy()
        found = simulate(model, image[0, 0].round().to(torch.uint8).numpy(), truth, truth, whole=True)
        for name in [f"click{number}" for number in range(1, CLICKS + 1)] + ["box"]:
            sums[f"real_{name}"].append(found[name])
    return {name: round(float(np.mean(values)), 3) for name, values in sums.items()}


def track(
    session: Session, masks: dict[str, NDArray[np.bool_]], truth: NDArray[np.bool_], conditioning: dict[int, str]
) -> dict[int, float]:
    """Propagate over the whole cine and return the IoU of each frame that was answered."""
    tracks = [LabelTrack("label", conditioning, frozenset(conditioning))]
    answers = session.propagate(tracks, [list(range(TRACKED_FRAMES))], masks.__getitem__)
    return {one.frame_index: agreement(one.mask, truth[one.frame_index])[0] for one in answers if one is not None}


def propagation(checkpoint: Path, kind: str, cines: int) -> dict[str, float]:
    """Return the mean IoU of a propagated cine, and of the neighbours of a frame before and after its correction."""
    segmenter = load_bundled(checkpoint, torch.device("cpu"))
    sums: dict[str, list[float]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + cines):
        cine = generate_cine(kind, seed=seed, frames=TRACKED_FRAMES)
        truth = cine.labels[TARGETS[kind]]
        if not truth.any((1, 2)).all():
            continue
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "cine.npy"
            np.save(path, cine.frames)
            with CinePixels(path, digest=f"{kind}{seed}", window=(0, 255)) as pixels:
                session = segmenter.open(pixels, features=FeatureStore(1 << 28))
                rows, columns = truth.shape[1:]
                box = (0.0, 0.0, float(columns), float(rows)) if kind == "xa" else bounding_box(truth[0])
                masks = {"first": session.predict(0, box=box).mask, "corrected": truth[CORRECTED]}
                before = track(session, masks, truth, {0: "first"})
                after = track(session, masks, truth, {0: "first", CORRECTED: "corrected"})
        sums[f"{kind}_propagated"].append(float(np.mean(list(before.values()))))
        near = [CORRECTED - 2, CORRECTED - 1, CORRECTED + 1, CORRECTED + 2]
        sums[f"{kind}_near_before"].append(float(np.mean([before[frame] for frame in near])))
        sums[f"{kind}_near_corrected"].append(float(np.mean([after[frame] for frame in near])))
    return {name: round(float(np.mean(values)), 3) for name, values in sums.items()}


@torch.no_grad()
def main() -> int:
    """Measure and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--cines", type=int, default=24, help="synthetic cines of each kind")
    options = parser.parse_args()
    model, _ = load_checkpoint(options.checkpoint)
    figures = synthetic(model, options.cines)
    for kind in ("xa", "us"):
        figures |= propagation(options.checkpoint, kind, options.cines // 2)
    shared = machine.shared_data()
    if shared is None:
        print("NOT RUN: the shared angiograms are not on this machine.", file=sys.stderr)
    else:
        figures |= real(model, shared)
    for name, value in figures.items():
        print(f"{name:24} {value:.3f}")
    print_figure(**figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
