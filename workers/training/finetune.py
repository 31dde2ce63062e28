"""Fine-tune a checkpoint on the accepted masks of a dataset version: all of it, its decoder, or an adapter on it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workers.protocol.families import FAMILIES
from workers.training.base import load_base, prepare_method, save_result
from workers.training.batches import labelled_frames, sample_batch
from workers.training.config import FinetuneConfig
from workers.training.evaluate import evaluate_model
from workers.training.losses import FROM_SCRATCH, PRETRAINED
from workers.training.manifest import ManifestError, examples
from workers.training.steps import frame_step
from workers.training.stopping import stop_flag

REPORT_SECONDS = 1.0
ALIVE_SECONDS = 30.0
"""After so much silence the last progress is told again: who hears nothing for long takes a training for dead."""
SAVE_SECONDS = 60.0
EMA_DECAY = 0.99
WARM_UP_STEPS = 20
PIXELS_AT_ONCE = 512 * 512
"""Frames of a step go through the model in pieces of so many pixels, or one by one, which bounds the memory."""


class Stopped(Exception):
    """The process was asked to stop; its state is saved."""


def finetune(
    *,
    manifest: Path,
    blobs: Path,
    base: Path,
    out: Path,
    config: FinetuneConfig,
    report: Callable[[dict[str, Any]], None],
    family: str = "",
    device: torch.device | None = None,
) -> dict[str, Any]:
    """Fine-tune a checkpoint and write `model.safetensors` into `out`: a checkpoint, or an adapter of the base.

    Parameters
    ----------
    manifest, blobs, base, out : Path
        The base may be an adapter, whose own base is looked for among the blobs.
    config : FinetuneConfig
    report : callable
        Called with progress events, JSON-serialisable.
    family, device
        See `workers.training.base.load_base`.

    Returns
    -------
    dict
        ``checkpoint`` (path), ``sha256`` and ``metrics``.

    Raises
    ------
    ManifestError, CheckpointError, EngineError
        When an input cannot be used.
    Stopped
        After SIGTERM; the state is saved, and the same call goes on from it.
    """
    train_items = list(examples(manifest, blobs, ("train",)))
    val_items = list(examples(manifest, blobs, ("val",)))
    start = load_base(base, blobs, family=family, device=device)
    model, module = start.model, start.module
    frames = labelled_frames(train_items, model.image_size)
    if not frames:
        raise ManifestError("The training split holds no mask to learn from.", code="nothing_to_learn")
    peak = config.rate(start.spec.family)
    config = replace(config, learning_rate=peak)
    weights = PRETRAINED if FAMILIES[start.spec.family].is_pretrained else FROM_SCRATCH
    at_once = max(1, PIXELS_AT_ONCE // model.image_size**2)
    learning = prepare_method(start, config)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    out.mkdir(parents=True, exist_ok=True)
    state_path = out / "state.pt"
    average = {name: value.detach().clone() for name, value in learning.items()}
    optimizer = torch.optim.AdamW(learning.values(), lr=peak, weight_decay=0.02)
    step, spent = 0, 0.0
    if state_path.exists():
        state = torch.load(state_path, map_location="cpu", weights_only=True)
        _take(learning, state["model"])
        _take(average, state["ema"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
    stop = stop_flag()
    started = saved = told = time.monotonic()
    module.train()
    losses: list[float] = []

    def tell() -> None:
        nonlocal told
        told = time.monotonic()
        loss = round(float(np.mean(losses[-20:])), 4) if losses else None
        progress = {"event": "progress", "step": step, "total_steps": config.steps, "loss": loss}
        report({**progress, "elapsed_s": round(spent + told - started, 1)})

    def keep_alive() -> None:
        if time.monotonic() - told > ALIVE_SECONDS:
            tell()

    def save_state() -> None:
        partial = state_path.with_suffix(".partial")
        torch.save(
            {
                "model": {name: value.detach() for name, value in learning.items()},
                "ema": average,
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": spent + time.monotonic() - started,
            },
            partial,
        )
        partial.replace(state_path)

    tell()
    while step < config.steps:
        elapsed = spent + time.monotonic() - started
        share = max(step / config.steps, elapsed / (60 * config.max_minutes))
        if share >= 1:
            break
        # Also of what the model itself leaves to chance, so that a training that was stopped goes on as it would have.
        rng = np.random.default_rng([config.seed, step])
        torch.manual_seed(int(rng.integers(2**62)))
        rate = peak * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * share) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = rate
        mode = str(rng.choice(["box", "click", "track"], p=[0.55, 0.3, 0.15]))
        corrections = int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))
        batch = sample_batch(rng, frames, config, model, mode=mode)
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for piece in batch.pieces(at_once):
            # Between pieces, as a step of a large model takes minutes on a CPU; no weight has changed since the last.
            if stop.is_set:
                save_state()
                raise Stopped
            keep_alive()
            part, _ = frame_step(model, piece, rng, mode=mode, corrections=corrections, weights=weights)
            part = part * (len(piece.images) / len(batch.images))
            part.backward()
            loss += float(part.detach())
        if not math.isfinite(loss):
            message = "The training has lost its numbers; take a lower learning_rate."
            raise ManifestError(message, code="training_diverged")
        torch.nn.utils.clip_grad_norm_(learning.values(), 1.0)
        optimizer.step()
        step += 1
        losses.append(loss)
        _update_average(average, learning, min(EMA_DECAY, step / (step + 10)))
        if time.monotonic() - told > REPORT_SECONDS or step == config.steps:
            tell()
        if time.monotonic() - saved > SAVE_SECONDS:
            saved = time.monotonic()
            save_state()
    _take(learning, average)
    module.eval()
    metrics = {
        "steps": step,
        "train_frames": len(frames),
        "seconds": round(spent + time.monotonic() - started, 1),
        "loss": round(float(np.mean(losses[-20:])), 4) if losses else None,
        "val_iou": evaluate_model(model, val_items, keep_alive)["iou"],
    }
    provenance = {"parent": start.sha256, "config": asdict(config), "metrics": metrics}
    path, digest = save_result(start, config, out, provenance)
    return {"checkpoint": str(path), "sha256": digest, "metrics": metrics}


@torch.no_grad()
def _update_average(average: Mapping[str, Tensor], learning: Mapping[str, Tensor], decay: float) -> None:
    """Move the averaged weights towards the current ones."""
    for name, value in learning.items():
        average[name].lerp_(value, 1 - decay)


@torch.no_grad()
def _take(weights: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Give weights the values of the same names."""
    for name, weight in weights.items():
        weight.copy_(values[name])
