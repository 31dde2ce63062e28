"""Which loader knows which family of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from workers.engine.checkpoints import CheckpointError, load_checkpoint
from workers.engine.errors import EngineError
from workers.engine.segmenter import ModelSpec, Segmenter
from workers.engine.session import Sam2Segmenter

Loader = Callable[[Path, torch.device], Segmenter]


def load_bundled(path: Path, device: torch.device) -> Segmenter:
    """Load a checkpoint of the family ``bundled``."""
    model, card = load_checkpoint(path)
    model.to(device)
    weights = sum(value.element_size() * value.nelement() for value in model.state_dict().values())
    spec = ModelSpec(card.sha256, card.family, card.image_size, card.preprocess_id, card.licence, weights)
    return Sam2Segmenter(model, spec, device)


FAMILIES: Mapping[str, Loader] = {"bundled": load_bundled}


def load_segmenter(path: Path, *, family: str, digest: str, device: torch.device) -> Segmenter:
    """Load a model.

    Parameters
    ----------
    path : Path
        The checkpoint.
    family : str
        A key of `FAMILIES`.
    digest : str
        SHA-256 that the checkpoint must have.
    device : torch.device

    Raises
    ------
    EngineError
        ``unknown_family``, ``checkpoint_missing``, ``checkpoint_unreadable``, ``checkpoint_mismatch``.
    """
    loader = FAMILIES.get(family)
    if loader is None:
        known = ", ".join(sorted(FAMILIES))
        raise EngineError(
            f"This worker cannot run models of the family {family!r}; it knows {known}.", code="unknown_family"
        )
    try:
        segmenter = loader(path, device)
    except CheckpointError as error:
        raise EngineError(str(error), code=error.code) from error
    if segmenter.spec.digest != digest:
        raise EngineError("The stored checkpoint is not the one that was asked for.", code="checkpoint_mismatch")
    return segmenter
