"""SAM 3's detector: every instance of what a text names, over the encoder that it shares with the tracker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.models.sam3.configuration_sam3 import Sam3Config
from transformers.models.sam3.modeling_sam3 import Sam3Model, Sam3VisionEncoderOutput

from workers.engine.checkpoints import CheckpointError, check_state
from workers.engine.concepts import Instance
from workers.engine.errors import EngineError
from workers.engine.weights import ShapesOnly

DETECTOR, BACKBONE = "detector_model.", "vision_encoder.backbone."
SURE_ENOUGH = 0.5
"""Instances below are not shown; as ``Sam3VideoConfig.score_threshold_detection``."""
TOKENIZER_BYTES = 64_000_000


class Sam3Concepts:
    """Text prompts (`workers.engine.concepts.Concepts`).

    Notes
    -----
    Equal to ``Sam3Model`` with the inputs of ``Sam3Processor``, whose padding is masked wherever it goes and so is left
    out; scores as by its ``post_process_instance_segmentation``.
    """

    def __init__(self, detector: Sam3Model, tokenizer: Tokenizer) -> None:
        self.detector, self._tokenizer = detector, tokenizer
        text_config: Any = detector.config.text_config
        self._most_tokens = int(text_config.max_position_embeddings)

    @property
    def own_bytes(self) -> int:
        """Memory that the detector takes beside the encoder it shares."""
        state = self.detector.state_dict()
        return sum(
            value.element_size() * value.nelement() for key, value in state.items() if not key.startswith(BACKBONE)
        )

    def encode(self, images: Tensor) -> Tensor:
        """Return the last hidden state of the shared encoder (N, C, S/14, S/14)."""
        encoder: Any = self.detector.vision_encoder
        side = images.shape[-1] // encoder.config.backbone_config.patch_size
        hidden: Tensor = encoder.backbone(images).last_hidden_state
        return hidden.transpose(1, 2).unflatten(2, (side, side))

    def find(self, encoded: Tensor, text: str) -> list[Instance]:
        """Return the instances of what a text names, from one encoded image."""
        tokens = torch.tensor([self._tokens(text)], device=encoded.device)
        encoder: Any = self.detector.vision_encoder
        levels, positions = encoder.neck(encoded)
        seen = Sam3VisionEncoderOutput(fpn_hidden_states=levels, fpn_position_encoding=positions)
        answer: Any = self.detector(vision_embeds=seen, input_ids=tokens, attention_mask=torch.ones_like(tokens))
        scores = answer.pred_logits[0].sigmoid() * answer.presence_logits[0].sigmoid()
        sure = (scores > SURE_ENOUGH).nonzero()[:, 0].tolist()
        return [Instance(answer.pred_masks[:, [place]], float(scores[place])) for place in sure]

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text).ids
        if len(ids) > self._most_tokens:
            raise EngineError(
                f"The text is too long for the model: it has {len(ids)} parts of words, at most {self._most_tokens} "
                "can be used.",
                code="text_too_long",
            )
        return ids


def load_concepts(
    given: Mapping[str, Tensor],
    config: dict[str, Any],
    tokenizer: Path,
    backbone: nn.Module,
    device: torch.device,
    name: str,
) -> Sam3Concepts:
    """Build the detector from a checkpoint of SAM 3.

    Parameters
    ----------
    given : mapping of str to Tensor
        All tensors of the file, named as in facebook/sam3.
    config : dict
        Sizes other than the published ones, as ``Sam3Config`` writes them.
    tokenizer : Path
        A ``tokenizer.json`` of the tokenizers library.
    backbone : Module
        The encoder of the loaded tracker.
    device : torch.device
    name : str
        Of the file, for refusals.

    Raises
    ------
    CheckpointError
        ``checkpoint_mismatch`` when the file has no text encoder, or other sizes; ``tokenizer_unreadable``.
    """
    detector = _empty_detector(config, name)
    words = _read_tokenizer(tokenizer, detector.vocab_size)
    wanted = {DETECTOR + key: value for key, value in detector.state_dict().items() if not key.startswith(BACKBONE)}
    own = {
        key: value
        for key, value in given.items()
        if key.startswith(DETECTOR) and not key.startswith(DETECTOR + BACKBONE)
    }
    check_state(wanted, own, name)
    state = {key.removeprefix(DETECTOR): own[key].to(device, torch.float32, copy=True) for key in wanted}
    detector.vision_encoder.backbone = backbone
    detector.load_state_dict(state, assign=True, strict=False)
    detector.to(device).eval()  # type: ignore[arg-type]
    return Sam3Concepts(detector, words)


def _empty_detector(config: dict[str, Any], name: str) -> Sam3Model:
    """Return a detector whose weights are shapes only."""
    try:
        with ShapesOnly():
            return Sam3Model(Sam3Config(**config))
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        message = f"The config of {name} does not describe a SAM 3 detector."
        raise CheckpointError(message, code="checkpoint_mismatch") from error


def _read_tokenizer(path: Path, words: int) -> Tokenizer:
    """Return a tokenizer that gives no other ids than a text encoder of so many words knows."""
    try:
        text = path.read_text() if path.stat().st_size <= TOKENIZER_BYTES else ""
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower kind
        message = f"The file {path.name} is not a tokenizer of the tokenizers library."
        raise CheckpointError(message, code="tokenizer_unreadable") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if any(number >= words for number in tokenizer.get_vocab(with_added_tokens=True).values()):
        message = f"The tokenizer {path.name} knows more words than the text encoder beside it."
        raise CheckpointError(message, code="checkpoint_mismatch")
    return tokenizer


def read_config(path: Path | None) -> dict[str, Any]:
    """Return what a ``config.json`` holds, nothing without one.

    Raises
    ------
    CheckpointError
        ``checkpoint_mismatch``.
    """
    try:
        found = json.loads(path.read_text()) if path is not None else {}
    except (OSError, ValueError) as error:
        raise CheckpointError("The config.json beside the weights is no JSON.", code="checkpoint_mismatch") from error
    if not isinstance(found, dict):
        raise CheckpointError("The config.json beside the weights is no object.", code="checkpoint_mismatch")
    return found
