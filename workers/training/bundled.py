"""Train the bundled checkpoint from synthetic cines: `python -m workers.training.bundled --out FILE --minutes 90`."""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.engine.bundled import BundledSam2, build_bundled
from workers.engine.checkpoints import load_checkpoint, save_checkpoint
from workers.training.augment import shade, warp
from workers.training.clips import SIZE, Clip, ClipStore, prepare
from workers.training.steps import FrameBatch, clip_step, frame_step

FRAMES_PER_STEP = 4
PROMPTS_PER_FRAME = 3
LEARNING_RATE = 1e-3
WARM_UP_STEPS = 50
SAVE_SECONDS = 120
TRACK_FROM = 0.35
"""Tracked clips come when so much of the time is over: there is nothing to track before masks are found."""
KEPT = {"xa": 0.6, "us": 0.5, "ivus": 0.5, "oct": 0.5, "mr": 1.0}
"""How many of the clips drawn are used: half of them are angiograms, and short axes are the hardest to learn."""
HELD_OUT = range(900_000, 900_120)


def pick_targets(
    rng: np.random.Generator, kind: str, masks: NDArray[np.bool_], names: list[str], *, mode: str
) -> tuple[NDArray[np.bool_], list[tuple[float, float, float, float] | None]]:
    """Choose what the prompts on a frame shall select.

    Parameters
    ----------
    masks : ndarray of bool (O, F, S, S)
        Structures on F frames, the prompted one first.
    mode : {"click", "box", "track"}

    Returns
    -------
    targets : ndarray of bool (G, F, S, S)
    boxes : list
        A box for each target, or None for the target's own.

    Notes
    -----
    In an angiogram a click means the whole opacified tree more often than a branch, and a box means all vessels inside
    it; one box over the whole image therefore asks for the whole tree.
    """
    targets: list[NDArray[np.bool_]] = []
    boxes: list[tuple[float, float, float, float] | None] = []
    tree = names.index("coronary_artery") if kind == "xa" else -1
    for _ in range(PROMPTS_PER_FRAME):
        box = None
        if kind == "xa" and mode == "box":
            chosen = masks[tree]
            if rng.random() < 0.5:
                slack = rng.uniform(0, 0.06, 4) * SIZE
                box = (float(slack[0]), float(slack[1]), float(SIZE - slack[2]), float(SIZE - slack[3]))
            else:
                x, y = rng.uniform(0, 0.6 * SIZE, 2)
                width, height = rng.uniform(0.2 * SIZE, 0.8 * SIZE, 2)
                box = (float(x), float(y), float(min(x + width, SIZE)), float(min(y + height, SIZE)))
            inside = np.zeros((SIZE, SIZE), bool)
            inside[int(box[1]) : math.ceil(box[3]), int(box[0]) : math.ceil(box[2])] = True
            if (chosen[0] & inside).sum() < 40:
                inside[:], box = True, (0.0, 0.0, float(SIZE), float(SIZE))
            chosen = chosen & inside
        elif kind == "xa" and rng.random() < 0.6:
            chosen = masks[tree]
        else:
            chosen = masks[int(rng.integers(len(masks)))]
        targets.append(chosen)
        boxes.append(box)
    return np.stack(targets), boxes


def draw_clip(rng: np.random.Generator, clips: ClipStore) -> Clip:
    """Draw a clip that shows something."""
    while True:
        clip = clips.get(int(rng.integers(len(clips))))
        if clip is not None and rng.random() < KEPT[clip[0]]:
            return clip


def sample_frames(rng: np.random.Generator, clips: ClipStore, model: BundledSam2, mode: str) -> FrameBatch:
    """Draw, augment and prepare the frames of one step."""
    frames: list[torch.Tensor] = []
    targets: list[NDArray[np.bool_]] = []
    boxes: list[list[tuple[float, float, float, float] | None]] = []
    while len(frames) < FRAMES_PER_STEP:
        kind, images, masks, names = draw_clip(rng, clips)
        first = int(rng.integers(len(images)))
        second = int(np.clip(first + rng.choice([-1, 1]), 0, len(images) - 1))
        pair = [first, second]
        picture, moved = warp(
            rng,
            torch.from_numpy(images[pair[:1]]).float()[None],
            torch.from_numpy(masks[:, pair].reshape(1, -1, SIZE, SIZE)).float(),
        )
        warped = (moved[0] > 0.5).numpy().reshape(len(masks), 2, SIZE, SIZE)
        large = [index for index in range(len(names)) if warped[index, 0].sum() >= 40]
        if not large or (kind == "xa" and names.index("coronary_artery") not in large):
            continue
        kept = [names[index] for index in large]
        chosen, given = pick_targets(rng, kind, warped[large], kept, mode=mode)
        pixels = shade(rng, picture)[0].round().clamp(0, 255).to(torch.uint8).numpy()
        frames.append(model.prepare(pixels, kind.upper()))
        targets.append(chosen)
        boxes.append(given)
    stacked = np.stack(targets)
    return FrameBatch(torch.cat(frames), stacked[:, :, 0], stacked[:, :, 1], boxes)


