"""The policy of a campaign: train when enough cines have been accepted since the last version."""

from __future__ import annotations

import logging

from annotator.campaigns.models import Campaign
from annotator.core.errors import DomainError
from annotator.datasets.selectors import new_accepted_cines
from annotator.datasets.services import freeze_dataset_version
from annotator.registry.models import TrainingRun, Trigger
from annotator.registry.selectors import live_run

from .runs import start_training_run
from .watch import watch_training_runs

logger = logging.getLogger(__name__)


def evaluate_training_policy(*, campaign: Campaign) -> TrainingRun | None:
    """Freeze a version and start a training when the campaign's policy says so.

    Parameters
    ----------
    campaign : Campaign
        `train_after` is the number of newly accepted cines that starts a training.

    Returns
    -------
    TrainingRun or None
        None when it is too early, when a training is under way (it asks again when it ends), or when the accepted
        work cannot be trained on; the reason of a refusal is logged.
    """
    watch_training_runs()
    if live_run(campaign) is not None:
        return None
    count = new_accepted_cines(campaign)
    if count < campaign.train_after:
        return None
    try:
        version = freeze_dataset_version(campaign=campaign, actor=None, reason=f"policy: {count} newly accepted cines")
        return start_training_run(campaign=campaign, actor=None, dataset_version=version, trigger=Trigger.POLICY)
    except DomainError as refusal:
        logger.warning("policy of campaign %s starts no training: %s", campaign.slug, refusal)
        return None
