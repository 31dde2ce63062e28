"""Whether our engine's masks are those of the reference, frame by frame: `make bench-accuracy`.

SAM 2.1 tiny at 512 pixels is compared with the stock `SAM2VideoPredictor` of the same weights. The official weights
cannot be had here, and those of a fresh model say little: their masks are noise around zero, where rounding decides
each pixel. So the heads and the memory first learn one structure of a synthetic cine for a minute (the encoder stays as
it is made; the object score is fixed to "there is one"), and are then compared on other frames of other cines of the
kind.

The bundled model cannot stand in the stock predictor: its prompts are maps, its decoder ends at stride 2, and its
memories are placed otherwise (docs/adr/0004). It is compared with itself, step by step: one label and one frame at a
time, float32 features, nothing kept.

Through the session go clicks, boxes, a propagation of two labels at once, and one after a frame in the middle was
corrected; features lie in half precision in the store.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fixtures.synthetic import SyntheticCine, generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.benchmarks.reference import Reference
from workers.engine.bundled import PADDING, POSITIVE
from workers.engine.cine import CinePixels
from workers.engine.families import best_precision, load_bundled
from workers.engine.features import FeatureStore
from workers.engine.masks import coverage, to_mask
from workers.engine.sam21 import Precision, StockSam2, build_sam21, load_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.engine.segmenter import Box, LabelTrack, Point, Session
from workers.engine.session import Sam2Model, Sam2Segmenter
from workers.engine.tensors import Decoded, Features, Memory
from workers.training.evaluate import agreement
from workers.training.prompts import bounding_box, click_inside

Mask = NDArray[np.bool_]
Answer = tuple[str, Mask, Mask]
"""What was asked, our mask and the reference's."""
CONFIG = replace(SAM21_CONFIGS["sam2.1-tiny"], image_size=512)
CHECKPOINT = machine.ROOT / "fixtures" / "checkpoints" / "bundled.safetensors"
SEED = 7_300_000
LABELS = {"us": ("left_ventricle", "left_atrium"), "mr": ("left_ventricle", "myocardium")}
KINDS = tuple(LABELS)
PARTS = ("sam_", "memory_", "obj_ptr", "mask_downsample", "no_mem", "no_obj", "maskmem")
"""Beginnings of the names of the weights that learn: all but the encoder's."""
LESSON_FRAMES = 4
FREE_CLICKS = 6


