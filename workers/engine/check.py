"""Check a checkpoint before it is registered: ``python -m workers.engine.check FAMILY PATH [BESIDE...]``.

BESIDE are the other files of a package, each as ``NAME=PATH`` (`workers.protocol.packages`).

Prints one line of JSON: ``{"ok": true, "family", "preprocess_id", "licence", "parameters", "sha256", "image_size",
"base"}``, or ``{"ok": false, "code", "message"}`` and exit status 1. `base` is the SHA-256 of the checkpoint that an
adapter belongs to; empty for a whole model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from workers.engine.adapters import base_of, load_adapter
from workers.engine.checkpoints import CheckpointError
from workers.engine.errors import EngineError
from workers.engine.families import find_loader
from workers.engine.sam21 import read_sam21
from workers.engine.sam21_configs import SAM21_CONFIGS
from workers.engine.segmenter import ModelSpec
from workers.protocol.families import FAMILIES

FLOAT32_BYTES = 4


def check(family: str, path: Path, beside: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Return what a checkpoint is, once its keys, shapes and numbers are those of its family.

    Raises
    ------
    EngineError, CheckpointError
        As of `workers.engine.families.load_segmenter`.
    """
    spec, base = _spec(family, path, beside or {}), base_of(path) or ""
    return {
        "family": spec.family,
        "preprocess_id": spec.preprocess_id,
        "licence": spec.licence,
        "parameters": spec.bytes // FLOAT32_BYTES,
        "sha256": spec.digest,
        "image_size": spec.image_size,
        "base": base,
    }


def _spec(family: str, path: Path, beside: Mapping[str, Path]) -> ModelSpec:
    loader = find_loader(family)
    if base_of(path) is not None:
        return _spec_of_adapter(family, path)
    if family in SAM21_CONFIGS:
        return read_sam21(family, path)[2]
    return loader(path, torch.device("cpu"), **({"beside": beside} if beside else {})).spec


def _spec_of_adapter(family: str, path: Path) -> ModelSpec:
    adapter = load_adapter(path)
    if adapter.family != family:
        message = f"The file {path.name} holds an adapter of the family {adapter.family!r}, not {family!r}."
        raise CheckpointError(message, code="checkpoint_mismatch")
    size = FLOAT32_BYTES * sum(value.nelement() for value in adapter.state.values())
    side = FAMILIES[family].image_size
    return ModelSpec(adapter.sha256, family, side, adapter.preprocess_id, adapter.licence, size)


def main(arguments: list[str] | None = None) -> int:
    """Check the checkpoint named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family")
    parser.add_argument("path", type=Path)
    parser.add_argument("beside", nargs="*", metavar="NAME=PATH")
    options = parser.parse_args(arguments)
    beside = {name: Path(path) for name, _, path in (one.partition("=") for one in options.beside)}
    try:
        answer = {"ok": True, **check(options.family, options.path, beside)}
    except (EngineError, CheckpointError) as error:
        answer = {"ok": False, "code": error.code, "message": str(error)}
    print(json.dumps(answer), flush=True)
    return 0 if answer["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
