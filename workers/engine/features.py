"""What encoders have seen, kept for the next prompt: bounded in bytes, shared fairly between cines."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass

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
    modality : str
        Models may see one modality in another way than the next.
    frame_index : int
    """

    cine: str
    model: str
    preprocess_id: str
    window: tuple[float, float]
    modality: str
    frame_index: int


class FeatureStore:
    """The features used last, up to a number of bytes. Safe to use from several threads.

    Parameters
    ----------
    max_bytes : int
        0 keeps nothing.
    max_bytes_of_a_cine : int, optional
        So that one long cine cannot push out what every other reader is working on; `max_bytes` when not given.
    """

    def __init__(self, max_bytes: int, max_bytes_of_a_cine: int | None = None) -> None:
        self.max_bytes = max_bytes
        self.max_bytes_of_a_cine = max_bytes if max_bytes_of_a_cine is None else min(max_bytes_of_a_cine, max_bytes)
        self._entries: OrderedDict[FeatureKey, tuple[Tensor, ...]] = OrderedDict()
        self._used: dict[FeatureKey, float] = {}
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()
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
                self._used[key] = time.monotonic()
            return found

    def put(self, key: FeatureKey, tensors: tuple[Tensor, ...]) -> None:
        """Keep tensors, dropping those not used for longest; what is larger than a cine's share is not kept."""
        size = _size(tensors)
        if size > self.max_bytes_of_a_cine:
            return
        with self._lock:
            self._drop(key)
            while self._bytes_of[key.cine] + size > self.max_bytes_of_a_cine:
                self._drop(next(kept for kept in self._entries if kept.cine == key.cine))
            while self._bytes + size > self.max_bytes:
                self._drop(next(iter(self._entries)))
            self._entries[key] = tensors
            self._used[key] = time.monotonic()
            self._bytes += size
            self._bytes_of[key.cine] += size

    def _drop(self, key: FeatureKey) -> None:
        tensors = self._entries.pop(key, None)
        if tensors is None:
            return
        del self._used[key]
        size = _size(tensors)
        self._bytes -= size
        self._bytes_of[key.cine] -= size
        if not self._bytes_of[key.cine]:
            del self._bytes_of[key.cine]

    def bytes_of(self, cine: str) -> int:
        """Return how many bytes are kept of the cine of a digest."""
        return self._bytes_of[cine]

    def room_for(self, cine: str) -> int:
        """Return how many more frames of a cine fit into its share; none while nothing of it could be kept."""
        with self._lock:
            kept = [key for key in self._entries if key.cine == cine]
            size = _size(self._entries[kept[-1]]) if kept else 0
            return (self.max_bytes_of_a_cine - self._bytes_of[cine]) // size if size else 0

    def drop_unused(self, seconds: float) -> None:
        """Drop what has not been wanted for so long: its reader has gone."""
        before = time.monotonic() - seconds
        with self._lock:
            # The entries stand in the order of their last use.
            while self._entries and self._used[next(iter(self._entries))] < before:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._used.clear()
            self._bytes_of.clear()
            self._bytes = 0


def _size(tensors: tuple[Tensor, ...]) -> int:
    return sum(tensor.element_size() * tensor.nelement() for tensor in tensors)