def trained_model(steps: int, seed: int) -> StockSam2:
    """Return a model that has learned for some steps to find and to follow the first structure of each kind."""
    torch.manual_seed(seed)
    model = build_sam21(CONFIG, preprocess_id="sam2-imagenet-v1")
    score = model.sam_mask_decoder.pred_obj_score_head.layers[-1]
    torch.nn.init.zeros_(score.weight)
    torch.nn.init.constant_(score.bias, 4.0)
    lessons = [
        lesson(generate_cine(kind, seed=SEED + 50, frames=LESSON_FRAMES), LABELS[kind][0], model) for kind in KINDS
    ]
    learning = [value for name, value in model.named_parameters() if name.startswith(PARTS)]
    optimizer = torch.optim.AdamW(learning, lr=5e-4, weight_decay=0.01)
    rng, started, ious = np.random.default_rng(seed), time.monotonic(), []
    for step in range(steps):
        loss, iou = (track_lesson if step % 2 else click_lesson)(model, lessons[step // 2 % len(lessons)], rng)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        ious.append(iou)
    last = float(np.mean(ious[-len(ious) // 4 :]))
    print(
        f"learned for {steps} steps, {time.monotonic() - started:.0f} s; IoU of the last quarter {last:.2f}", flush=True
    )
    return model


@dataclass(frozen=True)
class Lesson:
    """One label of one cine: features, masks (T, H, W), and how much of each logit cell they cover (T, 1, L, L)."""

    seen: list[Features]
    masks: NDArray[np.bool_]
    covered: Tensor


def lesson(cine: SyntheticCine, label: str, model: StockSam2) -> Lesson:
    """Encode a cine once; the encoder does not learn."""
    masks = cine.labels[label]
    with torch.no_grad():
        seen = [model.encode(model.prepare(frame[None], cine.modality)) for frame in cine.frames]
    return Lesson(seen, masks, torch.stack([coverage(mask, model.logit_side) for mask in masks])[:, None])


def click_lesson(model: StockSam2, given: Lesson, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Return the loss and IoU of the answer to a click."""
    place = int(rng.integers(LESSON_FRAMES))
    x, y = click_inside(rng, given.masks[place])
    scale = model.image_size / given.masks.shape[2]
    decoded = model.decode(given.seen[place], torch.tensor([[[x * scale, y * scale]]]), torch.tensor([[POSITIVE]]))
    return graded(decoded, given.covered[place])


def track_lesson(model: StockSam2, given: Lesson, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Return the loss and IoU of a frame tracked from another one's mask."""
    here, there = rng.choice(LESSON_FRAMES, 2, replace=False)
    _, memory = model.condition(given.seen[here], [given.masks[here]])
    bank = [replace(memory, distance=abs(int(there - here)), frame_count=LESSON_FRAMES)]
    recalled = model.recall(given.seen[there], bank)
    decoded = model.decode(given.seen[there], *nothing(), recalled=recalled)
    return graded(decoded, given.covered[there])


def nothing() -> tuple[Tensor, Tensor]:
    """Return the prompts of a tracked frame: none."""
    return torch.zeros(1, 1, 2), torch.full((1, 1), PADDING)


def graded(decoded: Decoded, covered: Tensor) -> tuple[Tensor, float]:
    """Return the loss and the IoU of an answer to what cells (1, L, L) a mask covers.

    Dice, and cross-entropy in which the few pixels of a structure count: the product's own loss needs far more steps
    from scratch.
    """
    logits, wanted = decoded.logits[0], covered
    probability = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=torch.tensor(5.0))
    dice = 1 - (2 * (probability * wanted).sum() + 1) / (probability.sum() + wanted.sum() + 1)
    return entropy + dice, agreement((logits > 0).numpy(), (wanted > 0.5).numpy())[0]


def prompts_for(truth: Mask, frame_count: int) -> Iterator[tuple[str, int, list[Point], Box | None]]:
    """Yield what a reader might ask on single frames: name, frame, points, box."""
    rng = np.random.default_rng(5)
    for frame in np.linspace(0, frame_count - 1, FREE_CLICKS).astype(int).tolist():
        if not truth[frame].any():
            continue
        x, y = click_inside(rng, truth[frame])
        left, top, right, bottom = box = bounding_box(truth[frame])
        yield f"click on {frame}", frame, [(x, y, True)], None
        yield f"clicks on {frame}", frame, [(x, y, True), (left, top, False)], None
        yield f"box on {frame}", frame, [], box
        yield f"box and click on {frame}", frame, [((left + right) / 2, (top + bottom) / 2, True)], box


def runs_for(frame_count: int) -> dict[str, tuple[list[int], list[range]]]:
    """Return propagations: conditioning frames, and the stretches in which the engine tracks them."""
    middle, last = frame_count // 2, frame_count - 1
    half = middle // 2
    return {
        "propagated": ([0], [range(last + 1)]),
        "corrected": ([0, middle], [range(half + 1), range(middle, half, -1), range(middle, last + 1)]),
    }


def propagated(
    session: Session, masks: Mapping[str, NDArray[np.bool_]], conditioning: Sequence[int], frame_count: int
) -> dict[tuple[str, int], Mask]:
    """Return our masks by (label, frame), the labels tracked together."""
    held = frozenset(conditioning)
    tracks = [LabelTrack(label, {frame: f"{label} {frame}" for frame in conditioning}, held) for label in masks]

    def load(digest: str) -> Mask:
        label, frame = digest.split()
        mask: Mask = masks[label][int(frame)]
        return mask

    answers = session.propagate(tracks, [list(range(frame_count))], load)
    return {(answer.label, answer.frame_index): answer.mask for answer in answers if answer is not None}


def against_stock(model: StockSam2, session: Session, cine: SyntheticCine) -> Iterator[Answer]:
    """Yield our answers beside those of the stock predictor."""
    count, labels = len(cine.frames), LABELS[cine.modality.lower()]
    masks = {label: cine.labels[label] for label in labels}
    reference = Reference.stock(CONFIG, model, cine.frames, cine.modality)
    for name, frame, points, box in prompts_for(masks[labels[0]], count):
        answer = session.predict(frame, points=points, box=box)
        yield name, answer.mask, (reference.predict(frame, points, box) > 0).numpy()
    for name, (conditioning, stretches) in runs_for(count).items():
        ours = propagated(session, masks, conditioning, count)
        for stretch in stretches:
            reference.start_again()
            for number, label in enumerate(labels):
                reference.condition(number, {frame: masks[label][frame] for frame in conditioning})
            is_reverse = stretch.step < 0
            for frame, logits in reference.propagate(stretch.start, len(stretch) - 1, reverse=is_reverse):
                for number, label in enumerate(labels):
                    if frame not in conditioning:
                        yield f"{name} {label} on {frame}", ours[label, frame], (logits[number] > 0).numpy()


def against_itself(model: Sam2Model, session: Session, cine: SyntheticCine) -> Iterator[Answer]:
    """Yield our answers beside those of the bundled model alone: one label, one frame, one step after the other."""
    count, labels = len(cine.frames), LABELS[cine.modality.lower()]
    masks = {label: cine.labels[label] for label in labels}
    rows, columns = cine.frames.shape[1:]

    def seen(frame: int) -> Features:
        return model.encode(model.prepare(cine.frames[frame][None], cine.modality))

    for name, frame, points, box in prompts_for(masks[labels[0]], count):
        corners = [] if box is None else [(box[0], box[1], 2), (box[2], box[3], 3)]
        places = torch.tensor([[*corners, *((x, y, int(sign)) for x, y, sign in points)]], dtype=torch.float32)
        scale = torch.tensor([model.image_size / columns, model.image_size / rows])
        decoded = model.decode(seen(frame), places[..., :2] * scale, places[..., 2].long())
        answer = session.predict(frame, points=points, box=box)
        yield name, answer.mask, to_mask(decoded.best()[0], rows, columns)
    for name, (conditioning, stretches) in runs_for(count).items():
        ours = propagated(session, masks, conditioning, count)
        for stretch in stretches:
            for label in labels:
                given = {frame: masks[label][frame] for frame in conditioning}
                for frame, logits in tracked_alone(model, seen, given, stretch):
                    yield f"{name} {label} on {frame}", ours[label, frame], to_mask(logits, rows, columns)


def tracked_alone(
    model: Sam2Model, seen: Callable[[int], Features], given: Mapping[int, Mask], stretch: range
) -> Iterator[tuple[int, Tensor]]:
    """Yield each frame behind the first of a stretch, and its logits (1, 1, L, L)."""
    conditioned = {frame: model.condition(seen(frame), [mask]) for frame, mask in given.items()}
    previous, _ = conditioned[stretch.start]
    recent: list[Memory] = []
    for frame in stretch[1:]:
        if frame in given:
            continue
        features = seen(frame)
        others = sorted(given.keys() - {stretch.start}, key=lambda other: abs(other - frame))
        near = [stretch.start, *others][: model.conditioning_in_attention]
        kept = recent[-model.recent_kept :]
        bank = [conditioned[other][1] for other in near]
        bank += [replace(memory, age=len(kept) - place) for place, memory in enumerate(kept)]
        recalled = model.recall(features, bank)
        decoded = model.decode(features, *nothing(), previous=previous, other_frame=True, recalled=recalled)
        previous = decoded.best()[0]
        recent.append(model.remember(features, previous, decoded.pointer, 1))
        yield frame, previous


@torch.no_grad()
def worst(title: str, answers: Iterator[Answer]) -> float:
    """Print and return the lowest IoU of a cine's answers, with the sizes of the masks: empty ones prove little."""
    found = [(agreement(ours, wanted)[0], name, wanted) for name, ours, wanted in answers]
    low, name, _ = min(found, key=lambda entry: entry[0])
    areas = [int(wanted.sum()) for _, _, wanted in found]
    print(
        f"{title}: {len(found)} masks of {min(areas)} to {max(areas)} pixels, lowest IoU {low:.4f} ({name})", flush=True
    )
    return low


def measure(
    segmenter: Sam2Segmenter,
    frame_count: int,
    folder: Path,
    compare: Callable[[Session, SyntheticCine], Iterator[Answer]],
) -> float:
    """Return the lowest IoU over one cine of each kind."""
    lowest = []
    for kind in KINDS:
        cine = generate_cine(kind, seed=SEED, frames=frame_count)
        path = folder / f"{kind}.npy"
        np.save(path, cine.frames)
        pixels = CinePixels(path, digest=kind, window=(0, 255), modality=cine.modality)
        session = segmenter.open(pixels, features=FeatureStore(1 << 30))
        lowest.append(worst(f"{segmenter.spec.family} {kind}", compare(session, cine)))
    return min(lowest)


def main() -> int:
    """Measure and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=24, help="frames of each cine")
    parser.add_argument("--steps", type=int, default=160, help="steps for which the large model learns first")
    cpu = torch.device("cpu")
    # As a worker here would compute without a setting.
    parser.add_argument("--precision", choices=get_args(Precision), default=best_precision(cpu))
    options = parser.parse_args()
    precision: Precision = options.precision
    bundled = load_bundled(CHECKPOINT, cpu)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = measure(bundled, options.frames, folder, lambda *given: against_itself(bundled.model, *given))
        model = trained_model(options.steps, SEED)
        path = folder / "sam2.1_hiera_tiny.pt"
        torch.save({"model": model.state_dict()}, path)
        loaded = load_sam21("sam2.1-tiny", path, cpu, image_size=CONFIG.image_size, precision=precision)
        large = measure(loaded, options.frames, folder, lambda *given: against_stock(model, *given))
    print_figure(
        min_iou=round(min(small, large), 4),
        bundled_min_iou=round(small, 4),
        sam21_tiny_512_min_iou=round(large, 4),
        precision=precision,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
