"""LoRA: small weights beside those of a base model, saved apart from it, and swapped on it while it stays loaded."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from workers.engine.checkpoints import NAMED_KEYS, CheckpointError
from workers.engine.segmenter import Mask
from workers.engine.session import Sam2Segmenter
from workers.engine.tensors import Decoded, Features, Memory

if TYPE_CHECKING:
    from peft.tuners.lora import LoraLayer

# peft is imported where it is needed: it brings all of transformers, seconds that a worker without adapters saves.

FORMAT = "cineloop-adapter-1"
TRAINED = "trained"
"""Name in the model of the one adapter that a training changes."""
ATTACHED = 4
"""How many adapters stay on a base; others are put back when they are used again."""
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
SAM2 = (
    r"image_encoder\.trunk\.blocks\.\d+\.(attn\.(qkv|proj)|mlp\.layers\.[01])"
    r"|memory_attention\.layers\.\d+\.(self_attn|cross_attn_image)\.(q_proj|v_proj)"
    r"|sam_mask_decoder\.transformer\..*\.(q_proj|v_proj)"
)
SAM3 = (
    r"vision_encoder\.backbone\..*\.(q_proj|k_proj|v_proj|o_proj|fc1|fc2)"
    r"|mask_decoder\.transformer\..*\.(q_proj|k_proj|v_proj|o_proj)"
)
TARGETS: Mapping[str, str] = {"sam3": SAM3}
"""Which layers adapters change; families not named here have the layers of SAM 2."""


@dataclass(frozen=True)
class Adapter:
    """What a file of the format ``cineloop-adapter-1`` holds.

    Attributes
    ----------
    sha256 : str
        Digest of the file; the adapted model is known by it.
    family : str
        That of the base.
    base : str
        SHA-256 of the checkpoint it was trained on, without which it says nothing.
    rank, alpha : int
        The change of a weight is alpha / rank times the product of its two matrices.
    target : str
        Regular expression of the layers that were adapted.
    preprocess_id, licence : str
        Those of the base.
    training : dict
        Provenance.
    state : mapping of str to Tensor
        ``<layer>.lora_A.weight`` (rank, in) and ``<layer>.lora_B.weight`` (out, rank).
    """

    sha256: str
    family: str
    base: str
    rank: int
    alpha: int
    target: str
    preprocess_id: str
    licence: str
    training: dict[str, Any]
    state: Mapping[str, Tensor]

    @property
    def layers(self) -> list[str]:
        """Names of the adapted layers."""
        return sorted(key.removesuffix(DOWN) for key in self.state if key.endswith(DOWN))


def add_lora(model: nn.Module, family: str, rank: int, alpha: int) -> nn.Module:
    """Put new adapters into a model, in place; afterwards they alone are trainable.

    Parameters
    ----------
    model : Module
        Answers as before until the adapters have learnt something.
    family : str
    rank, alpha : int
        See `Adapter`.

    Returns
    -------
    Module
        The model itself.
    """
    from peft import LoraConfig
    from peft.functional import inject_adapter_in_model

    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=TARGETS.get(family, SAM2))
    return inject_adapter_in_model(config, model, adapter_name=TRAINED)


def continue_lora(model: nn.Module, adapter: Adapter) -> nn.Module:
    """Put a saved adapter into a model, in place, to train it further or to measure it; see `add_lora`."""
    _inject(model, adapter, TRAINED, is_frozen=False)
    return model


def merge_lora(model: nn.Module, adapter: Adapter) -> nn.Module:
    """Add a saved adapter to the weights of a model that carries none, in place, for good."""
    _check_fit(model, adapter)
    with torch.no_grad():
        for layer in adapter.layers:
            weight: Any = model.get_submodule(layer).weight
            change = adapter.state[layer + UP].float() @ adapter.state[layer + DOWN].float()
            weight += (change * (adapter.alpha / adapter.rank)).to(weight)
    return model


def save_adapter(
    model: nn.Module,
    path: Path,
    *,
    base_digest: str,
    family: str,
    preprocess_id: str,
    licence: str,
    training: dict[str, Any],
    dtype: torch.dtype = torch.float32,
) -> str:
    """Write the adapter that was trained, atomically.

    Parameters
    ----------
    model : Module
        From `add_lora` or `continue_lora`.
    path : Path
    base_digest : str
        SHA-256 of the checkpoint that the model was before.
    family, preprocess_id, licence : str
        Those of the base.
    training : dict
        JSON-serialisable provenance.
    dtype : torch.dtype
        In which the matrices are stored.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    from peft.functional import get_peft_model_state_dict

    configs: Any = model.peft_config
    config = configs[TRAINED]
    found = get_peft_model_state_dict(model, adapter_name=TRAINED, save_embedding_layers=False)
    state = {key: value.detach().to("cpu", dtype).contiguous().clone() for key, value in found.items()}
    header = {
        "format": FORMAT,
        "family": family,
        "base": base_digest,
        "rank": str(config.r),
        "alpha": str(config.lora_alpha),
        "target": str(config.target_modules),
        "preprocess_id": preprocess_id,
        "licence": licence,
        "training": json.dumps(training, sort_keys=True),
    }
    data = save(state, metadata=header)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def base_of(path: Path) -> str | None:
    """Return the digest of the base that an adapter file names, or None when a file is no adapter."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError, ValueError):
        return None
    return header.get("base", "") if header.get("format") == FORMAT else None


def load_adapter(path: Path) -> Adapter:
    """Read an adapter.

    Raises
    ------
    CheckpointError
        ``checkpoint_missing``, ``checkpoint_unreadable`` or ``checkpoint_mismatch``.
    """
    if not path.is_file():
        raise CheckpointError(f"The adapter {path.name} does not exist.", code="checkpoint_missing")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        message = f"The file {path.name} is not a safetensors file."
        raise CheckpointError(message, code="checkpoint_unreadable") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"The file {path.name} is not an adapter.", code="checkpoint_mismatch")
    try:
        adapter = Adapter(
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            family=header["family"],
            base=header["base"],
            rank=int(header["rank"]),
            alpha=int(header["alpha"]),
            target=header["target"],
            preprocess_id=header["preprocess_id"],
            licence=header["licence"],
            training=json.loads(header["training"]),
            state=state,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The header of {path.name} is incomplete.", code="checkpoint_mismatch") from error
    problem = _problem(adapter)
    if problem:
        raise CheckpointError(f"The adapter {path.name} {problem}.", code="checkpoint_mismatch")
    return adapter


def _problem(adapter: Adapter) -> str:
    """Return what is wrong with an adapter by itself, or nothing."""
    if adapter.rank < 1 or adapter.alpha < 1:
        return "has no usable rank and alpha"
    expected = {layer + end for layer in adapter.layers for end in (DOWN, UP)}
    if not expected or expected != adapter.state.keys():
        return "does not hold two matrices for each of its layers"
    if not all(value.is_floating_point() and torch.isfinite(value).all() for value in adapter.state.values()):
        return "holds numbers that are not finite"
    return ""


def _check_fit(model: nn.Module, adapter: Adapter) -> None:
    """Raise CheckpointError naming the first layers that a model lacks or has in other shapes."""
    from peft.tuners.lora import LoraLayer

    modules, wrong = dict(model.named_modules()), []
    for name in adapter.layers:
        layer: Any = modules.get(name)
        layer = layer.get_base_layer() if isinstance(layer, LoraLayer) else layer
        down, up = adapter.state[name + DOWN].shape, adapter.state[name + UP].shape
        if not isinstance(layer, nn.Linear) or (down, up) != (
            (adapter.rank, layer.in_features),
            (layer.out_features, adapter.rank),
        ):
            wrong.append(name)
    if wrong:
        named = ", ".join(wrong[:NAMED_KEYS]) + (" ..." if len(wrong) > NAMED_KEYS else "")
        raise CheckpointError(f"The adapter does not fit its base at {named}.", code="checkpoint_mismatch")


def _inject(model: nn.Module, adapter: Adapter, name: str, *, is_frozen: bool) -> None:
    """Put an adapter into a model under a name and make it the active one.

    Raises
    ------
    CheckpointError
        ``checkpoint_mismatch``, before anything is changed.
    """
    from peft import LoraConfig
    from peft.functional import inject_adapter_in_model, set_peft_model_state_dict

    _check_fit(model, adapter)
    # The layers that the file has, not what its expression would match: a file must not choose what else to touch.
    layers = "|".join(re.escape(layer) for layer in adapter.layers)
    config = LoraConfig(r=adapter.rank, lora_alpha=adapter.alpha, target_modules=layers, inference_mode=is_frozen)
    # peft warns of a second adapter, which is what we want.
    model.__dict__.pop("peft_config", None)
    inject_adapter_in_model(config, model, adapter_name=name)
    set_peft_model_state_dict(model, dict(adapter.state), adapter_name=name)
    config.target_modules = adapter.target


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
            _inject(self.module, adapter, adapter.sha256, is_frozen=True)
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
