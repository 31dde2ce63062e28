"""Adapters on a base that stays loaded: each computes with its own, and the base as if there were none."""

from __future__ import annotations

import contextlib
import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from workers.engine.adapters import Adapter, inject
from workers.engine.checkpoints import CheckpointError
from workers.engine.segmenter import Mask
from workers.engine.session import Sam2Segmenter
from workers.engine.tensors import Decoded, Features, Memory

if TYPE_CHECKING:
    from peft.tuners.lora import LoraLayer

ATTACHED = 4
"""How many adapters stay on a base; others are put back when they are used again."""


class AdapterHost:
    """A loaded base and the adapters on it; used by one thread.

    An adapter is active while, and only while, a model that carries it computes. So whoever holds the base, or
    another adapter of it, between two steps of a propagation perhaps, never computes with the wrong one.

    Parameters
    ----------
    segmenter : Sam2Segmenter
        The base, which goes on to answer bit for bit as before.
    """

    def __init__(self, segmenter: Sam2Segmenter) -> None:
        self.segmenter = segmenter
        self._names: OrderedDict[str, None] = OrderedDict()
        self._layers: list[LoraLayer] = []

    @property
    def module(self) -> nn.Module:
        """The base as a module."""
        module = self.segmenter.model
        assert isinstance(module, nn.Module)
        return module

    @property
    def attached(self) -> list[str]:
        """Digests of the adapters that lie on the base now, the one used last at the end."""
        return list(self._names)

    def attach(self, adapter: Adapter) -> Sam2Segmenter:
        """Return the base with an adapter, as a segmenter of its own that shares all other weights.

        Raises
        ------
        CheckpointError
            ``checkpoint_mismatch`` when it is an adapter of something else.
        """
        base = self.segmenter.spec
        if (adapter.base, adapter.family) != (base.digest, base.family):
            message = "The adapter was trained on another model than the one it is to be put on."
            raise CheckpointError(message, code="checkpoint_mismatch")
        self._place(adapter)
        adapted = copy.copy(self.segmenter)
        adapted.model = AdaptedModel(self, adapter)
        adapted.spec = replace(base, digest=adapter.sha256, licence=adapter.licence)
        return adapted

    @contextlib.contextmanager
    def active(self, adapter: Adapter) -> Iterator[None]:
        """Compute with an adapter inside the `with` block."""
        self._place(adapter)
        self._activate([adapter.sha256])
        try:
            yield
        finally:
            self._activate([])

    def detach(self, digest: str) -> None:
        """Take an adapter off the base; segmenters that carry it put it back when they are used."""
        from peft.functional import delete_adapter

        del self._names[digest]
        delete_adapter(self.module, digest, prefix="lora_")

    def _place(self, adapter: Adapter) -> None:
        """See to it that an adapter lies on the base, and none is active."""
        if adapter.sha256 not in self._names:
            from peft.tuners.lora import LoraLayer

            while len(self._names) >= ATTACHED:
                self.detach(next(iter(self._names)))
            inject(self.module, adapter, adapter.sha256, is_frozen=True)
            self._names[adapter.sha256] = None
            self._layers = [layer for layer in self.module.modules() if isinstance(layer, LoraLayer)]
            self._activate([])
        self._names.move_to_end(adapter.sha256)

    def _activate(self, names: list[str]) -> None:
        # `set_adapter` would also visit the gradient flags of every matrix, of which none is ever set here: a tenth of
        # the time of a click on a small model.
        for layer in self._layers:
            layer._active_adapter = names


class AdaptedModel:
    """The entry points of a base (`workers.engine.session.Sam2Model`), computed with an adapter."""

    def __init__(self, host: AdapterHost, adapter: Adapter) -> None:
        self._host, self._adapter, self._base = host, adapter, host.segmenter.model
        self.image_size, self.logit_side = self._base.image_size, self._base.logit_side
        self.conditioning_in_attention = self._base.conditioning_in_attention
        self.recent_kept = self._base.recent_kept

    def prepare(self, frames: NDArray[np.uint8], modality: str) -> Tensor:
        """Bring frames to the model's form; no weights take part."""
        return self._base.prepare(frames, modality)

    def encode(self, images: Tensor) -> Features:
        """Encode preprocessed images."""
        with self._host.active(self._adapter):
            return self._base.encode(images)

    def decode(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        *,
        previous: Tensor | None = None,
        other_frame: bool = False,
        recalled: Tensor | None = None,
    ) -> Decoded:
        """Answer prompts."""
        with self._host.active(self._adapter):
            return self._base.decode(
                features, points, labels, previous=previous, other_frame=other_frame, recalled=recalled
            )

    def condition(self, features: Features, masks: Sequence[Mask]) -> tuple[Tensor, Memory]:
        """Take masks as given."""
        with self._host.active(self._adapter):
            return self._base.condition(features, masks)

    def remember(self, features: Features, logits: Tensor, pointer: Tensor, age: int) -> Memory:
        """Encode a frame and its mask into a memory."""
        with self._host.active(self._adapter):
            return self._base.remember(features, logits, pointer, age)

    def recall(self, features: Features, bank: Sequence[Memory]) -> Tensor:
        """Fuse the features of a frame with memories."""
        with self._host.active(self._adapter):
            return self._base.recall(features, bank)
