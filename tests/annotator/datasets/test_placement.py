"""Splits: a keyed hash of the patient, stable under additions, never empty where it must not be."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.datasets.services.placement import choose_splits, patient_fraction

SEEDS = st.integers(0, 2**31 - 1)
PATIENTS = st.lists(st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=1, max_size=6), unique=True, max_size=30)


@given(seed=SEEDS, arrivals=st.lists(PATIENTS, max_size=6))
@settings(max_examples=200, deadline=None)
def test_nobody_moves_and_no_needed_part_is_empty(seed: int, arrivals: list[list[str]]) -> None:
    """However patients arrive, places stand, and two patients mean one in train and one in test."""
    placed: dict[str, str] = {}
    for arriving in arrivals:
        chosen = choose_splits(split_seed=seed, placed=placed, arriving=arriving)
        assert chosen.keys() == set(arriving) - placed.keys()
        placed |= chosen
        if len(placed) == 1:
            assert set(placed.values()) == {"train"}
        if len(placed) >= 2:
            assert {"train", "test"} <= set(placed.values())
    again = choose_splits(split_seed=seed, placed=placed, arriving=placed)
    assert again == {}


@given(seed=SEEDS, patients=PATIENTS)
@settings(max_examples=50, deadline=None)
def test_the_order_of_arrival_within_a_version_does_not_matter(seed: int, patients: list[str]) -> None:
    """The same set gives the same places."""
    forward = choose_splits(split_seed=seed, placed={}, arriving=patients)
    assert choose_splits(split_seed=seed, placed={}, arriving=reversed(patients)) == forward


def test_shares_come_near_to_70_10_20() -> None:
    """Many patients fall as the shares say."""
    keys = [f"P-{index}" for index in range(4000)]
    chosen = list(choose_splits(split_seed=7, placed={}, arriving=keys).values())
    shares = {split: chosen.count(split) / len(chosen) for split in ("train", "val", "test")}
    assert abs(shares["train"] - 0.7) < 0.03
    assert abs(shares["val"] - 0.1) < 0.02
    assert abs(shares["test"] - 0.2) < 0.03


def test_the_seed_keys_the_hash() -> None:
    """Another seed gives other places, the same seed the same."""
    keys = [f"P-{index}" for index in range(50)]
    first = [patient_fraction(split_seed=1, patient_key=key) for key in keys]
    assert first == [patient_fraction(split_seed=1, patient_key=key) for key in keys]
    assert first != [patient_fraction(split_seed=2, patient_key=key) for key in keys]
    assert all(0 <= value < 1 for value in first)


def test_a_second_patient_becomes_the_test_patient() -> None:
    """A campaign that began with one patient gets its test part with the next."""
    for key in (f"P-{index}" for index in range(40)):
        assert choose_splits(split_seed=3, placed={"P-first": "train"}, arriving=[key]) == {key: "test"}


def test_a_train_patient_is_found_where_all_stand_elsewhere() -> None:
    """A given partition without train gets its train part with the next patient."""
    placed = {"P-1": "test", "P-2": "val"}
    assert choose_splits(split_seed=3, placed=placed, arriving=["P-3"]) == {"P-3": "train"}
