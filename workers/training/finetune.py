"""Fine-tune a checkpoint on the accepted masks of a dataset version: all of it, its decoder, or an adapter on it."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.engine.adapters import Adapter, add_lora, base_of, continue_lora, load_adapter, merge_lora, save_adapter
from workers.engine.bundled import BundledSam2
from workers.engine.checkpoints import ModelCard, load_checkpoint, save_checkpoint
from workers.training.augment import shade, warp
from workers.training.evaluate import evaluate_model
from workers.training.manifest import Example, ManifestError, blob_path, examples
from workers.training.steps import FrameBatch, frame_step
from workers.training.stopping import stop_flag

REPORT_SECONDS = 1.0
SAVE_SECONDS = 60.0
EMA_DECAY = 0.99
WARM_UP_STEPS = 20
MINIMUM_PIXELS = 12
METHODS = ("full", "decoder", "lora")
DECODER = ("sam_mask_decoder.", "sam_prompt_encoder.", "prompt_pyramid.", "detail.", "hypernetwork.")
"""What the parameters that answer prompts begin with; encoder and memory are the rest."""
ALPHA_OF_RANK = 2


@dataclass(frozen=True)
class FinetuneConfig:
    """How to fine-tune; a campaign may override any field.

    Attributes
    ----------
    steps : int
        Optimiser steps at most.
    max_minutes : float
        Wall-clock limit; the learning rate reaches its end at whichever limit comes first.
    learning_rate : float
    frames_per_step, prompts_per_frame : int
    strength : float
        Strength of augmentation, 1 = as for the bundled checkpoint.
    seed : int
    method : {"full", "decoder", "lora"}
        What learns: all weights; only those that answer prompts; or an adapter beside weights that stay as they are.
    lora_rank : int
        Rank of a new adapter; one that is trained further keeps its own.
    """

    steps: int = 120
    max_minutes: float = 10.0
    learning_rate: float = 4e-4
    frames_per_step: int = 4
    prompts_per_frame: int = 2
    strength: float = 1.0
    seed: int = 1
    method: str = "full"
    lora_rank: int = 8

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FinetuneConfig:
        """Return the config with the given fields replaced.

        Raises
        ------
        ManifestError
            With code ``unknown_setting`` or ``bad_setting``.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        for key in data:
            if key not in kinds:
                raise ManifestError(f"Training has no setting named {key!r}.", code="unknown_setting")
        return cls(**{key: _checked(key, value, str(kinds[key])) for key, value in data.items()})


def _checked(key: str, value: Any, kind: str) -> Any:
    """Return the value of a setting as what its field wants: ``int``, ``float``, or ``str`` for the method."""
    if kind == "str":
        if value not in METHODS:
            named = ", ".join(METHODS)
            raise ManifestError(f"The training setting {key!r} must be one of {named}.", code="bad_setting")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value <= 0:
        raise ManifestError(f"The training setting {key!r} must be a positive number.", code="bad_setting")
    if kind == "int" and value != int(value):
        raise ManifestError(f"The training setting {key!r} must be a whole number.", code="bad_setting")
    return int(value) if kind == "int" else float(value)


class Stopped(Exception):
    """The process was asked to stop; its state is saved."""


@dataclass(frozen=True)
class SquareFrame:
    """One frame at the model's size with its masks: image (S, S) uint8, masks by label, and the DICOM modality."""

    image: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]
    modality: str


