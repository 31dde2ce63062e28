"""Transitions: the row is locked before it is checked, and the audit entry stands or falls with the change."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core import transitions
from annotator.core.errors import IllegalTransition
from annotator.core.models import AuditEntry
from annotator.core.transitions import transition
from annotator.imaging.models import ImportBatch
from tests.factories.readings import make_campaign, make_user

pytestmark = pytest.mark.django_db
RACERS = 4


@pytest.fixture
def campaign() -> Campaign:
    """Return an empty campaign."""
    return make_campaign()


@pytest.fixture
def batch(campaign: Campaign) -> ImportBatch:
    """Return a row that is RUNNING and may become DONE or FAILED."""
    return ImportBatch.objects.create(campaign=campaign)


@pytest.fixture
def user() -> User:
    """Return who acts."""
    return make_user()


def status_of(batch: ImportBatch) -> str:
    """Return the status that the database holds."""
    return ImportBatch.objects.get(pk=batch.pk).status


def entries_of(batch: ImportBatch) -> list[AuditEntry]:
    """Return the audit entries of a row, the oldest first."""
    return list(AuditEntry.objects.filter(target_type="imaging.importbatch", target_id=str(batch.pk)))


def test_a_legal_step_is_saved_and_audited(batch: ImportBatch, user: User) -> None:
    """The row, the given instance and the log agree."""
    locked = transition(batch, "DONE", actor=user, reason="all files read")
    assert (locked.pk, locked.status, batch.status, status_of(batch)) == (batch.pk, "DONE", "DONE", "DONE")
    assert locked.updated_at > locked.created_at
    (entry,) = entries_of(batch)
    assert (entry.actor, entry.action) == (user, "importbatch.done")
    assert entry.data == {"from": "RUNNING", "reason": "all files read"}
    assert str(entry) == f"importbatch.done imaging.importbatch {batch.pk}"


def test_the_system_acts_without_a_name(batch: ImportBatch) -> None:
    """An entry without an actor is the system's."""
    transition(batch, "FAILED")
    (entry,) = entries_of(batch)
    assert (entry.actor, entry.action, entry.data) == (None, "importbatch.failed", {"from": "RUNNING", "reason": ""})


@pytest.mark.parametrize(
    ("steps", "to"),
    [(["DONE"], "RUNNING"), (["DONE"], "DONE"), (["FAILED"], "DONE"), ([], "RUNNING"), ([], "PROMOTED"), ([], "")],
)
def test_an_illegal_step_changes_nothing(batch: ImportBatch, steps: list[str], to: str) -> None:
    """The refusal is a sentence with the status that stands, and leaves no entry."""
    for step in steps:
        transition(batch, step)
    before = batch.status
    with pytest.raises(IllegalTransition) as refused:
        transition(batch, to)
    assert refused.value.code == "illegal_transition"
    assert refused.value.details == {"status": before, "to": to}
    assert refused.value.message == f"An import batch that is {before.lower()} cannot become {to.lower()}."
    assert status_of(batch) == batch.status == before
    assert len(entries_of(batch)) == len(steps)


def test_the_database_decides_and_not_the_instance(batch: ImportBatch) -> None:
    """Whoever holds an older copy is refused, and the copy stays as it was."""
    older = ImportBatch.objects.get(pk=batch.pk)
    transition(batch, "DONE")
    with pytest.raises(IllegalTransition):
        transition(older, "FAILED")
    assert (older.status, status_of(batch)) == ("RUNNING", "DONE")
    assert [entry.action for entry in entries_of(batch)] == ["importbatch.done"]


def test_nothing_else_of_the_instance_is_saved(batch: ImportBatch) -> None:
    """A transition writes the status; other changes are the caller's to save."""
    batch.items = [{"name": "unsaved"}]
    transition(batch, "DONE")
    assert ImportBatch.objects.get(pk=batch.pk).items == []


def test_the_row_is_locked_before_it_is_checked(batch: ImportBatch) -> None:
    """The first statement that touches the row takes its lock, where the database has such locks."""
    with CaptureQueriesContext(connection) as queries:
        transition(batch, "DONE")
    touching = [query["sql"] for query in queries if "imaging_importbatch" in query["sql"]]
    assert touching[0].startswith("SELECT")
    assert ("FOR UPDATE" in touching[0]) == connection.features.has_select_for_update
    assert touching[1].startswith("UPDATE")


def test_a_failed_audit_undoes_the_step(batch: ImportBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """No change without its entry."""

    def fail(**_: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(transitions.audit, "record", fail)
    with pytest.raises(RuntimeError):
        transition(batch, "DONE")
    assert status_of(batch) == "RUNNING"
    assert entries_of(batch) == []


def test_the_entry_is_undone_with_the_caller(batch: ImportBatch) -> None:
    """No entry without its change: what follows in the same transaction takes both back."""
    with transaction.atomic():
        transition(batch, "DONE")
        assert len(entries_of(batch)) == 1
        transaction.set_rollback(True)
    assert status_of(batch) == "RUNNING"
    assert entries_of(batch) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_succeeds() -> None:
    """Racing processes on separate connections: one makes the step, the others are refused, one entry stands."""
    batch = ImportBatch.objects.create(campaign=make_campaign())
    start = threading.Barrier(RACERS)
    outcomes: list[str] = []

    def race(to: str) -> None:
        try:
            own = ImportBatch.objects.get(pk=batch.pk)
            start.wait()
            transition(own, to)
            outcomes.append(to)
        except IllegalTransition as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(("DONE", "FAILED")[number % 2],)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("illegal_transition") == RACERS - 1
    (won,) = set(outcomes) - {"illegal_transition"}
    assert status_of(batch) == won
    assert [entry.action for entry in entries_of(batch)] == [f"importbatch.{won.lower()}"]
