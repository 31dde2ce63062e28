"""Decode the frames of DICOM files into one array on disk, a frame at a time."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit

from annotator.imaging.services.inspect import Inspected
from annotator.imaging.services.jpeg import repair_spectral_selection
from annotator.imaging.services.refusal import FileRefused
from annotator.imaging.services.window import choose_window, preset_windows, signed_offset
from workers.protocol.digests import array_digest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """The pixels of a cine as a .npy file.

    Attributes
    ----------
    path : Path
        Temporary file; the caller moves or deletes it.
    digest : str
        `workers.protocol.digests` digest of the array.
    shape : tuple of int
        (T, H, W) or (T, H, W, 3).
    bits_allocated : int
        8 or 16.
    low, high : float
        Window of grey values.
    windows : dict of str to (low, high)
        Others to choose from.
    """

    path: Path
    digest: str
    shape: tuple[int, ...]
    bits_allocated: int
    low: float
    high: float
    windows: dict[str, tuple[float, float]]


def decode_cine(files: list[Inspected], folder: Path) -> Decoded:
    """Decode all frames of a cine in order.

    Parameters
    ----------
    files : list of Inspected
        One multi-frame file, or single-frame files in the order of time.
    folder : Path
        Where the temporary file goes.

    Returns
    -------
    Decoded

    Raises
    ------
    FileRefused
        With code ``undecodable`` when a frame cannot be decoded, ``frame_count_mismatch`` when frames are missing.
    """
    frames = sum(item.frames for item in files)
    first = next(_frames(files[0]))
    is_colour = first.ndim == 3 and not _is_grey(first)
    decoded = _write(files, frames, is_colour, folder)
    if decoded is None:  # a later frame had colour after all
        decoded = _write(files, frames, True, folder)
    assert decoded is not None
    return decoded


def _write(files: list[Inspected], frames: int, is_colour: bool, folder: Path) -> Decoded | None:
    """Write the array; None when colour turns up in what looked grey."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".npy", delete=False) as file:
        path = Path(file.name)
        try:
            shape: tuple[int, ...] = ()
            dtype = np.dtype(np.uint8)
            sample: list[NDArray[Any]] = []
            count = 0
            for item in files:
                for frame in _frames(item):
                    if frame.ndim == 3 and not is_colour:
                        if not _is_grey(frame):
                            path.unlink()
                            return None
                        frame = frame[..., 0]
                    if not shape:
                        shape, dtype = (frames, *frame.shape), frame.dtype
                        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
                        np.lib.format.write_array_header_1_0(file, header)
                    if frame.shape != shape[1:] or frame.dtype != dtype:
                        raise FileRefused("undecodable", "its frames differ in size")
                    file.write(np.ascontiguousarray(frame).tobytes())
                    if count % max(1, frames // 16) == 0:
                        sample.append(frame[::4, ::4])
                    count += 1
            if count != frames:
                raise FileRefused("frame_count_mismatch", f"only {count} of {frames} frames could be decoded")
            shown = files[0].dataset, files[0].modality, np.stack(sample)
            low, high = choose_window(*shown, is_colour=is_colour)
            windows = preset_windows(*shown, is_colour=is_colour)
            file.flush()
            digest = array_digest(np.load(path, mmap_mode="r"))
            return Decoded(path, digest, shape, dtype.itemsize * 8, low, high, windows)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _is_grey(frame: NDArray[Any]) -> bool:
    return bool((frame[..., 0] == frame[..., 1]).all() and (frame[..., 1] == frame[..., 2]).all())


def _frames(item: Inspected) -> Iterator[NDArray[Any]]:
    """Yield the frames of a file as uint8 or uint16, grey (H, W) or RGB (H, W, 3)."""
    dataset = item.dataset
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        dataset = copy.copy(dataset)  # what is kept of the file stays as it came
        dataset.PixelData = repair_spectral_selection(dataset.PixelData)
    decoder = get_decoder(syntax)
    convert = _converter(dataset)
    options: dict[str, Any] = {"number_of_frames": item.frames}
    try:
        for frame, _ in decoder.iter_array(dataset, raw=False, **options):
            yield convert(frame)
    except FileRefused:
        raise
    except Exception as error:
        logger.info("a frame could not be decoded: %s", type(error).__name__)
        raise FileRefused("undecodable", "one of its frames cannot be decoded") from error


def _converter(dataset: Dataset) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return how a decoded frame becomes unsigned grey values or 8-bit colours."""
    photometric = str(dataset.PhotometricInterpretation)
    stored = int(dataset.get("BitsStored", dataset.BitsAllocated))
    is_signed = int(dataset.get("PixelRepresentation", 0)) == 1

    def convert(frame: NDArray[Any]) -> NDArray[Any]:
        if photometric == "PALETTE COLOR":
            coloured = apply_color_lut(frame, dataset)
            return (coloured >> 8).astype(np.uint8) if coloured.dtype == np.uint16 else coloured.astype(np.uint8)
        if frame.ndim == 3:
            return frame.astype(np.uint8)
        values = frame.astype(np.int32)
        if is_signed:
            values = values + signed_offset(dataset)
        top = (1 << stored) - 1
        values = np.clip(values, 0, top)
        if photometric == "MONOCHROME1":
            values = top - values
        return values.astype(np.uint8 if stored <= 8 else np.uint16)

    return convert