def to_squares(items: list[Example], size: int) -> list[SquareFrame]:
    """Bring labelled frames to the model's square; one entry for each frame that has a mask worth learning."""
    grouped: dict[tuple[str, int], list[Example]] = defaultdict(list)
    for item in items:
        grouped[(item.cine, item.frame_index)].append(item)
    squares = []
    for group in grouped.values():
        image = torch.from_numpy(np.array(group[0].image)).float()
        image = image.mean(-1) if image.ndim == 3 else image
        picture = functional.interpolate(image[None, None], size=(size, size), mode="bilinear", antialias=True)
        masks = {}
        for item in group:
            covered = functional.interpolate(
                torch.from_numpy(item.mask).float()[None, None], size=(size, size), mode="bilinear", antialias=True
            )
            mask = (covered[0, 0] > 0.5).numpy()
            if mask.sum() >= MINIMUM_PIXELS:
                masks[item.label] = mask
        if masks:
            pixels = picture[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
            squares.append(SquareFrame(pixels, masks, group[0].modality))
    return squares


def sample_batch(
    rng: np.random.Generator, squares: list[SquareFrame], config: FinetuneConfig, model: BundledSam2
) -> FrameBatch:
    """Draw, augment and prepare the frames of one step, with their targets and boxes."""
    size = model.image_size
    images: list[torch.Tensor] = []
    targets: list[NDArray[np.bool_]] = []
    neighbours: list[NDArray[np.bool_]] = []
    boxes: list[list[tuple[float, float, float, float] | None]] = []
    tries = 0
    while len(images) < config.frames_per_step:
        square = squares[int(rng.integers(len(squares)))]
        names = sorted(square.masks)
        stack = torch.from_numpy(np.stack([square.masks[name] for name in names])).float()[None]
        picture = torch.from_numpy(square.image).float()[None, None]
        tries += 1
        strength = config.strength if tries < 50 * config.frames_per_step else 0.0
        picture, moved = warp(rng, picture, stack, strength)
        # Tracking learns from the same frame a little displaced, as the heart would displace it.
        _, displaced = warp(rng, picture, moved, 0.12)
        now, then = (moved[0] > 0.5).numpy(), (displaced[0] > 0.5).numpy()
        visible = [i for i in range(len(names)) if now[i].sum() >= MINIMUM_PIXELS and then[i].any()]
        if not visible:
            continue
        chosen = [visible[int(rng.integers(len(visible)))] for _ in range(config.prompts_per_frame)]
        pixels = shade(rng, picture, config.strength)[0].round().clamp(0, 255).to(torch.uint8).numpy()
        images.append(model.prepare(pixels, square.modality))
        targets.append(now[chosen])
        neighbours.append(then[chosen])
        whole = [square.modality == "XA" and rng.random() < 0.7 for _ in chosen]
        slack = rng.uniform(0, 0.04, 4) * size
        around = (float(slack[0]), float(slack[1]), float(size - slack[2]), float(size - slack[3]))
        boxes.append([around if flag else None for flag in whole])
    return FrameBatch(torch.cat(images), np.stack(targets), np.stack(neighbours), boxes)


@dataclass(frozen=True)
class Base:
    """What a training begins with.

    Attributes
    ----------
    model : BundledSam2
        The whole model, without the adapter.
    card : ModelCard
        Of the whole model.
    adapter : Adapter or None
        What stands on it, if the file was an adapter.
    """

    model: BundledSam2
    card: ModelCard
    adapter: Adapter | None

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return self.card.sha256 if self.adapter is None else self.adapter.sha256

    def adapted(self) -> BundledSam2:
        """Return the model as it answers, with its adapter if it has one; call it once."""
        if self.adapter is not None:
            continue_lora(self.model, self.adapter)
        return self.model


def load_base(path: Path, blobs: Path) -> Base:
    """Read a checkpoint, or an adapter and the checkpoint below it, which lies among the blobs.

    Raises
    ------
    CheckpointError
    """
    below = base_of(path)
    if below is None:
        return Base(*load_checkpoint(path), None)
    adapter = load_adapter(path)
    return Base(*load_checkpoint(blob_path(blobs, below)), adapter)


def prepare_method(base: Base, config: FinetuneConfig) -> dict[str, torch.nn.Parameter]:
    """Make a model ready to learn as a config says, in place; return the parameters that learn, by name."""
    model, adapter = base.model, base.adapter
    if config.method == "lora":
        if adapter is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                add_lora(model, base.card.family, config.lora_rank, ALPHA_OF_RANK * config.lora_rank)
        else:
            continue_lora(model, adapter)
    elif adapter is not None:
        merge_lora(model, adapter)
    if config.method == "decoder":
        for name, value in model.named_parameters():
            value.requires_grad_(name.startswith(DECODER))
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def save_result(base: Base, config: FinetuneConfig, out: Path, training: dict[str, Any]) -> tuple[Path, str]:
    """Write what was learnt, a checkpoint or an adapter; return the file and its SHA-256."""
    path = out / "model.safetensors"
    if config.method != "lora":
        return path, save_checkpoint(base.model, path, training=training, dtype=torch.float16)
    card = base.card
    return path, save_adapter(
        base.model,
        path,
        base_digest=card.sha256,
        family=card.family,
        preprocess_id=card.preprocess_id,
        licence=card.licence,
        training=training,
        dtype=torch.float16,
    )


def finetune(
    *,
    manifest: Path,
    blobs: Path,
    base: Path,
    out: Path,
    config: FinetuneConfig,
    report: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Fine-tune a checkpoint and write `model.safetensors` into `out`: a checkpoint, or an adapter of the base.

    Parameters
    ----------
    manifest, blobs, base, out : Path
        The base may be an adapter, whose own base is looked for among the blobs.
    config : FinetuneConfig
    report : callable
        Called with progress events, JSON-serialisable.

    Returns
    -------
    dict
        ``checkpoint`` (path), ``sha256`` and ``metrics``.

    Raises
    ------
    ManifestError, CheckpointError
        When an input cannot be used.
    Stopped
        After SIGTERM; the state is saved, and the same call goes on from it.
    """
    train_items = list(examples(manifest, blobs, ("train",)))
    val_items = list(examples(manifest, blobs, ("val",)))
    start = load_base(base, blobs)
    model = start.model
    learning = prepare_method(start, config)
    model.to(memory_format=torch.channels_last)
    squares = to_squares(train_items, model.image_size)
    if not squares:
        raise ManifestError("The training split holds no mask to learn from.", code="nothing_to_learn")
    out.mkdir(parents=True, exist_ok=True)
    state_path = out / "state.pt"
    average = {name: value.detach().clone() for name, value in learning.items()}
    optimizer = torch.optim.AdamW(learning.values(), lr=config.learning_rate, weight_decay=0.02)
    step, spent = 0, 0.0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        _take(learning, state["model"])
        _take(average, state["ema"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
    stop = stop_flag()
    started = saved = told = time.monotonic()
    model.train()
    losses: list[float] = []

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

    report({"event": "progress", "step": step, "total_steps": config.steps, "loss": None, "elapsed_s": round(spent, 1)})
    while step < config.steps:
        elapsed = spent + time.monotonic() - started
        share = max(step / config.steps, elapsed / (60 * config.max_minutes))
        if share >= 1:
            break
        if stop.is_set:
            save_state()
            raise Stopped
        rng = np.random.default_rng([config.seed, step])
        rate = (
            config.learning_rate * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * math.cos(math.pi * share) + 0.01)
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        mode = str(rng.choice(["box", "click", "track"], p=[0.55, 0.3, 0.15]))
        corrections = int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))
        batch = sample_batch(rng, squares, config, model)
        loss, _ = frame_step(model, batch, rng, mode=mode, corrections=corrections)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning.values(), 1.0)
        optimizer.step()
        step += 1
        losses.append(float(loss.detach()))
        _update_average(average, learning, min(EMA_DECAY, step / (step + 10)))
        now = time.monotonic()
        if now - told > REPORT_SECONDS or step == config.steps:
            told = now
            progress = {"event": "progress", "step": step, "total_steps": config.steps}
            progress |= {"loss": round(float(np.mean(losses[-20:])), 4), "elapsed_s": round(spent + now - started, 1)}
            report(progress)
        if now - saved > SAVE_SECONDS:
            saved = now
            save_state()
    _take(learning, average)
    model.eval()
    metrics = {
        "steps": step,
        "train_frames": len(squares),
        "seconds": round(spent + time.monotonic() - started, 1),
        "loss": round(float(np.mean(losses[-20:])), 4) if losses else None,
        "val_iou": evaluate_model(model, val_items)["iou"],
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
