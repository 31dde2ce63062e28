"""The models that a worker has loaded: bases, and adapters that share a base."""

from __future__ import annotations

from collections import OrderedDict

import torch

from workers.blobs import BlobStore
from workers.engine.adapted import with_adapter
from workers.engine.adapters import Adapter, base_of, load_adapter
from workers.engine.checkpoints import CheckpointError
from workers.engine.errors import EngineError
from workers.engine.families import load_segmenter
from workers.engine.segmenter import Segmenter
from workers.engine.session import Sam2Segmenter
from workers.protocol.messages import ModelRef

MODELS_KEPT = 2
ADAPTERS_KEPT = 16


class Models:
    """The models used last, loaded once. Used by one thread.

    Parameters
    ----------
    store : BlobStore
    device : torch.device

    Notes
    -----
    The digest of a model may be that of an adapter (`workers.engine.adapters`): its base is then loaded like any other
    model, once for all adapters on it, and the adapted model is known by the adapter's digest.
    """

    def __init__(self, store: BlobStore, device: torch.device) -> None:
        self._store, self._device = store, device
        self._bases: OrderedDict[str, Segmenter] = OrderedDict()
        self._adapters: OrderedDict[str, Adapter] = OrderedDict()
        self._adapted: dict[str, Sam2Segmenter] = {}

    @property
    def digests(self) -> list[str]:
        """Digests of the loaded models, and of adapters whose base is loaded."""
        return [*self._bases, *(digest for digest, found in self._adapters.items() if found.base in self._bases)]

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
            path = self._store.path(digest)
            found = load_segmenter(path, family=family, digest=digest, device=self._device)
            self._bases[digest] = found
            while len(self._bases) > MODELS_KEPT:
                self._forget(next(iter(self._bases)))
        self._bases.move_to_end(digest)
        return found

    def _forget(self, digest: str) -> None:
        """Drop a base, and what shares its weights."""
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
