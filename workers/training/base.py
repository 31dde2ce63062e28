"""What a training begins with and leaves behind: a model of any family, or an adapter on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workers.engine.adapters import Adapter, add_lora, base_of, continue_lora, load_adapter, merge_lora, save_adapter
from workers.engine.checkpoints import CheckpointError, file_digest, metadata_of, package_in
from workers.engine.families import find_loader, save_model
from workers.engine.segmenter import ModelSpec
from workers.engine.session import Sam2Model, Sam2Segmenter
from workers.protocol.packages import CONFIG, WEIGHTS
from workers.training.config import FinetuneConfig
from workers.training.manifest import blob_path

SAM2_DECODER = ("sam_mask_decoder.", "sam_prompt_encoder.", "prompt_pyramid.", "detail.", "hypernetwork.")
DECODERS: Mapping[str, tuple[str, ...]] = {"sam3": ("mask_decoder.", "prompt_encoder.")}
"""What the parameters that answer prompts begin with; families not named here have those of SAM 2."""
ALPHA_OF_RANK = 2


@dataclass(frozen=True)
class Base:
    """What a training begins with.

    Attributes
    ----------
    model : Sam2Model
        The whole model, without the adapter.
    spec : ModelSpec
        Of the whole model.
    adapter : Adapter or None
        What stands on it, if the file was an adapter.
    """

    model: Sam2Model
    spec: ModelSpec
    adapter: Adapter | None

    @property
    def module(self) -> nn.Module:
        """The model as a module."""
        assert isinstance(self.model, nn.Module)
        return self.model

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return self.spec.digest if self.adapter is None else self.adapter.sha256

    def adapted(self) -> Sam2Model:
        """Return the model as it answers, with its adapter if it has one; call it once."""
        if self.adapter is not None:
            continue_lora(self.module, self.adapter)
        return self.model


def load_base(path: Path, blobs: Path, *, family: str = "", device: torch.device | None = None) -> Base:
    """Read a checkpoint of any family, or an adapter and the checkpoint below it, which lies among the blobs.

    Parameters
    ----------
    path, blobs : Path
        Either checkpoint may be a package, whose files lie among the blobs.
    family : str
        Needed for published files, which do not say of which family they are.
    device : torch.device, optional
        The CPU unless another is named.

    Raises
    ------
    CheckpointError, EngineError
        ``unknown_family`` when neither the caller nor the file says of which family it is, ``checkpoint_mismatch``
        when they say different things, and whatever the loader of the family refuses.
    """
    if not path.is_file():
        raise CheckpointError(f"The checkpoint {path.name} does not exist.", code="checkpoint_missing")
    package = package_in(path)
    named = metadata_of(path).get("family", "") if package is None else package.family
    if not (family or named):
        message = f"The file {path.name} does not say of which family it is; give --family."
        raise CheckpointError(message, code="unknown_family")
    if family and named and family != named:
        message = f"The file {path.name} holds a model of the family {named!r}, not {family!r}."
        raise CheckpointError(message, code="checkpoint_mismatch")
    adapter = None if base_of(path) is None else load_adapter(path)
    whole = path if adapter is None else blob_path(blobs, adapter.base)
    segmenter = _load_whole(whole, blobs, family or named, device or torch.device("cpu"))
    return Base(segmenter.model, segmenter.spec, adapter)


def _load_whole(path: Path, blobs: Path, family: str, device: torch.device) -> Sam2Segmenter:
    """Load weights, or those of a package, which stay known by the digest of the package; nothing learns from words."""
    package = package_in(path)
    if package is None:
        segmenter = find_loader(family)(path, device)
        assert isinstance(segmenter, Sam2Segmenter)
        return segmenter
    files = {name: blob_path(blobs, digest) for name, digest in package.files.items()}
    beside = {CONFIG: files[CONFIG]} if CONFIG in files else {}
    segmenter = find_loader(family)(files[WEIGHTS], device, beside=beside)
    assert isinstance(segmenter, Sam2Segmenter)
    segmenter.spec = replace(segmenter.spec, digest=file_digest(path))
    return segmenter


def prepare_method(base: Base, config: FinetuneConfig) -> dict[str, nn.Parameter]:
    """Make a model ready to learn as a config says, in place; return the parameters that learn, by name."""
    module, adapter, family = base.module, base.adapter, base.spec.family
    if config.method == "lora":
        if adapter is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                add_lora(module, family, config.lora_rank, ALPHA_OF_RANK * config.lora_rank)
        else:
            continue_lora(module, adapter)
    elif adapter is not None:
        merge_lora(module, adapter)
    if config.method == "decoder":
        prefixes = DECODERS.get(family, SAM2_DECODER)
        for name, value in module.named_parameters():
            value.requires_grad_(name.startswith(prefixes))
    return {name: value for name, value in module.named_parameters() if value.requires_grad}


def save_result(base: Base, config: FinetuneConfig, out: Path, training: dict[str, Any]) -> tuple[Path, str]:
    """Write what was learnt, a checkpoint or an adapter; return the file and its SHA-256."""
    path, spec = out / "model.safetensors", base.spec
    if config.method != "lora":
        return path, save_model(base.module, spec, path, training=training)
    return path, save_adapter(
        base.module,
        path,
        base_digest=spec.digest,
        family=spec.family,
        preprocess_id=spec.preprocess_id,
        licence=spec.licence,
        training=training,
        dtype=torch.float16,
    )
