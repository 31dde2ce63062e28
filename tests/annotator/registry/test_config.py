"""Settings of a training: merged, bounded, named as the trainer names them."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.core.errors import InvalidInput
from annotator.registry.services.config import clean_config


def test_later_layers_replace_earlier_ones() -> None:
    """The request wins over the campaign."""
    assert clean_config({"steps": 10, "strength": 0.5}, {"steps": 20.0}) == {"steps": 20, "strength": 0.5}
    assert clean_config(None, {}) == {}


def test_whole_numbers_reach_the_trainer_as_integers() -> None:
    """JSON may carry 20.0 where the trainer counts."""
    assert isinstance(clean_config({"steps": 20.0})["steps"], int)


@pytest.mark.parametrize(
    "config",
    [{"steps": 0}, {"steps": 1.5}, {"steps": True}, {"steps": "9"}, {"max_minutes": float("inf")}, {"strength": -1}],
)
def test_values_out_of_range_are_refused(config: dict[str, Any]) -> None:
    """The refusal names the setting."""
    with pytest.raises(InvalidInput) as refusal:
        clean_config(config)
    assert refusal.value.code == "bad_training_setting"
    assert refusal.value.details["setting"] in config


def test_unknown_settings_are_refused() -> None:
    """A typo does not train with defaults."""
    with pytest.raises(InvalidInput) as refusal:
        clean_config({"step": 10})
    assert refusal.value.code == "unknown_training_setting"


def test_a_list_is_not_a_config() -> None:
    """A campaign may hold anything in its JSON field."""
    with pytest.raises(InvalidInput):
        clean_config([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["full", "decoder", "lora"])
def test_the_method_is_a_word(method: str) -> None:
    """A known method is passed on as it is, with the rank of its adapters."""
    assert clean_config({"method": method, "lora_rank": 8.0}) == {"method": method, "lora_rank": 8}


@pytest.mark.parametrize("method", ["LORA", "", 3, None, ["lora"]])
def test_other_methods_are_refused_with_the_known_ones(method: object) -> None:
    """The sentence names the methods there are."""
    with pytest.raises(InvalidInput, match="full, decoder, lora") as caught:
        clean_config({"method": method})
    assert caught.value.code == "bad_training_setting"
