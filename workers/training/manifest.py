"""Read a dataset manifest and the blobs it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.engine.pixels import to_uint8
from workers.protocol.rle import decode_mask


class ManifestError(Exception):
    """A manifest or one of its blobs cannot be used; `code` is machine-readable."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Example:
    """One labelled frame.

    Attributes
    ----------
    cine, patient_key, modality, split, label : str
    frame_index : int
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The frame, windowed to 8 bits.
    mask : ndarray of bool, shape (H, W)
    """

    cine: str
    patient_key: str
    modality: str
    split: str
    label: str
    frame_index: int
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def blob_path(blobs: Path, digest: str) -> Path:
    """Return where a blob of this digest lies below a content-addressed folder."""
    return blobs / "sha256" / digest[:2] / digest


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a manifest.

    Raises
    ------
    ManifestError
        With code ``manifest_unreadable`` or ``manifest_empty``.
    """
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ManifestError("The dataset manifest cannot be read.", code="manifest_unreadable") from error
    if not lines:
        raise ManifestError("The dataset manifest holds no cine.", code="manifest_empty")
    return lines


def examples(path: Path, blobs: Path, splits: tuple[str, ...]) -> Iterator[Example]:
    """Yield every labelled frame of the given splits, in the order of the manifest.

    Raises
    ------
    ManifestError
        With code ``blob_missing`` or ``blob_mismatch`` when a blob is absent or is not what the line says.
    """
    for line in read_manifest(path):
        if line["split"] not in splits:
            continue
        frames = _open_frames(blobs, line)
        low, high = line["window"]
        for entry in line["masks"]:
            mask_path = blob_path(blobs, entry["mask"])
            if not mask_path.is_file():
                raise ManifestError("A mask of the dataset is missing from the storage.", code="blob_missing")
            mask = decode_mask(mask_path.read_bytes())
            index = int(entry["frame_index"])
            if mask.shape != frames.shape[1:3] or not 0 <= index < len(frames):
                raise ManifestError("A mask of the dataset does not fit its cine.", code="blob_mismatch")
            image = to_uint8(frames[index], low, high)
            yield Example(
                line["cine"], line["patient_key"], line["modality"], line["split"], entry["label"], index, image, mask
            )


def _open_frames(blobs: Path, line: dict[str, Any]) -> NDArray[Any]:
    path = blob_path(blobs, line["frames_blob"])
    try:
        frames: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ManifestError("The frames of a cine are missing from the storage.", code="blob_missing") from None
    except ValueError as error:
        raise ManifestError("The frames of a cine cannot be read.", code="blob_mismatch") from error
    return frames
