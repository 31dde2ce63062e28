"""What a finished training leaves: a model, its evaluation beside the current one, perhaps its promotion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from annotator.campaigns.models import Campaign
from annotator.core import audit, blobs
from annotator.core.errors import Unprocessable
from annotator.core.transitions import transition
from annotator.datasets.models import Split
from annotator.registry.models import (
    Evaluation,
    ModelStatus,
    ModelVersion,
    PromotionReason,
    RunStatus,
    TrainingRun,
)
from annotator.registry.selectors import comparison_of, evaluation_split

from .announce import announce_model
from .checkpoint_header import CheckpointHeader, read_header_of
from .promote import promote_model
from .register import next_model_number


@dataclass(frozen=True)
class Figures:
    """What a model scores: means over cines in [0, 1], the 95 % interval of the IoU, and each cine's own."""

    split: str | None
    iou: float
    dice: float
    iou_low: float | None
    iou_high: float | None
    cines: list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """The checked result of a training: digest and header of the checkpoint, figures by checkpoint digest."""

    checkpoint: str
    header: CheckpointHeader
    figures: dict[str, Figures]
    metrics: dict[str, Any]


def read_outcome(data: Mapping[str, Any]) -> Outcome:
    """Check the data of a `done` update and the checkpoint that it names.

    Raises
    ------
    Unprocessable
        `malformed_result`, `checkpoint_missing` or `checkpoint_unreadable`.
    """
    checkpoint, evaluations = data.get("checkpoint"), data.get("evaluations", {})
    if not isinstance(checkpoint, str) or not isinstance(evaluations, Mapping):
        raise Unprocessable("The training ended without naming a checkpoint.", code="malformed_result")
    if not blobs.exists(checkpoint):
        raise Unprocessable("The trained checkpoint did not reach the blob store.", code="checkpoint_missing")
    header = read_header_of(blobs.local_path(checkpoint))
    figures = {str(digest): found for digest, raw in evaluations.items() if (found := _figures(raw))}
    metrics = data.get("metrics")
    return Outcome(checkpoint, header, figures, dict(metrics) if isinstance(metrics, Mapping) else {})


def record_outcome(*, run: TrainingRun, outcome: Outcome) -> TrainingRun:
    """Write the model, the evaluations and the end of a locked, running run; promote where the rule allows it."""
    known = ModelVersion.objects.filter(checkpoint=outcome.checkpoint).first()
    model = known or _create_model(run, outcome)
    split = evaluation_split(run.dataset_version)
    for digest, figures in outcome.figures.items():
        evaluated = ModelVersion.objects.filter(checkpoint=digest).first()
        if evaluated is not None:
            _record_evaluation(run, evaluated, figures, split)
    if model.status == ModelStatus.CANDIDATE and model.evaluations.exists():
        model = transition(model, ModelStatus.EVALUATED, reason="measured after training")
    run.metrics = outcome.metrics | ({"same_as": str(known.pk)} if known else {})
    run.finished_at = timezone.now()
    run.save(update_fields=["metrics", "finished_at", "started_at", "last_update_at", "updated_at"])
    run = transition(run, RunStatus.SUCCEEDED, reason="trained and measured")
    announce_model(campaign=run.campaign, model=model)
    _promote_by_rule(run, model)
    return run


def _create_model(run: TrainingRun, outcome: Outcome) -> ModelVersion:
    model = ModelVersion.objects.create(
        number=next_model_number(),
        name=f"{run.campaign.name}, version {run.dataset_version.number}",
        family=outcome.header.family,
        checkpoint=outcome.checkpoint,
        preprocess_id=outcome.header.preprocess_id,
        code_version=settings.VERSION,
        licence=outcome.header.licence or run.base.licence,
        parent=run.base,
        training_run=run,
        dataset_version=run.dataset_version,
    )
    audit.record(
        actor=None,
        action="registry.model_created",
        target=model,
        data={"training_run": str(run.pk), "checkpoint": outcome.checkpoint},
    )
    return model


def _record_evaluation(run: TrainingRun, model: ModelVersion, figures: Figures, split: Split) -> None:
    """Keep the first measurement of a model on a version and split: measuring again gives the same."""
    Evaluation.objects.get_or_create(
        model=model,
        dataset_version=run.dataset_version,
        split=figures.split or split,
        defaults={
            "iou": figures.iou,
            "dice": figures.dice,
            "iou_low": figures.iou_low,
            "iou_high": figures.iou_high,
            "cines": figures.cines,
        },
    )


def _promote_by_rule(run: TrainingRun, model: ModelVersion) -> None:
    """Promote a model that beats the current one on the locked test part, where the campaign allows it."""
    campaign = Campaign.objects.get(pk=run.campaign_id)
    comparison = comparison_of(model)
    if not campaign.auto_promote or comparison is None or comparison.gain is None:
        return
    fair = comparison.split == Split.TEST and campaign.current_model_id == model.parent_id
    if fair and comparison.gain > max(0.0, campaign.min_gain):
        promote_model(campaign=campaign, model=model, actor=None, reason=PromotionReason.RULE)


def _figures(raw: Any) -> Figures | None:
    """Return the figures of one model, or None where nothing was measured or the numbers are no fractions."""
    if not isinstance(raw, Mapping):
        return None
    iou, dice = _fraction(raw.get("iou")), _fraction(raw.get("dice"))
    if iou is None or dice is None:
        return None
    cines = [
        {"cine": str(row["cine"]), "iou": _fraction(row.get("iou")), "dice": _fraction(row.get("dice"))}
        for row in raw.get("cines", [])
        if isinstance(row, Mapping) and "cine" in row
    ]
    split = raw.get("split")
    return Figures(
        split=split if split in Split.values else None,
        iou=iou,
        dice=dice,
        iou_low=_fraction(raw.get("iou_low")),
        iou_high=_fraction(raw.get("iou_high")),
        cines=cines,
    )


def _fraction(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good and 0 <= value <= 1 else None
