"""The frames of a cine, read one at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.engine.errors import EngineError
from workers.engine.pixels import to_uint8

DTYPES = (np.dtype("u1"), np.dtype("<u2"))


class CinePixels:
    """A cine in a .npy file, and the window through which models see it.

    Frames are read with `pread`, not through a memory map: pages of a map count as memory of the process for as long
    as they stay, and a file that is cut off would end the process instead of raising (docs/adr/0020).

    Parameters
    ----------
    path : Path
        A .npy file, C order, uint8 or little-endian uint16 of shape (T, H, W), or uint8 (T, H, W, 3).
    digest : str
        What the cine is known by.
    window : (low, high)
        Grey values that become 0 and 255.
    modality : str
        DICOM code.

    Raises
    ------
    EngineError
        With code ``cine_unreadable``.
    """

    def __init__(self, path: Path, *, digest: str, window: Sequence[float], modality: str) -> None:
        self.digest, self.modality = digest, modality
        self.window = (float(window[0]), float(window[1]))
        try:
            with path.open("rb") as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    read = np.lib.format.read_array_header_2_0
                self.shape, fortran, self.dtype = read(file)
                self._offset = file.tell()
                size = os.fstat(file.fileno()).st_size
                self._descriptor = os.dup(file.fileno())
        except (OSError, ValueError) as error:
            raise EngineError("The pixels of the cine cannot be read.", code="cine_unreadable") from error
        problem = self._problem(fortran, size)
        if problem:
            self.close()
            raise EngineError(f"The pixels of the cine cannot be used: {problem}.", code="cine_unreadable")

    def _problem(self, fortran: bool, size: int) -> str:
        is_gray = len(self.shape) == 3
        is_rgb = len(self.shape) == 4 and self.shape[-1] == 3 and self.dtype == np.uint8
        if self.dtype not in DTYPES or not (is_gray or is_rgb) or min(self.shape) < 1:
            return f"their type is {self.dtype} and their shape {self.shape}"
        if fortran:
            return "they are not in row-major order"
        if size < self._offset + len(self) * self._frame_bytes:
            return "the file is cut off"
        return ""

    @property
    def _frame_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def rows(self) -> int:
        """Height of a frame in pixels."""
        return int(self.shape[1])

    @property
    def columns(self) -> int:
        """Width of a frame in pixels."""
        return int(self.shape[2])

    @property
    def channels(self) -> int:
        """1 for grey values, 3 for RGB."""
        return 1 if len(self.shape) == 3 else int(self.shape[3])

    def __len__(self) -> int:
        return int(self.shape[0])

    def raw(self, frame_index: int) -> NDArray[Any]:
        """Return one frame as stored, shape (H, W) or (H, W, 3).

        Raises
        ------
        EngineError
            ``frame_out_of_range``, or ``cine_unreadable`` when the file has changed under us.
        """
        if not 0 <= frame_index < len(self):
            message = f"The cine has no frame {frame_index + 1}; it has {len(self)}."
            raise EngineError(message, code="frame_out_of_range")
        frame = np.empty(self.shape[1:], self.dtype)
        view = frame.data.cast("B")
        place, done = self._offset + frame_index * self._frame_bytes, 0
        while done < len(view):
            count = os.preadv(self._descriptor, [view[done:]], place + done)
            if count == 0:
                raise EngineError("The pixels of the cine cannot be read.", code="cine_unreadable")
            done += count
        return frame

    def frame(self, frame_index: int) -> NDArray[np.uint8]:
        """Return one frame as models see it, windowed to 8 bits; raises EngineError as `raw` does."""
        return to_uint8(self.raw(frame_index), *self.window)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()
