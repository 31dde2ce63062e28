"""Which loader knows which family of models (`workers.protocol.families` says what each is)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workers.engine.bundled import BundledSam2
from workers.engine.checkpoints import FORMAT, CheckpointError, load_checkpoint, save_checkpoint, write_safetensors
from workers.engine.errors import EngineError
from workers.engine.sam21 import load_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.engine.segmenter import ModelSpec, Segmenter
from workers.engine.session import Sam2Segmenter
from workers.protocol.families import Precision

Loader = Callable[..., Segmenter]
"""Takes the path of a checkpoint and a device."""


def load_bundled(path: Path, device: torch.device) -> Sam2Segmenter:
    """Load a checkpoint of the family ``bundled``."""
    model, card = load_checkpoint(path)
    model.to(device)
    weights = sum(value.element_size() * value.nelement() for value in model.state_dict().values())
    spec = ModelSpec(card.sha256, card.family, card.image_size, card.preprocess_id, card.licence, weights)
    return Sam2Segmenter(model, spec, device)


def _load_sam3(path: Path, device: torch.device, *, beside: Mapping[str, Path] | None = None) -> Segmenter:
    # Imported late: transformers takes seconds, which no other family needs.
    from workers.engine.sam3 import load_sam3

    return load_sam3(path, device, beside=beside)


LOADERS: Mapping[str, Loader] = {
    "bundled": load_bundled,
    **{family: functools.partial(load_sam21, family) for family in SAM21_CONFIGS},
    "sam3": _load_sam3,
}


def find_loader(family: str) -> Loader:
    """Return the loader of a family; raises EngineError ``unknown_family``."""
    loader = LOADERS.get(family)
    if loader is None:
        known = ", ".join(LOADERS)
        raise EngineError(
            f"This worker cannot run models of the family {family!r}; it knows {known}.", code="unknown_family"
        )
    return loader


def best_precision(device: torch.device) -> Precision:
    """Return the precision that a device computes fastest in with the same masks (docs/performance.md)."""
    capable = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "mixed" if capable.get("avx512_bf16") or capable.get("amx_bf16") else "float32"


def load_segmenter(
    path: Path,
    *,
    family: str,
    digest: str,
    device: torch.device,
    precision: Precision = "float32",
    beside: Mapping[str, Path] | None = None,
) -> Segmenter:
    """Load a model.

    Parameters
    ----------
    path : Path
        The checkpoint.
    family : str
        A key of `LOADERS`.
    digest : str
        SHA-256 that the checkpoint must have.
    device : torch.device
    precision : {"float32", "mixed", "bfloat16"}
        For SAM 2.1 and MedSAM2 (`workers.engine.sam21.StockSam2`); other families compute in float32 only.
    beside : mapping of str to Path, optional
        The other files of a package by their names (`workers.protocol.packages.BESIDE`).

    Raises
    ------
    EngineError
        ``unknown_family``, ``checkpoint_missing``, ``checkpoint_unsafe``, ``checkpoint_unreadable``,
        ``checkpoint_mismatch``, ``tokenizer_unreadable``.
    """
    loader = find_loader(family)
    options: dict[str, Any] = {"precision": precision} if family in SAM21_CONFIGS else {}
    if beside:
        options["beside"] = beside
    try:
        segmenter = loader(path, device, **options)
    except CheckpointError as error:
        raise EngineError(str(error), code=error.code) from error
    if segmenter.spec.digest != digest:
        raise EngineError("The stored checkpoint is not the one that was asked for.", code="checkpoint_mismatch")
    return segmenter


def save_model(model: nn.Module, spec: ModelSpec, path: Path, *, training: dict[str, Any]) -> str:
    """Write the weights of a model so that the loader of its family takes them again; return the SHA-256 of the file.

    Parameters
    ----------
    model : Module
        Without adapters.
    spec : ModelSpec
        Of the model that it was before it learnt: family, preprocessing and licence are handed on.
    path : Path
    training : dict
        JSON-serialisable provenance.

    Notes
    -----
    Weights of published families are stored in float32, so that what has not learnt stays as it was published, bit for
    bit. Of a file of SAM 3 it is the tracker that is stored, under its published names.
    """
    if isinstance(model, BundledSam2):
        return save_checkpoint(model, path, training=training, dtype=torch.float16)
    header = {
        "format": FORMAT,
        "family": spec.family,
        "preprocess_id": spec.preprocess_id,
        "licence": spec.licence,
        "training": json.dumps(training, sort_keys=True),
    }
    state = model.state_dict()
    if spec.family == "sam3":
        from workers.engine.sam3 import Sam3, published_key

        assert isinstance(model, Sam3)
        state = {published_key(key): value for key, value in state.items()}
        header["config"] = json.dumps(model.config.to_dict())
    return write_safetensors(path, state, header, torch.float32)
