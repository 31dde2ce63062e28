"""Read what a checkpoint says of itself, without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.core.errors import Unprocessable

LONGEST_HEADER = 16 * 1024 * 1024


@dataclass(frozen=True)
class CheckpointHeader:
    """The metadata of a checkpoint.

    Attributes
    ----------
    family : str
        Which adapter of the workers runs it.
    preprocess_id : str
        Which preprocessing it was trained with.
    licence : str
    training : dict
        Provenance as the trainer wrote it.
    base : str
        SHA-256 of the model below an adapter; empty for a whole model.
    """

    family: str
    preprocess_id: str
    licence: str
    training: dict[str, Any]
    base: str = ""


def read_checkpoint_header(data: bytes) -> CheckpointHeader:
    """Read the header of a safetensors file.

    Parameters
    ----------
    data : bytes
        The file, or at least its beginning: 8 bytes little-endian length, then that many bytes of JSON whose
        ``__metadata__`` holds strings.

    Raises
    ------
    Unprocessable
        `checkpoint_unreadable`: not a safetensors file, or one that does not name its family and preprocessing.

    Notes
    -----
    The format: https://huggingface.co/docs/safetensors.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(LONGEST_HEADER, len(data) - 8):
        raise _unreadable("it is not a safetensors file")
    try:
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        training = json.loads(metadata.get("training", "{}"))
        header = CheckpointHeader(
            family=metadata["family"],
            preprocess_id=metadata["preprocess_id"],
            licence=metadata.get("licence", ""),
            training=training if isinstance(training, dict) else {},
            base=metadata.get("base", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable("its header does not name a family and a preprocessing") from error
    return header


def read_header_of(path: Path) -> CheckpointHeader:
    """Read the header of a safetensors file of any size from disk; raises as `read_checkpoint_header` does.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with path.open("rb") as file:
        beginning = file.read(8)
        length = int.from_bytes(beginning, "little")
        return read_checkpoint_header(beginning + file.read(min(length, LONGEST_HEADER)))


def _unreadable(why: str) -> Unprocessable:
    return Unprocessable(f"The checkpoint cannot be used: {why}.", code="checkpoint_unreadable")
