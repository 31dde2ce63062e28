"""Give the patients of a campaign their side of the split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from annotator.campaigns.models import Campaign
from annotator.core.errors import IllegalTransition, InvalidInput
from annotator.datasets.models import PatientSplit, Split

from .placement import choose_splits


def place_patients(
    *, campaign: Campaign, patient_keys: Iterable[str], wanted: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Place patients who have no place yet, and return the places of all that were asked for.

    Parameters
    ----------
    campaign : Campaign
        Its `split_seed` keys the hash.
    patient_keys : iterable of str
        Pseudonyms.
    wanted : mapping of patient key to split, optional
        A split given from outside (a benchmark, a published partition) for patients not placed before.

    Returns
    -------
    dict of str to str
        Patient key -> "train", "val" or "test".

    Raises
    ------
    InvalidInput
        `unknown_split`: a wanted split is none of the three.
    IllegalTransition
        `patient_already_placed`: a patient stands elsewhere already; nothing is changed.
    """
    wanted = dict(wanted or {})
    unknown = sorted(set(wanted.values()) - set(Split.values))
    if unknown:
        raise InvalidInput(f"There is no split called {unknown[0]}.", code="unknown_split")
    with transaction.atomic():
        Campaign.objects.select_for_update().get(pk=campaign.pk)
        rows = PatientSplit.objects.filter(campaign=campaign)
        placed = dict(rows.values_list("patient_key", "split"))
        moved = sorted(key for key, split in wanted.items() if placed.get(key, split) != split)
        if moved:
            raise IllegalTransition(
                f"Patient {moved[0]} already stands in {placed[moved[0]]} and never moves.",
                code="patient_already_placed",
                details={"patient_keys": moved},
            )
        asked = {*patient_keys, *wanted}
        given = {key: split for key, split in wanted.items() if key not in placed}
        chosen = choose_splits(
            split_seed=campaign.split_seed, placed={**placed, **given}, arriving=asked - given.keys()
        )
        PatientSplit.objects.bulk_create(
            PatientSplit(campaign=campaign, patient_key=key, split=split)
            for key, split in sorted({**given, **chosen}.items())
        )
    return {key: split for key, split in {**placed, **given, **chosen}.items() if key in asked}
