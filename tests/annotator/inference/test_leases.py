"""Which worker serves a cine: the same one as long as it lives, and a higher epoch when it does not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.inference.models import Lease, WorkerNode
from annotator.inference.services import leases, record_heartbeat, resolve_lease
from tests.annotator.inference.helpers import silence
from tests.factories.inference import FakeWorker
from workers.protocol.messages import Heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]

NAMES = ("alpha", "beta", "gamma", "delta")
DIGESTS = [hashlib.sha256(f"cine {number}".encode()).hexdigest() for number in range(40)]
DIGEST = DIGESTS[0]


def nodes(*names: str) -> list[WorkerNode]:
    """Return workers that are nowhere stored."""
    return [WorkerNode(name=name) for name in names]


def placed(names: Sequence[str]) -> dict[str, str]:
    """Return where each cine goes among workers of these names."""
    return {digest: leases.choose_worker(nodes(*names), digest).name for digest in DIGESTS}


def ranked(digest: str) -> list[str]:
    """Return the names in the order in which they would serve a cine."""
    left, order = list(NAMES), []
    while left:
        order.append(leases.choose_worker(nodes(*left), digest).name)
        left.remove(order[-1])
    return order


def lease_of(digest: str = DIGEST, *, renew_epoch: bool = False) -> tuple[str, int] | None:
    """Resolve a lease and return (name of the worker, epoch)."""
    lease = resolve_lease(cine_digest=digest, renew_epoch=renew_epoch)
    return None if lease is None else (lease.worker.name, lease.epoch)


def test_placement_depends_on_names_and_cine_only() -> None:
    """Every web process places alike, in whatever order it knows the workers; the share of each is fair."""
    where = placed(NAMES)
    assert placed(NAMES[::-1]) == where
    shares = [sum(name == one for name in where.values()) for one in NAMES]
    assert min(shares) >= 4, "40 cines on 4 workers"
    heaviest = {
        digest: max(NAMES, key=lambda name: hashlib.sha256(f"{name}\0{digest}".encode()).digest()) for digest in DIGESTS
    }
    assert where == heaviest, "placement is an agreement between processes of all versions"


@pytest.mark.parametrize("gone", NAMES)
def test_a_worker_that_leaves_moves_only_its_own_cines(gone: str) -> None:
    """And when it comes back, only those come back."""
    before, after = placed(NAMES), placed([name for name in NAMES if name != gone])
    moved = {digest for digest in DIGESTS if before[digest] != after[digest]}
    assert moved == {digest for digest in DIGESTS if before[digest] == gone}


def test_a_new_lease_goes_to_the_winner() -> None:
    """Its epoch is 1, and it stays there however often it is asked for."""
    for name in NAMES:
        FakeWorker(name).beat()
    for digest in DIGESTS[:5]:
        assert lease_of(digest) == lease_of(digest) == (ranked(digest)[0], 1)
    assert Lease.objects.count() == 5


def test_a_living_worker_keeps_its_cine() -> None:
    """Also when a worker joins that would have won: its caches know the cine, those of the other do not."""
    winner, second, *_ = ranked(DIGEST)
    FakeWorker(second).beat()
    assert lease_of() == (second, 1)
    FakeWorker(winner).beat()
    assert lease_of() == (second, 1)


def test_a_dead_workers_lease_moves() -> None:
    """To the next in order, with the next epoch; and it does not come back by itself."""
    first, second, *_ = ranked(DIGEST)
    workers = [FakeWorker(name) for name in NAMES]
    for worker in workers:
        worker.beat()
    assert lease_of() == (first, 1)
    dead = next(worker for worker in workers if worker.name == first)
    silence(dead)
    assert lease_of() == (second, 2)
    dead.beat()
    assert lease_of() == (second, 2)


def test_a_lease_that_nobody_used_is_placed_anew() -> None:
    """After its time it goes to whoever wins now; the epoch grows only if that is another worker."""
    winner, second, *_ = ranked(DIGEST)
    FakeWorker(second).beat()
    assert lease_of() == (second, 1)
    long_ago = timezone.now() - timedelta(seconds=1)
    Lease.objects.update(expires_at=long_ago)
    assert lease_of() == (second, 1)
    FakeWorker(winner).beat()
    Lease.objects.update(expires_at=long_ago)
    assert lease_of() == (winner, 2)
    assert Lease.objects.get().expires_at > timezone.now()


def test_using_a_lease_prolongs_it() -> None:
    """A cine that is being read never changes its worker because of the clock."""
    FakeWorker("alpha").beat()
    lease_of()
    soon = timezone.now() + timedelta(seconds=5)
    Lease.objects.update(expires_at=soon)
    lease_of()
    assert Lease.objects.get().expires_at > soon


def test_the_epoch_can_be_renewed_in_place() -> None:
    """What was asked for before then does not count any more."""
    FakeWorker("alpha").beat()
    assert lease_of() == ("alpha", 1)
    assert lease_of(renew_epoch=True) == ("alpha", 2)
    assert lease_of() == ("alpha", 2)


def test_without_a_worker_there_is_no_lease() -> None:
    """Dead workers and those that only train serve no cine; nothing is recorded."""
    assert lease_of() is None
    dead = FakeWorker("alpha")
    dead.beat()
    silence(dead)
    record_heartbeat(
        heartbeat=Heartbeat(
            worker="trainer", queue="training", kind="training", models=[], cache_bytes=0, busy=True, started_ms=1.0
        )
    )
    assert lease_of() is None
    assert not Lease.objects.exists()


def test_a_lease_outlives_the_hour_without_workers() -> None:
    """Its epoch goes on from where it was, so that answers of long ago stay refused."""
    worker = FakeWorker("alpha")
    worker.beat()
    assert lease_of() == ("alpha", 1)
    silence(worker)
    assert lease_of() is None
    FakeWorker("beta").beat()
    assert lease_of() == ("beta", 2)


def test_two_processes_that_place_a_cine_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds that the first was quicker, and takes its lease as it is."""
    for name in NAMES:
        FakeWorker(name).beat()
    choose = leases.choose_worker
    other = WorkerNode.objects.get(name=ranked(DIGEST)[1])

    def choose_late(workers: Iterable[WorkerNode], digest: str) -> WorkerNode:
        Lease.objects.create(
            cine_digest=digest, worker=other, epoch=7, expires_at=timezone.now() + timedelta(minutes=1)
        )
        return choose(workers, digest)

    monkeypatch.setattr(leases, "choose_worker", choose_late)
    assert lease_of() == (other.name, 7)
    assert Lease.objects.count() == 1
