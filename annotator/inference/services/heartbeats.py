"""Heartbeats: who is alive, and what to do for those whose worker is not."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotator.campaigns.models import Campaign, CampaignCine
from annotator.core.tasks import send_on_commit
from annotator.inference.models import ACTIVE, InferenceJob, WorkerKind, WorkerNode
from annotator.inference.selectors import stranded_jobs
from workers.protocol.messages import Heartbeat, ModelRef, WarmRequest

from .jobs import redispatch_job
from .requests import cine_ref
from .results import finish_ended_jobs

MAX_LOADED_MODELS = 2
WARM_AGAIN = timedelta(seconds=30)
"""How long a worker is given to load a model before it is told again."""


def record_heartbeat(*, heartbeat: Heartbeat) -> WorkerNode:
    """Note that a worker is alive, and send jobs again that nobody works on.

    Notes
    -----
    A worker that starts again under its old name has lost what it was doing, so its jobs are sent again too. A
    worker that has just started is told to load the models in use, so that the first click need not wait.
    """
    with transaction.atomic():
        before = WorkerNode.objects.select_for_update().filter(name=heartbeat.worker).first()
        if before is not None and heartbeat.started_ms < before.started_ms:
            return before  # the late message of an earlier life
        has_started = before is None or before.started_ms != heartbeat.started_ms
        worker, _ = WorkerNode.objects.update_or_create(
            name=heartbeat.worker,
            defaults={
                "kind": heartbeat.kind,
                "queue": heartbeat.queue,
                "models": list(heartbeat.models),
                "cache_bytes": heartbeat.cache_bytes,
                "busy": bool(heartbeat.busy),
                "started_ms": heartbeat.started_ms,
                "last_seen": timezone.now(),
            },
        )
    if worker.kind == WorkerKind.GPU:
        lost = set(stranded_jobs().values_list("pk", flat=True))
        if has_started:
            lost |= set(InferenceJob.objects.filter(worker=worker, status__in=ACTIVE).values_list("pk", flat=True))
        _load_models(worker, has_started=has_started)
        for job_id in sorted(lost, key=str):
            redispatch_job(job_id=job_id)
        finish_ended_jobs()
    return worker


def _load_models(worker: WorkerNode, *, has_started: bool) -> None:
    """Tell a worker that has loaded no model in use to load them; a warm request without frames does just that."""
    campaigns = Campaign.objects.exclude(current_checkpoint="").order_by("created_at")
    models = dict(campaigns.values_list("current_checkpoint", "current_family"))
    now = timezone.now()
    is_patient = not has_started and worker.warmed_at is not None and worker.warmed_at > now - WARM_AGAIN
    if not models or set(models) & set(worker.models) or is_patient:
        return
    for digest, family in list(models.items())[:MAX_LOADED_MODELS]:
        first = (
            CampaignCine.objects.filter(campaign__current_checkpoint=digest)
            .select_related("cine")
            .order_by("order")
            .first()
        )
        if first is None:
            continue
        request = WarmRequest(model=ModelRef(digest=digest, family=family), cine=cine_ref(first.cine), frames=[])
        send_on_commit("gpu.warm", request.to_dict(), queue=worker.queue)
        WorkerNode.objects.filter(pk=worker.pk).update(warmed_at=now)
