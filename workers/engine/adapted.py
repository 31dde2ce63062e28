"""An adapter on a base that stays loaded: a second set of modules over the same weights."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace

from torch import nn

from workers.engine.adapters import Adapter, inject
from workers.engine.checkpoints import CheckpointError
from workers.engine.session import Sam2Segmenter


def with_adapter(base: Sam2Segmenter, adapter: Adapter) -> Sam2Segmenter:
    """Return a base with an adapter, as a segmenter of its own.

    Parameters
    ----------
    base : Sam2Segmenter
        Goes on to answer bit for bit as before, at the same time in another thread too.
    adapter : Adapter

    Returns
    -------
    Sam2Segmenter
        Its weights are those of the base, in the same memory; only the adapter is its own.

    Raises
    ------
    CheckpointError
        ``checkpoint_mismatch`` when it is an adapter of something else.
    """
    spec = base.spec
    if (adapter.base, adapter.family) != (spec.digest, spec.family):
        message = "The adapter was trained on another model than the one it is to be put on."
        raise CheckpointError(message, code="checkpoint_mismatch")
    module = base.model
    assert isinstance(module, nn.Module)
    shared = {id(tensor): tensor for tensor in itertools.chain(module.parameters(), module.buffers())}
    twin = copy.deepcopy(module, shared)
    inject(twin, adapter, is_frozen=True)
    adapted = copy.copy(base)
    adapted.model = twin
    adapted.spec = replace(spec, digest=adapter.sha256, licence=adapter.licence)
    return adapted
