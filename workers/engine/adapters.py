"""LoRA: small weights beside those of a base model, saved apart from it, and swapped on it while it stays loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from workers.engine.checkpoints import NAMED_KEYS, CheckpointError, file_digest, metadata_of, write_safetensors

# peft is imported where it is needed: it brings all of transformers, seconds that a worker without adapters saves.

FORMAT = "cineloop-adapter-1"
TRAINED = "trained"
"""Name in a model of the one adapter that it carries."""
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
    inject(model, adapter, is_frozen=False)
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
    return write_safetensors(path, found, header, dtype)


def base_of(path: Path) -> str | None:
    """Return the digest of the base that an adapter file names, or None when a file is no adapter."""
    header = metadata_of(path)
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
            sha256=file_digest(path),
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
    modules, wrong = dict(model.named_modules()), []
    for name in adapter.layers:
        layer: Any = modules.get(name)
        down, up = adapter.state[name + DOWN].shape, adapter.state[name + UP].shape
        if not isinstance(layer, nn.Linear) or (down, up) != (
            (adapter.rank, layer.in_features),
            (layer.out_features, adapter.rank),
        ):
            wrong.append(name)
    if wrong:
        named = ", ".join(wrong[:NAMED_KEYS]) + (" ..." if len(wrong) > NAMED_KEYS else "")
        raise CheckpointError(f"The adapter does not fit its base at {named}.", code="checkpoint_mismatch")


def inject(model: nn.Module, adapter: Adapter, *, is_frozen: bool) -> None:
    """Put an adapter into a model that carries none.

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
    inject_adapter_in_model(config, model, adapter_name=TRAINED)
    set_peft_model_state_dict(model, dict(adapter.state), adapter_name=TRAINED)
    config.target_modules = adapter.target
