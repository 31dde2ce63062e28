"""A small SAM 3 that takes words: detector, tracker and a tokenizer of our own, laid out as facebook/sam3 is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers.models.sam3.configuration_sam3 import Sam3Config
from transformers.models.sam3.modeling_sam3 import Sam3Model

from tests.workers.engine.sam3_parts import HIDDEN, build_small_sam3, fill, small_config
from workers.engine.sam3 import Sam3, published_key

WORDS = ("left", "ventricle", "vessel", "catheter", "the", "aorta", "stent", "nothing")
MOST_TOKENS = 12


def small_detector_config() -> Sam3Config:
    """A detector of eight queries over the encoder of `small_config`."""
    layers = {"hidden_size": HIDDEN, "num_attention_heads": 4, "intermediate_size": 128}
    return Sam3Config(  # type: ignore[call-arg]
        vision_config=small_config().to_dict()["vision_config"],
        text_config={
            "model_type": "clip_text_model",
            "vocab_size": 32,
            "hidden_size": 32,
            "intermediate_size": 64,
            "projection_dim": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": MOST_TOKENS,
            "hidden_act": "gelu",
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        geometry_encoder_config={**layers, "num_layers": 1},
        detr_encoder_config={**layers, "num_layers": 2},
        detr_decoder_config={**layers, "num_layers": 2, "num_queries": 8},
        mask_decoder_config={"hidden_size": HIDDEN, "num_attention_heads": 4},
    )


def build_small_detector(tracker: Sam3, *, seed: int = 5, presence: float = 6.0) -> Sam3Model:
    """Return a detector over the encoder of a tracker, whose answers depend on the words.

    Parameters
    ----------
    tracker : Sam3
    seed : int
    presence : float
        Bias of the score that says whether there is anything at all; -30 finds nothing anywhere.
    """
    model = Sam3Model(small_detector_config()).eval()
    fill(model, seed)
    with torch.no_grad():
        model.detr_decoder.presence_head.layer3.bias.fill_(presence)
    model.vision_encoder.backbone.load_state_dict(tracker.vision_encoder.backbone.state_dict())  # type: ignore[union-attr]
    return model


def build_tokenizer() -> Tokenizer:
    """Return a tokenizer that begins and ends as CLIP's does and, like published ones, pads and cuts."""
    vocabulary = {word: number for number, word in enumerate(("<start>", "<end>", "<unknown>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    tokenizer.enable_padding(length=MOST_TOKENS, pad_id=1, pad_token="<end>")
    tokenizer.enable_truncation(4)
    return tokenizer


def save_whole(folder: Path, tracker: Sam3, detector: Sam3Model, **changes: torch.Tensor | None) -> dict[str, Path]:
    """Write weights, config and tokenizer as the hub has them; changes replace or remove tensors.

    Returns
    -------
    dict of str to Path
        The files by their names.
    """
    tensors = {f"detector_model.{key}": value.clone() for key, value in detector.state_dict().items()}
    tensors |= {published_key(key): value.clone() for key, value in tracker.state_dict().items()}
    for key, value in changes.items():
        if value is None:
            del tensors[key]
        else:
            tensors[key] = value
    config: dict[str, Any] = {
        "model_type": "sam3_video",
        "detector_config": detector.config.to_dict(),
        "tracker_config": tracker.config.to_dict(),
    }
    files = {name: folder / name for name in ("model.safetensors", "config.json", "tokenizer.json")}
    save_file(tensors, files["model.safetensors"], metadata={"format": "pt"})
    files["config.json"].write_text(json.dumps(config))
    build_tokenizer().save(str(files["tokenizer.json"]))
    return files


def save_small(folder: Path, *, presence: float = 6.0, **changes: torch.Tensor | None) -> dict[str, Path]:
    """Write a whole small model with random weights; see `save_whole`."""
    tracker = build_small_sam3()
    return save_whole(folder, tracker, build_small_detector(tracker, presence=presence), **changes)