def sample_clip(
    rng: np.random.Generator, clips: ClipStore, model: BundledSam2
) -> tuple[torch.Tensor, NDArray[np.bool_]]:
    """Draw one clip with the structures to track: images (T, 3, S, S) and masks (T, G, S, S)."""
    while True:
        kind, images, masks, names = draw_clip(rng, clips)
        count = len(images)
        picture, moved = warp(
            rng,
            torch.from_numpy(images).float()[None],
            torch.from_numpy(masks.reshape(1, -1, SIZE, SIZE)).float(),
        )
        warped = (moved[0] > 0.5).numpy().reshape(len(masks), count, SIZE, SIZE)
        large = [index for index in range(len(names)) if warped[index].sum((1, 2)).min() >= 40]
        kept = [names[index] for index in large]
        if not large or (kind == "xa" and "coronary_artery" not in kept):
            continue
        chosen, _ = pick_targets(rng, kind, warped[large], kept, mode="track")
        order = slice(None, None, -1) if rng.random() < 0.5 else slice(None)
        pixels = shade(rng, picture)[0].round().clamp(0, 255).to(torch.uint8).numpy()
        return model.prepare(pixels[order], kind.upper()), chosen.transpose(1, 0, 2, 3)[order].copy()


@torch.no_grad()
def held_out(model: BundledSam2, clips: ClipStore, count: int = 60) -> dict[str, float]:
    """Return mean IoU on held-out clips for clicks 1 to 5, a box, and tracking, by kind."""
    model.eval()
    sums: dict[str, list[float]] = {}
    seen = 0
    for index in range(len(clips)):
        clip = clips.get(index)
        if clip is None or seen >= count:
            continue
        seen += 1
        kind, images, masks, names = clip
        rng = np.random.default_rng(index)
        target = names.index("coronary_artery") if kind == "xa" else int(rng.integers(len(names)))
        chosen = masks[target][None]
        whole = (0.0, 0.0, float(SIZE), float(SIZE)) if kind == "xa" else None
        boxes: list[list[tuple[float, float, float, float] | None]] = [[whole]]
        pictures = model.prepare(images, kind.upper())
        batch = FrameBatch(pictures[:1], chosen[None, :, 0], chosen[None, :, 1], boxes)
        _, clicks = frame_step(model, batch, rng, mode="click", corrections=4)
        for number, value in enumerate(clicks, 1):
            sums.setdefault(f"{kind}_click{number}", []).append(value)
        _, box = frame_step(model, batch, rng, mode="box", corrections=0)
        sums.setdefault(f"{kind}_box", []).append(box[0])
        _, track = frame_step(model, batch, rng, mode="track", corrections=0)
        sums.setdefault(f"{kind}_track", []).append(track[0])
        _, clip_ious = clip_step(model, pictures, chosen.transpose(1, 0, 2, 3), np.random.default_rng(5))
        sums.setdefault(f"{kind}_clip", []).append(float(np.mean(clip_ious)))
    model.train()
    return {key: round(float(np.mean(values)), 3) for key, values in sorted(sums.items())}


def train(options: argparse.Namespace) -> None:
    """Train until the minutes are over; write the checkpoint every two minutes and go on from it when asked to."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    prepare(options.clips, range(options.clip_count), options.threads)
    prepare(options.clips, HELD_OUT, options.threads)
    clips, test = ClipStore(options.clips, range(options.clip_count)), ClipStore(options.clips, HELD_OUT)
    model, start = build_bundled(), None
    if options.start is not None:
        weights, card = load_checkpoint(options.start)
        model.load_state_dict(weights.state_dict())
        start = card.sha256
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.02)
    state_path = options.out.with_suffix(".state")
    step, spent = 0, 0.0
    if options.resume and state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
        rng = np.random.default_rng([options.seed, step])
    started = saved = time.monotonic()
    model.train()
    recent: dict[str, list[float]] = {}
    while True:
        seconds = spent + time.monotonic() - started
        share = seconds / (60 * options.minutes)
        if share >= 1:
            break
        warm = min(1, (step + 1) / WARM_UP_STEPS)
        rate = options.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * share) + 0.005)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if (start or share > TRACK_FROM) and rng.random() < 0.3:
            mode = "clip"
            loss, ious = clip_step(model, *sample_clip(rng, clips, model), rng)
        else:
            mode = str(rng.choice(["click", "box", "track"], p=[0.45, 0.35, 0.2]))
            corrections = int(rng.choice([0, 1, 2, 3], p=[0.25, 0.35, 0.25, 0.15]))
            batch = sample_frames(rng, clips, model, mode)
            loss, ious = frame_step(model, batch, rng, mode=mode, corrections=corrections)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        recent.setdefault(mode, []).append(ious[0])
        if mode in ("click", "box") and len(ious) > 1:
            recent.setdefault(f"{mode}+{len(ious) - 1}", []).append(ious[-1])
        if step % 50 == 0:
            means = {key: round(float(np.mean(values)), 3) for key, values in sorted(recent.items())}
            print(f"step {step} minutes {seconds / 60:.1f} lr {rate:.5f} {json.dumps(means)}", flush=True)
            recent = {}
        if time.monotonic() - saved > SAVE_SECONDS:
            saved = time.monotonic()
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": seconds,
                },
                state_path,
            )
            save_checkpoint(model, options.out, training={"steps": step}, dtype=torch.float16)
        if step % 400 == 0:
            print(f"held out at step {step}: {json.dumps(held_out(model, test, 32))}", flush=True)
    figures = held_out(model, test, len(test))
    provenance = {
        "data": "synthetic cines of fixtures.synthetic",
        "clips": options.clip_count,
        "seed": options.seed,
        "start": start,
        "steps": step,
        "minutes": round(seconds / 60, 1),
        "hardware": f"{platform.machine()} CPU, {options.threads} threads",
        "held_out": figures,
    }
    digest = save_checkpoint(model, options.out, training=provenance, dtype=torch.float16)
    print(f"done: {json.dumps({**provenance, 'sha256': digest})}", flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=Path, default=Path("data/clips"), help="where the synthetic clips are kept")
    parser.add_argument("--clip-count", type=int, default=2400)
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--start", type=Path, help="begin with the weights of this checkpoint")
    parser.add_argument("--resume", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
