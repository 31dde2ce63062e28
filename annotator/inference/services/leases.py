"""Leases: a cine stays with one worker, whose caches then know it, until that worker dies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.inference.models import Lease, WorkerNode
from annotator.inference.selectors import live_gpu_workers

LEASE_TTL = timedelta(minutes=10)


def resolve_lease(*, cine_digest: str, renew_epoch: bool = False) -> Lease | None:
    """Return the lease of a cine on a live worker, or None when no worker is alive.

    Parameters
    ----------
    cine_digest : str
        Digest of the pixels of the cine.
    renew_epoch : bool
        Let the epoch grow even when the cine stays where it is: what was asked for before must not count.

    Notes
    -----
    A new lease goes to the worker that wins the rendezvous hash, so that all web processes agree without
    talking, and a worker that joins or leaves moves only its own share of the cines.
    """
    with transaction.atomic():
        workers = list(live_gpu_workers())
        if not workers:
            return None
        lease = Lease.objects.select_for_update().filter(cine_digest=cine_digest).first()
        if lease is None:
            lease = _create_lease(cine_digest, choose_worker(workers, cine_digest))
        now = timezone.now()
        holder = next((worker for worker in workers if worker.pk == lease.worker_id), None)
        if holder is None or lease.expires_at <= now:
            holder = choose_worker(workers, cine_digest)
        if holder.pk != lease.worker_id or renew_epoch:
            lease.epoch += 1
        lease.worker = holder
        lease.expires_at = now + LEASE_TTL
        lease.save(update_fields=["worker", "epoch", "expires_at", "updated_at"])
        return lease


def choose_worker(workers: Iterable[WorkerNode], cine_digest: str) -> WorkerNode:
    """Return the worker with the highest hash of (its name, the cine): rendezvous hashing."""

    def weight(worker: WorkerNode) -> bytes:
        return hashlib.sha256(f"{worker.name}\0{cine_digest}".encode()).digest()

    return max(workers, key=weight)


def _create_lease(cine_digest: str, worker: WorkerNode) -> Lease:
    """Create the lease of a cine, or return the one that another process has just created."""
    try:
        with transaction.atomic():
            return Lease.objects.create(
                cine_digest=cine_digest, worker=worker, epoch=1, expires_at=timezone.now() + LEASE_TTL
            )
    except IntegrityError:
        return Lease.objects.select_for_update().get(cine_digest=cine_digest)
