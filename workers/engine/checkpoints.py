"""Checkpoints on disk: tensors and a JSON header (safetensors), never code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from workers.engine.bundled import BundledConfig, BundledSam2, build_bundled
from workers.protocol.errors import MessageError
from workers.protocol.packages import MAX_BYTES, Package, read_package

FAMILY = "bundled"
LICENCE = "Apache-2.0"
FORMAT = "cineloop-checkpoint-1"
NAMED_KEYS = 3


class CheckpointError(Exception):
    """A checkpoint cannot be used; `code` is machine-readable, the message a sentence."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint says of itself.

    Attributes
    ----------
    family : str
        Which loader and preprocessing it needs.
    image_size : int
        Side of the model's square input in pixels.
    preprocess_id : str
    sha256 : str
        Digest of the file.
    licence : str
    training : dict
        Provenance: data, seed, steps, parent digest.
    """

    family: str
    image_size: int
    preprocess_id: str
    sha256: str
    licence: str
    training: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    model: BundledSam2, path: Path, *, training: dict[str, Any], dtype: torch.dtype = torch.float32
) -> str:
    """Write a checkpoint atomically.

    Parameters
    ----------
    model : BundledSam2
    path : Path
    training : dict
        JSON-serialisable provenance.
    dtype : torch.dtype
        Floating tensors are stored in this type.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    header = {
        "format": FORMAT,
        "family": FAMILY,
        "config": json.dumps(model.config.to_dict(), sort_keys=True),
        "preprocess_id": model.config.preprocess_id,
        "licence": LICENCE,
        "training": json.dumps(training, sort_keys=True),
    }
    return write_safetensors(path, model.state_dict(), header, dtype)


def write_safetensors(path: Path, state: Mapping[str, Tensor], header: dict[str, str], dtype: torch.dtype) -> str:
    """Write tensors and metadata atomically, floating ones in a given type; return the SHA-256 of the file."""
    # Copies: the format refuses tensors that share memory.
    stored = {
        key: value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype).contiguous().clone()
        for key, value in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(stored, partial, metadata=header)
    partial.chmod(0o644)  # the format's own writer keeps files to their owner
    digest = file_digest(partial)
    partial.replace(path)
    return digest


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_in(path: Path) -> Package | None:
    """Return the package that a file holds, None for weights and where there is no file.

    Raises
    ------
    CheckpointError
        ``checkpoint_unreadable`` when it says that it is a package and is none.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return None
    try:
        return read_package(path.read_bytes())
    except MessageError as error:
        raise CheckpointError("The stored model cannot be read.", code="checkpoint_unreadable") from error


def metadata_of(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file; nothing of any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return {}


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the metadata and the tensors of a safetensors file.

    Raises
    ------
    CheckpointError
        ``checkpoint_missing`` or ``checkpoint_unreadable``.
    """
    if not path.is_file():
        raise CheckpointError(f"The checkpoint {path.name} does not exist.", code="checkpoint_missing")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            return header, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        message = f"The file {path.name} is not a safetensors checkpoint."
        raise CheckpointError(message, code="checkpoint_unreadable") from error


def load_checkpoint(path: Path) -> tuple[BundledSam2, ModelCard]:
    """Read a checkpoint of the bundled family.

    Parameters
    ----------
    path : Path

    Returns
    -------
    model : BundledSam2
        Float32, on the CPU, in evaluation mode.
    card : ModelCard

    Raises
    ------
    CheckpointError
        With code ``checkpoint_missing``, ``checkpoint_unreadable``, ``unknown_family`` or ``checkpoint_mismatch``.
    """
    header, state = read_safetensors(path)
    if header.get("format") != FORMAT or header.get("family") != FAMILY:
        family = header.get("family", "unnamed")
        raise CheckpointError(f"No loader knows checkpoints of the family {family!r}.", code="unknown_family")
    try:
        config = BundledConfig.from_dict(json.loads(header["config"]))
        training = json.loads(header.get("training", "{}"))
        model = build_bundled(config)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The header of {path.name} is incomplete.", code="checkpoint_mismatch") from error
    check_state(model.state_dict(), state, path.name)
    model.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    digest = file_digest(path)
    card = ModelCard(
        FAMILY,
        config.image_size,
        config.preprocess_id,
        digest,
        header.get("licence", LICENCE),
        training,
    )
    return model.eval(), card


def check_state(wanted: dict[str, Tensor], given: dict[str, Tensor], name: str) -> None:
    """Raise CheckpointError naming the first keys that are missing, unknown, of another shape, or not finite."""
    missing = sorted(wanted.keys() - given.keys())
    unknown = sorted(given.keys() - wanted.keys())
    shapes = sorted(key for key in wanted.keys() & given.keys() if wanted[key].shape != given[key].shape)
    for what, keys in (("lacks", missing), ("has unknown", unknown), ("has other shapes for", shapes)):
        if keys:
            named = ", ".join(keys[:NAMED_KEYS]) + (" ..." if len(keys) > NAMED_KEYS else "")
            raise CheckpointError(f"The checkpoint {name} {what} {named}.", code="checkpoint_mismatch")
    for value in given.values():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(
                f"The checkpoint {name} holds numbers that are not finite.", code="checkpoint_mismatch"
            )
