"""Short synthetic clips, made once and kept in memory-mapped files, because drawing them costs more than a step."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fixtures.synthetic import generate_cine

SIZE = 256
FRAMES = 4
OBJECTS = 8
MINIMUM_PIXELS = 60
Clip = tuple[str, NDArray[np.uint8], NDArray[np.bool_], list[str]]
"""Kind, frames (T, H, W), masks (O, T, H, W), names."""
MIX = ("xa", "xa", "xa", "xa", "us", "mr", "ivus", "oct")


def make_clip(seed: int) -> Clip | None:
    """Return (kind, frames (T, H, W), masks (O, T, H, W), names) of a clip, or None when nothing in it is visible."""
    kind = MIX[seed % len(MIX)]
    fps = float(np.random.default_rng(seed).choice([7.5, 15.0, 15.0, 30.0]))
    cine = generate_cine(kind, seed=seed, frames=FRAMES, size=SIZE, fps=fps)
    seen = [name for name, mask in cine.labels.items() if mask.any((1, 2)).all() and mask[0].sum() >= MINIMUM_PIXELS]
    if not seen or (kind == "xa" and "coronary_artery" not in seen):
        return None
    main = [name for name in seen if not name.startswith("branch_")]
    rng = np.random.default_rng(seed)
    branches = [name for name in seen if name.startswith("branch_")]
    rng.shuffle(branches)
    names = (main + branches)[:OBJECTS]
    return kind, cine.frames, np.stack([cine.labels[name] for name in names]), names


def _write(task: tuple[int, Path]) -> None:
    seed, folder = task
    path = folder / f"{seed:06d}.npz"
    if path.exists():
        return
    clip = make_clip(seed)
    if clip is None:
        np.savez(path, kind="", frames=np.zeros(0, np.uint8), masks=np.zeros(0, np.uint8), names=[])
        return
    kind, frames, masks, names = clip
    packed = np.packbits(masks, axis=-1)
    np.savez(path, kind=kind, frames=frames, masks=packed, names=names)


def prepare(folder: Path, seeds: range, processes: int) -> None:
    """Make the clips of these seeds that the folder does not hold yet."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(seed, folder) for seed in seeds]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for done, _ in enumerate(pool.imap_unordered(_write, tasks, chunksize=8), 1):
            if done % 200 == 0:
                print(f"clips: {done} of {len(tasks)}", flush=True)


class ClipStore:
    """The clips of a range of seeds, loaded on demand."""

    def __init__(self, folder: Path, seeds: range) -> None:
        self._paths = [folder / f"{seed:06d}.npz" for seed in seeds]
        self._loaded: dict[int, tuple[str, NDArray[np.uint8], NDArray[np.uint8], list[str]] | None] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def get(self, index: int) -> Clip | None:
        """Return (kind, frames (T, H, W), masks (O, T, H, W), names), or None for an empty clip."""
        if index not in self._loaded:
            with np.load(self._paths[index]) as data:
                kind = str(data["kind"])
                self._loaded[index] = (kind, data["frames"], data["masks"], list(data["names"])) if kind else None
        clip = self._loaded[index]
        if clip is None:
            return None
        return clip[0], clip[1], np.unpackbits(clip[2], axis=-1).astype(bool), clip[3]
