"""What encoders have seen, kept for the next prompt: bounded in bytes, shared between readings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class FeatureKey:
    """What the features of a frame depend on, and nothing of any reader.

    Attributes
    ----------
    cine, model : str
        Digests.
    preprocess_id : str
    window : (float, float)
        Two cines may share pixels and differ in the window.
    frame_index : int
    """

    cine: str
    model: str
    preprocess_id: str
    window: tuple[float, float]
    frame_index: int


class FeatureStore:
    """The features used last, up to a number of bytes. Safe to use from several threads.

    Parameters
    ----------
    max_bytes : int
        0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[FeatureKey, tuple[Tensor, ...]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """How many bytes are kept now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: FeatureKey) -> bool:
        return key in self._entries

    def get(self, key: FeatureKey) -> tuple[Tensor, ...] | None:
        """Return the tensors kept under a key, and remember that they were wanted."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: FeatureKey, tensors: tuple[Tensor, ...]) -> None:
        """Keep tensors, dropping those not used for longest; what is larger than the store is not kept."""
        size = _size(tensors)
        if size > self.max_bytes:
            return
        with self._lock:
            before = self._entries.pop(key, None)
            self._bytes += size - (_size(before) if before else 0)
            self._entries[key] = tensors
            while self._bytes > self.max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= _size(dropped)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def describe(self) -> dict[str, Any]:
        """Return {entries, bytes, max_bytes}."""
        return {"entries": len(self._entries), "bytes": self._bytes, "max_bytes": self.max_bytes}


def _size(tensors: tuple[Tensor, ...]) -> int:
    return sum(tensor.element_size() * tensor.nelement() for tensor in tensors)
