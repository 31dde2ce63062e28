"""The settings of a training run: what may be asked for, and within which bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotator.core.errors import InvalidInput, Unprocessable
from annotator.registry.models import ModelVersion
from workers.protocol.families import METHODS


@dataclass(frozen=True)
class Bound:
    """The allowed range of a setting, both ends included."""

    low: float
    high: float
    whole: bool = False


# The names are those of `python -m workers.training finetune --config`.
BOUNDS: dict[str, Bound] = {
    "steps": Bound(1, 20_000, whole=True),
    "max_minutes": Bound(0.1, 24 * 60),
    "learning_rate": Bound(1e-7, 0.1),
    "frames_per_step": Bound(1, 64, whole=True),
    "prompts_per_frame": Bound(1, 16, whole=True),
    "strength": Bound(0.01, 5),
    "lora_rank": Bound(1, 64, whole=True),
}
CHOICES: dict[str, tuple[str, ...]] = {"method": METHODS}


def clean_config(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Merge settings, later ones over earlier ones, and check them.

    Parameters
    ----------
    *layers : mapping or None
        The settings of the campaign, then those of the request.

    Returns
    -------
    dict
        Only what was asked for; the trainer has a default for everything else.

    Raises
    ------
    InvalidInput
        `unknown_training_setting` or `bad_training_setting`; `details` names the setting.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        if layer is not None and not isinstance(layer, Mapping):
            raise InvalidInput("Training settings are an object of names and values.", code="bad_training_setting")
        merged |= dict(layer or {})
    return {name: _checked(name, value) for name, value in merged.items()}


def with_method(settings: Mapping[str, Any], base: ModelVersion) -> dict[str, Any]:
    """Return checked settings with a method that the base can be trained by: its usual one where none was asked for.

    Raises
    ------
    Unprocessable
        `family_not_trainable` or `method_not_offered`.
    """
    methods = base.training_methods
    if not methods:
        raise Unprocessable(
            f"Model {base.number} is of the family {base.family!r}, which cannot be trained here.",
            code="family_not_trainable",
        )
    method = settings.get("method", methods[0])
    if method not in methods:
        raise Unprocessable(
            f"Models of the family {base.family} are not trained by {method!r} but by {', '.join(methods)}.",
            code="method_not_offered",
            details={"setting": "method"},
        )
    return {**settings, "method": method}


def _checked(name: str, value: Any) -> int | float | str:
    """Return a setting as the number or the word it is, or refuse it."""
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise InvalidInput(
                f"The training setting {name} must be one of {', '.join(CHOICES[name])}.",
                code="bad_training_setting",
                details={"setting": name},
            )
        return str(value)
    bound = BOUNDS.get(name)
    if bound is None:
        raise InvalidInput(
            f"There is no training setting called {name!r}; there are {', '.join(sorted([*BOUNDS, *CHOICES]))}.",
            code="unknown_training_setting",
            details={"setting": str(name)},
        )
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not bound.low <= value <= bound.high or (bound.whole and int(value) != value):
        kind = "whole number" if bound.whole else "number"
        raise InvalidInput(
            f"The training setting {name} must be a {kind} from {bound.low:g} to {bound.high:g}.",
            code="bad_training_setting",
            details={"setting": name},
        )
    return int(value) if bound.whole else float(value)
