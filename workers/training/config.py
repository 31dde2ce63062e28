"""The settings of a fine-tuning."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from workers.protocol.families import FAMILIES, METHODS
from workers.training.manifest import ManifestError

BUNDLED_RATE = 4e-4
PRETRAINED_RATES = {"full": 5e-5, "decoder": 1e-4, "lora": 2e-4}
"""With higher rates, weights that have seen millions of masks forget them; adapters, which begin at zero, bear more."""


@dataclass(frozen=True)
class FinetuneConfig:
    """How to fine-tune; a campaign may override any field.

    Attributes
    ----------
    steps : int
        Optimiser steps at most.
    max_minutes : float
        Wall-clock limit; the learning rate reaches its end at whichever limit comes first.
    learning_rate : float or None
        None takes what suits base and method; see `rate`.
    frames_per_step, prompts_per_frame : int
    strength : float
        Strength of augmentation, 1 = as for the bundled checkpoint.
    seed : int
    method : {"full", "decoder", "lora"}
        What learns: all weights; only those that answer prompts; or an adapter beside weights that stay as they are.
    lora_rank : int
        Rank of a new adapter; one that is trained further keeps its own.
    """

    steps: int = 120
    max_minutes: float = 10.0
    learning_rate: float | None = None
    frames_per_step: int = 4
    prompts_per_frame: int = 2
    strength: float = 1.0
    seed: int = 1
    method: str = "full"
    lora_rank: int = 8

    def rate(self, family: str) -> float:
        """Return the learning rate for a base of a family."""
        usual = PRETRAINED_RATES[self.method] if FAMILIES[family].is_pretrained else BUNDLED_RATE
        return self.learning_rate or usual

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FinetuneConfig:
        """Return the config with the given fields replaced.

        Raises
        ------
        ManifestError
            With code ``unknown_setting`` or ``bad_setting``.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        for key in data:
            if key not in kinds:
                raise ManifestError(f"Training has no setting named {key!r}.", code="unknown_setting")
        return cls(**{key: _checked(key, value, str(kinds[key])) for key, value in data.items()})


def _checked(key: str, value: Any, kind: str) -> Any:
    """Return the value of a setting as what its field wants: ``int``, ``float``, or ``str`` for the method."""
    if kind == "str":
        if value not in METHODS:
            named = ", ".join(METHODS)
            raise ManifestError(f"The training setting {key!r} must be one of {named}.", code="bad_setting")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value <= 0:
        raise ManifestError(f"The training setting {key!r} must be a positive number.", code="bad_setting")
    if kind == "int" and value != int(value):
        raise ManifestError(f"The training setting {key!r} must be a whole number.", code="bad_setting")
    return int(value) if kind == "int" else float(value)
