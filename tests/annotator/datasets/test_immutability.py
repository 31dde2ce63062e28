"""The database itself keeps frozen versions frozen, whoever writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from annotator.datasets.models import DatasetItem, DatasetVersion, PatientSplit
from annotator.datasets.services import freeze_dataset_version
from tests.factories.datasets import accept_new, accepted_campaign

pytestmark = pytest.mark.django_db
VERSION, ITEM, PATIENT = (model._meta.db_table for model in (DatasetVersion, DatasetItem, PatientSplit))


@pytest.fixture
def version() -> DatasetVersion:
    """Return a frozen version."""
    return freeze_dataset_version(campaign=accepted_campaign(patients=3), actor=None)


def refused(sql: str) -> None:
    """Run one statement and expect the database to refuse it."""
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {VERSION} SET number = 99",
        f"UPDATE {VERSION} SET status = 'BUILDING'",
        f"UPDATE {VERSION} SET manifest_digest = 'x'",
        f"UPDATE {VERSION} SET counts = '{{}}'",
        f"DELETE FROM {VERSION}",
        f"UPDATE {ITEM} SET split = 'train'",
        f"UPDATE {ITEM} SET masks = masks + 1",
        f"DELETE FROM {ITEM}",
    ],
)
def test_raw_sql_cannot_change_a_frozen_version(version: DatasetVersion, sql: str) -> None:
    """No statement gets past the triggers, and nothing is changed by the attempt."""
    before = list(version.items.order_by("pk").values_list("pk", "split", "masks"))
    refused(sql)
    after = DatasetVersion.objects.get(pk=version.pk)
    assert (after.number, after.status, after.manifest_digest) == (version.number, "FROZEN", version.manifest_digest)
    assert list(after.items.order_by("pk").values_list("pk", "split", "masks")) == before


def test_nothing_can_be_added_to_a_frozen_version(version: DatasetVersion) -> None:
    """An item more is a change of the version."""
    reading = accept_new(version.campaign, patient="P-9", seed=77)
    with pytest.raises(DatabaseError), transaction.atomic():
        DatasetItem.objects.create(
            version=version, cine=reading.cine, reading=reading, patient_key="P-9", split="train", masks=1
        )
    assert version.items.count() == 3


@pytest.mark.parametrize("change", ["delete", "save", "bulk"])
def test_the_orm_cannot_either(version: DatasetVersion, change: str) -> None:
    """Django's own ways meet the same wall."""
    ways: dict[str, Callable[[], object]] = {
        "delete": lambda: version.items.all()[0].delete(),
        "save": version.save,
        "bulk": lambda: DatasetVersion.objects.filter(pk=version.pk).update(reason="another"),
    }
    with pytest.raises(DatabaseError), transaction.atomic():
        ways[change]()


def test_a_patient_cannot_be_moved(version: DatasetVersion) -> None:
    """The side of a patient is for ever."""
    before = list(PatientSplit.objects.order_by("pk").values_list("patient_key", "split"))
    refused(f"UPDATE {PATIENT} SET split = CASE split WHEN 'train' THEN 'test' ELSE 'train' END")
    refused(f"UPDATE {PATIENT} SET patient_key = 'P-other'")
    assert list(PatientSplit.objects.order_by("pk").values_list("patient_key", "split")) == before


def test_a_version_that_is_not_frozen_may_change(version: DatasetVersion) -> None:
    """The wall stands around frozen rows only: building one needs updates."""
    building = DatasetVersion.objects.create(campaign=version.campaign, number=7, manifest_digest="b" * 64)
    assert DatasetVersion.objects.filter(pk=building.pk).update(reason="changed") == 1
    building.delete()


def test_all_triggers_are_there_after_all_migrations() -> None:
    """A later migration that rebuilds a table on SQLite would lose them silently."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = {row[0] for row in cursor.fetchall()}
    assert names >= {
        "datasets_version_no_update",
        "datasets_version_no_delete",
        "datasets_item_no_insert",
        "datasets_item_no_update",
        "datasets_item_no_delete",
        "datasets_patient_stays",
    }
