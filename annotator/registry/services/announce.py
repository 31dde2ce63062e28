"""Hints to the pages of a campaign: what to fetch again."""

from __future__ import annotations

from annotator.campaigns.models import Campaign
from annotator.core.realtime import broadcast
from annotator.registry.models import ModelVersion, TrainingRun


def announce_run(run: TrainingRun) -> None:
    """Tell the pages of the campaign how a training run stands."""
    broadcast(
        f"campaign.{run.campaign.slug}",
        json={
            "type": "training",
            "run": {
                "id": str(run.pk),
                "status": run.status,
                "progress": run.progress,
                "point": run.curve[-1] if run.curve else None,
            },
        },
    )


def announce_model(*, campaign: Campaign, model: ModelVersion) -> None:
    """Tell the pages of the campaign that a model is new or promoted."""
    broadcast(
        f"campaign.{campaign.slug}",
        json={"type": "model", "model": {"id": str(model.pk), "number": model.number, "status": model.status}},
    )
