"""On which side of the split a patient falls. Pure arithmetic: no database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from annotator.datasets.models import Split

TRAIN_SHARE, VAL_SHARE = 0.7, 0.1
_SCALE = float(1 << 64)


def patient_fraction(*, split_seed: int | str, patient_key: str) -> float:
    """Return a number in [0, 1) that depends on the seed of the campaign and the patient alone.

    Notes
    -----
    The first 8 bytes of HMAC-SHA-256(seed, patient key): without the seed nobody can choose a pseudonym that
    lands in the test part.
    """
    keyed = hmac.new(str(split_seed).encode(), patient_key.encode(), hashlib.sha256)
    return int.from_bytes(keyed.digest()[:8], "big") / _SCALE


def choose_splits(*, split_seed: int | str, placed: Mapping[str, str], arriving: Iterable[str]) -> dict[str, str]:
    """Place patients who have no place yet.

    Parameters
    ----------
    split_seed : int or str
        Seed of the campaign.
    placed : mapping of patient key to split
        Patients who have their place; they never move.
    arriving : iterable of str
        Patients of the version to be frozen; those already placed are passed over.

    Returns
    -------
    dict of str to str
        Patient key -> "train", "val" or "test" for each new patient. The only patient of a campaign goes to
        train, so that a newcomer can train at all; as soon as there are two, at least one stands in train and
        one in test, by taking the new patients whose fractions lie nearest to those parts.
    """
    new = {key: patient_fraction(split_seed=split_seed, patient_key=key) for key in set(arriving) if key not in placed}
    if not placed and len(new) == 1:
        return dict.fromkeys(new, str(Split.TRAIN))
    chosen = {key: _split_of(fraction) for key, fraction in new.items()}

    def by_fraction(key: str) -> tuple[float, str]:
        return new[key], key

    if chosen and Split.TEST not in {*placed.values(), *chosen.values()}:
        chosen[max(chosen, key=by_fraction)] = str(Split.TEST)
    if Split.TRAIN not in {*placed.values(), *chosen.values()}:
        movable = _may_leave_test(chosen, placed)
        if movable:
            chosen[min(movable, key=by_fraction)] = str(Split.TRAIN)
    return chosen


def _split_of(fraction: float) -> str:
    """Return the part for a fraction: 70 % train, 10 % validation, 20 % test."""
    if fraction < TRAIN_SHARE:
        return str(Split.TRAIN)
    return str(Split.VAL if fraction < TRAIN_SHARE + VAL_SHARE else Split.TEST)


def _may_leave_test(chosen: Mapping[str, str], placed: Mapping[str, str]) -> list[str]:
    """Return the new patients that may move to train without emptying the test part."""
    if Split.TEST in placed.values():
        return list(chosen)
    in_test = [key for key, split in chosen.items() if split == Split.TEST]
    return [key for key in chosen if chosen[key] != Split.TEST or len(in_test) > 1]
