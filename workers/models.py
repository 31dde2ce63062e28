"""The models that a worker has loaded: bases, and adapters that share a base."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from workers.blobs import BlobStore
from workers.engine.adapted import with_adapter
from workers.engine.adapters import Adapter, base_of, load_adapter
from workers.engine.checkpoints import CheckpointError, package_in
from workers.engine.errors import EngineError
from workers.engine.families import best_precision, load_segmenter
from workers.engine.segmenter import Segmenter
from workers.engine.session import Sam2Segmenter, is_out_of_memory
from workers.protocol.families import Precision
from workers.protocol.messages import ModelRef
from workers.protocol.packages import WEIGHTS

ADAPTERS_KEPT = 16
SHARE_OF_MEMORY = 2
"""Without a limit of their own, models may fill half of the memory: the rest is for features and for computing."""
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux tells a container how much of the machine's memory is its own."""


class Models:
    """The models used last, loaded once, up to a number of bytes. Used by one thread.

    Parameters
    ----------
    store : BlobStore
    device : torch.device
    max_bytes : int, optional
        Most bytes of weights on the device; the model used last stays whatever its size. Half of the memory of the
        device when not given.
    precision : {"float32", "mixed", "bfloat16"}, optional
        See `workers.engine.families.load_segmenter`; what suits the device when not given.

    Notes
    -----
    The digest of a model may be that of an adapter (`workers.engine.adapters`): its base is then loaded like any other
    model, once for all adapters on it, and the adapted model is known by the adapter's digest.
    """

    def __init__(
        self,
        store: BlobStore,
        device: torch.device,
        *,
        max_bytes: int | None = None,
        precision: Precision | None = None,
    ) -> None:
        self._store, self._device = store, device
        self._precision: Precision = precision or best_precision(device)
        self.max_bytes = memory_of(device) // SHARE_OF_MEMORY if max_bytes is None else max_bytes
        self._bases: OrderedDict[str, Segmenter] = OrderedDict()
        self._adapters: OrderedDict[str, Adapter] = OrderedDict()
        self._adapted: dict[str, Sam2Segmenter] = {}

    @property
    def digests(self) -> list[str]:
        """Digests of the loaded models, and of adapters whose base is loaded."""
        return [*self._bases, *(digest for digest, found in self._adapters.items() if found.base in self._bases)]

    @property
    def bytes(self) -> int:
        """How many bytes the weights of the loaded models take."""
        return sum(base.spec.bytes for base in self._bases.values())

    def get(self, model: ModelRef) -> Segmenter:
        """Return a loaded model; raises EngineError when it cannot be loaded."""
        try:
            adapter = self._adapter(model)
            if adapter is None:
                return self._base(model.digest, model.family)
            return self._with_adapter(adapter)
        except CheckpointError as error:
            raise EngineError(str(error), code=error.code) from error

    def _adapter(self, model: ModelRef) -> Adapter | None:
        """Return the adapter that a digest stands for, or None when it stands for a whole model."""
        found = self._adapters.get(model.digest)
        if found is None:
            if model.digest in self._bases:
                return None
            path = self._store.path(model.digest)
            if base_of(path) is None:
                return None
            found = load_adapter(path)
            self._adapters[model.digest] = found
            while len(self._adapters) > ADAPTERS_KEPT:
                gone, _ = self._adapters.popitem(last=False)
                self._adapted.pop(gone, None)
        self._adapters.move_to_end(model.digest)
        if (found.sha256, found.family) != (model.digest, model.family):
            raise EngineError("The stored adapter is not the one that was asked for.", code="checkpoint_mismatch")
        return found

    def _base(self, digest: str, family: str) -> Segmenter:
        found = self._bases.get(digest)
        if found is None or found.spec.family != family:
            found = self._load(digest, family)
            self._bases[digest] = found
        self._bases.move_to_end(digest)
        while self.bytes > self.max_bytes and len(self._bases) > 1:
            self._forget(next(iter(self._bases)))
        return found

    def _load(self, digest: str, family: str) -> Segmenter:
        path = self._store.path(digest)
        package = package_in(path)
        if package is None:
            return self._load_files(path, digest, family)
        if package.family != family:
            raise EngineError("The stored model is not of the family that was asked for.", code="checkpoint_mismatch")
        files = {name: self._store.path(part) for name, part in package.files.items()}
        found = self._load_files(files.pop(WEIGHTS), package.files[WEIGHTS], family, files)
        found.spec = replace(found.spec, digest=digest)
        return found

    def _load_files(self, path: Path, digest: str, family: str, beside: Mapping[str, Path] | None = None) -> Segmenter:
        options: dict[str, Any] = {"device": self._device, "precision": self._precision, "beside": beside}
        while True:
            try:
                return load_segmenter(path, family=family, digest=digest, **options)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or not self._bases:
                    raise
            # What lies idle makes room for what is asked for.
            self._forget(next(iter(self._bases)))

    def _forget(self, digest: str) -> None:
        del self._bases[digest]
        for adapted in [key for key in self._adapted if self._adapters[key].base == digest]:
            del self._adapted[adapted]

    def _with_adapter(self, adapter: Adapter) -> Sam2Segmenter:
        base = self._base(adapter.base, adapter.family)
        if not isinstance(base, Sam2Segmenter):
            raise EngineError(f"Models of the family {adapter.family!r} take no adapters.", code="checkpoint_mismatch")
        found = self._adapted.get(adapter.sha256)
        if found is None:
            found = self._adapted[adapter.sha256] = with_adapter(base, adapter)
        return found


def memory_of(device: torch.device) -> int:
    """Return the bytes of memory that a device has; for a processor those that this process may use."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [path.read_text().strip() for path in MEMORY_LIMITS if path.is_file()]
    return min([machine, *(int(limit) for limit in limits if limit.isdecimal())])
