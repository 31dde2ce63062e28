"""The registry's tasks: parse, one service call."""

from __future__ import annotations

from typing import Any

from annotator.campaigns.models import Campaign
from annotator.core.tasks import service_task
from annotator.registry.services import evaluate_training_policy, record_training_update, watch_training_runs
from workers.protocol.messages import TrainingUpdate


@service_task("registry.record_training")
def record_training(payload: dict[str, Any]) -> None:
    """Take in one update of a training run."""
    record_training_update(update=TrainingUpdate.from_dict(payload))


@service_task("registry.evaluate_policy")
def evaluate_policy(payload: dict[str, Any]) -> None:
    """Ask the training policy of a campaign; a reading was submitted or a training ended."""
    evaluate_training_policy(campaign=Campaign.objects.get(slug=payload["campaign"]))


@service_task("registry.watch_training")
def watch_training(payload: dict[str, Any]) -> None:
    """Fail trainings whose worker has died."""
    watch_training_runs()
