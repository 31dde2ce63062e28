"""Weights in files that others published: tensors only, never code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from workers.engine.checkpoints import CheckpointError

ZIP, PICKLE = b"PK\x03\x04", b"\x80"
FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.randn)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by their names.

    Parameters
    ----------
    path : Path
        A safetensors file, or a ``.pt`` file of PyTorch (1.6 or newer) that holds a state dict, perhaps under the key
        ``model``.

    Returns
    -------
    dict of str to Tensor
        On the CPU, in the types of the file; those of a ``.pt`` file are mapped from it.

    Raises
    ------
    CheckpointError
        ``checkpoint_missing``, ``checkpoint_unsafe`` or ``checkpoint_unreadable``.
    """
    if not path.is_file():
        raise CheckpointError(f"The checkpoint {path.name} does not exist.", code="checkpoint_missing")
    with path.open("rb") as file:
        start = file.read(len(ZIP))
    if start == ZIP:
        return _read_pt(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        # Only now: one in 32 safetensors files begins with the same byte.
        if start.startswith(PICKLE):
            raise _unsafe(path) from error
        message = f"The file {path.name} is neither safetensors nor a checkpoint of PyTorch."
        raise CheckpointError(message, code="checkpoint_unreadable") from error


def _read_pt(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise _unsafe(path) from error
    except (RuntimeError, OSError, ValueError, EOFError, KeyError, TypeError, AttributeError) as error:
        message = f"The checkpoint {path.name} is damaged."
        raise CheckpointError(message, code="checkpoint_unreadable") from error
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise CheckpointError(f"The checkpoint {path.name} is not a list of named tensors.", code="checkpoint_mismatch")
    return dict(state)


def _unsafe(path: Path) -> CheckpointError:
    message = f"The file {path.name} holds more than tensors: loading it could run a program, so it is refused."
    return CheckpointError(message, code="checkpoint_unsafe")


class ShapesOnly(TorchFunctionMode):
    """Build modules without memory for their weights, which have a shape and a type only.

    Notes
    -----
    As with ``torch.device("meta")``, but tensors that constructors compute with (the depths of drop paths, rotary
    tables) stay real, so that `load_state_dict(..., assign=True)` completes the module.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in FACTORIES and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)
