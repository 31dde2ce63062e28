"""Which model to try first for which modality: advice at first, what was measured as soon as something was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from annotator.accounts.models import User
from annotator.datasets.models import Split
from annotator.imaging.models import Modality
from annotator.imaging.services.window import CT_DEFAULT, CT_WINDOWS, PERCENTILES
from annotator.registry.models import Evaluation, ModelVersion
from annotator.registry.selectors import visible_evaluations
from workers.protocol.families import FAMILIES

AS_IT_IS = "The window of the file; without one, 8-bit pixels as they are."
OPEN_QUESTION = "Test both MedSAM2 and SAM 2.1: it is not known which of them is better here."


@dataclass(frozen=True)
class Advice:
    """What is said of a modality before anything was measured.

    Attributes
    ----------
    modality : str
    families : tuple of str
        To be tried, the first one first.
    reason : str
    labels : tuple of str
        Codes of a label set to begin with.
    window : str
        How grey values are mapped to the 8 bits that models see.
    """

    modality: str
    families: tuple[str, ...]
    reason: str
    labels: tuple[str, ...]
    window: str = AS_IT_IS


ADVICE = (
    Advice(
        Modality.XA,
        ("bundled",),
        "Neither MedSAM2 nor SAM 2.1 has seen X-ray angiograms: start with the bundled model and fine-tune it.",
        ("coronary_artery", "catheter", "stenosis"),
    ),
    Advice(
        Modality.US,
        ("medsam2",),
        "MedSAM2 first: it was trained on echocardiograms among others.",
        ("left_ventricle", "myocardium", "right_ventricle", "left_atrium"),
    ),
    Advice(
        Modality.MR,
        ("medsam2",),
        "MedSAM2 first: it was trained on magnetic resonance among others.",
        ("left_ventricle", "myocardium", "right_ventricle"),
        f"The window of the file; without one, the {PERCENTILES[0]} to {PERCENTILES[1]} percentile of the pixels "
        "above 0.",
    ),
    Advice(
        Modality.CT,
        ("medsam2", "sam2.1-tiny"),
        OPEN_QUESTION,
        ("left_ventricle", "myocardium", "aorta", "coronary_artery"),
        f"The window of the file; without one, {CT_DEFAULT}.",
    ),
    Advice(Modality.IVUS, ("medsam2", "sam2.1-tiny"), OPEN_QUESTION, ("lumen", "vessel_wall", "plaque")),
    Advice(Modality.OCT, ("medsam2", "sam2.1-tiny"), OPEN_QUESTION, ("lumen", "vessel_wall", "plaque")),
)


@dataclass(frozen=True)
class WindowPreset:
    """A named window of grey values, level and width in `unit`."""

    name: str
    level: int
    width: int
    unit: str = "HU"


@dataclass(frozen=True)
class Measured:
    """The best of the models that were measured on the same test cines.

    Attributes
    ----------
    model : ModelVersion
    iou, dice : float
        Means over the cines.
    cines : int
        How many test cines there were.
    campaign : str
        Short name.
    version : int
        Number of the dataset version.
    compared : int
        How many models were measured there.
    """

    model: ModelVersion
    iou: float
    dice: float
    cines: int
    campaign: str
    version: int
    compared: int


@dataclass(frozen=True)
class ModelPreset:
    """What to begin with in a modality, and why; `also_try` names further families."""

    modality: str
    modality_name: str
    family: str
    family_title: str
    preprocess_id: str
    hint: str
    also_try: list[str]
    reason: str
    source: Literal["advice", "measured"]
    measured: Measured | None
    labels: list[str]
    window: str
    windows: list[WindowPreset]


def model_presets(user: User) -> list[ModelPreset]:
    """Return the presets of all modalities, from the measurements that a user may see where there are any.

    Only the locked test part counts: other figures say nothing of new patients. Models are compared on the newest
    measured version of a campaign, as only figures on the same cines can be compared; of several campaigns of a
    modality the one with the most cines speaks.
    """
    rows = visible_evaluations(user).filter(split=Split.TEST)
    by_modality: dict[str, list[Evaluation]] = {}
    for row in rows.order_by("model__number"):
        by_modality.setdefault(row.dataset_version.campaign.modality, []).append(row)
    return [_preset(advice, by_modality.get(advice.modality, [])) for advice in ADVICE]


def _preset(advice: Advice, evaluations: list[Evaluation]) -> ModelPreset:
    compared = _comparison(evaluations)
    best = max(compared, key=lambda row: row.iou, default=None)
    name = best.model.family if best is not None else advice.families[0]
    family = FAMILIES.get(name)
    seen = {row.model.family for row in compared}
    rest = [other for other in advice.families if other != name and other not in seen]
    modality = Modality(advice.modality)
    return ModelPreset(
        modality=modality.value,
        modality_name=str(modality.label),
        family=name,
        family_title=family.title if family else name,
        preprocess_id=best.model.preprocess_id if best is not None else (family.preprocess_id if family else ""),
        hint=family.advice if family else "",
        also_try=[FAMILIES[other].title for other in rest],
        reason=advice.reason if best is None else _measured_reason(best, len(compared), rest),
        source="advice" if best is None else "measured",
        measured=None if best is None else _measured(best, len(compared)),
        labels=list(advice.labels),
        window=advice.window,
        windows=[WindowPreset(name, *values) for name, values in CT_WINDOWS.items()] if modality == Modality.CT else [],
    )


def _comparison(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Return the evaluations of one version: the newest of the campaign that has the most test cines."""
    newest: dict[object, list[Evaluation]] = {}
    for row in evaluations:
        campaign = row.dataset_version.campaign_id
        known = newest.get(campaign)
        if known is None or row.dataset_version.number > known[0].dataset_version.number:
            newest[campaign] = [row]
        elif row.dataset_version_id == known[0].dataset_version_id:
            known.append(row)
    return max(newest.values(), key=lambda rows: max(len(row.cines) for row in rows), default=[])


def _measured(best: Evaluation, compared: int) -> Measured:
    version = best.dataset_version
    return Measured(best.model, best.iou, best.dice, len(best.cines), version.campaign.slug, version.number, compared)


def _measured_reason(best: Evaluation, compared: int, untried: list[str]) -> str:
    cines = f"{len(best.cines)} test cine{'' if len(best.cines) == 1 else 's'}"
    place = f"{cines} of {best.dataset_version.campaign.name}, version {best.dataset_version.number}"
    reason = (
        f"Best of {compared} models measured on {place}." if compared > 1 else f"The only model measured on {place}."
    )
    names = " and ".join(FAMILIES[name].title for name in untried)
    return f"{reason} Not measured yet: {names}." if names else reason
