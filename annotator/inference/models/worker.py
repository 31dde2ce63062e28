"""WorkerNode and Lease: which workers are there, and which of them serves a cine."""

from __future__ import annotations

from django.db import models as fields
from django.db.models import Q

from annotator.core.models import BaseModel


class WorkerKind(fields.TextChoices):
    """What a worker does."""

    GPU = "gpu", "Runs models"
    TRAINING = "training", "Trains models"


class WorkerNode(BaseModel):
    """A worker as its last heartbeat described it.

    `last_seen` is the web tier's clock; `warmed_at` is when it was last told to load the models in use.
    """

    name = fields.CharField(max_length=200, unique=True)
    kind = fields.CharField(max_length=16, choices=WorkerKind.choices)
    queue = fields.CharField(max_length=220)
    models = fields.JSONField(default=list)
    cache_bytes = fields.PositiveBigIntegerField(default=0)
    busy = fields.BooleanField(default=False)
    started_ms = fields.FloatField()
    last_seen = fields.DateTimeField()
    warmed_at = fields.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [fields.CheckConstraint(condition=Q(kind__in=WorkerKind.values), name="worker_kind_is_known")]
        indexes = [fields.Index(fields=["kind", "last_seen"], name="worker_alive")]

    def __str__(self) -> str:
        return self.name


class Lease(BaseModel):
    """The worker that serves a cine, so that its feature cache is used again.

    `epoch` grows whenever the cine moves to another worker or a job must be computed anew; answers of an older
    epoch are refused.
    """

    cine_digest = fields.CharField(max_length=64, unique=True)
    worker = fields.ForeignKey(WorkerNode, on_delete=fields.PROTECT, related_name="leases")
    epoch = fields.PositiveIntegerField(default=1)
    expires_at = fields.DateTimeField()

    class Meta:
        constraints = [fields.CheckConstraint(condition=Q(epoch__gte=1), name="lease_epoch_from_one")]

    def __str__(self) -> str:
        return f"{self.cine_digest[:12]} -> {self.worker_id} ({self.epoch})"
