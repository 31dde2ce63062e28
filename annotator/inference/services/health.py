"""Readiness: is a worker there, and can it run the models that campaigns use?"""

from __future__ import annotations

from annotator.campaigns.models import Campaign, CampaignCine
from annotator.core import blobs, health
from annotator.core.errors import NotFound
from annotator.inference.selectors import live_gpu_workers


def check_worker() -> str:
    """Return "ok" when a worker that runs models has been heard of lately."""
    if live_gpu_workers().exists():
        return health.OK
    return "No worker that runs models has been heard of for 10 seconds."


def check_model() -> str:
    """Return "ok" when a live worker has loaded a model that a campaign uses now, or evidently can.

    Notes
    -----
    A worker that starts is told to load the models in use, which takes a cine; where no campaign has one yet, it is
    enough that the checkpoint is stored. After a promotion the new model is loaded with the first reading: a worker
    that has loaded another one counts while the new checkpoint is stored.
    """
    current = set(Campaign.objects.exclude(current_checkpoint="").values_list("current_checkpoint", flat=True))
    if not current:
        return "No campaign has a model yet."
    workers = list(live_gpu_workers())
    if not workers:
        return "No live worker can load a model."
    loaded = {digest for worker in workers for digest in worker.models}
    if current & loaded:
        return health.OK
    if not any(_is_stored(digest) for digest in current):
        return "The checkpoint of the current model is not stored."
    has_cines = CampaignCine.objects.filter(campaign__current_checkpoint__in=current).exists()
    if loaded or not has_cines:
        return health.OK
    return "The worker has not loaded a model yet."


def register_checks() -> None:
    """Add both checks to those of /readyz/."""
    health.register_check("worker", check_worker)
    health.register_check("model", check_model)


def _is_stored(digest: str) -> bool:
    try:
        return blobs.exists(digest)
    except NotFound:
        return False
