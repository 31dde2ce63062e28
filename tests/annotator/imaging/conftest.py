"""What the tests of imaging share: a campaign, its readers, and a blob store of their own, which can be counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.imaging.models import Cine, CineInstance, ImportBatch, Instance, Patient, Series, Study
from tests.factories.readings import make_campaign, make_member

TABLES = (Patient, Study, Series, Instance, Cine, CineInstance, ImportBatch)


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Return an empty data directory that holds the blobs of this test alone."""
    folder = tmp_path / "data"
    (folder / "blobs").mkdir(parents=True)
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder / "blobs")},
    }
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.DATA_DIR = folder
    return folder


@pytest.fixture
def traces(db: None, data_dir: Path) -> Callable[[], dict[str, int]]:
    """Return a function that counts everything an import may leave: rows, blobs, temporary files."""

    def count() -> dict[str, int]:
        files = [path for path in data_dir.rglob("*") if path.is_file()]
        rows = {model.__name__: model._default_manager.count() for model in TABLES}
        return {key: number for key, number in {**rows, "files": len(files)}.items() if number}

    return count


@pytest.fixture
def campaign() -> Campaign:
    """Return an empty campaign."""
    return make_campaign()


@pytest.fixture
def reader(campaign: Campaign) -> APIClient:
    """Return a client signed in as a reader of the campaign."""
    return client_of(make_member(campaign))


def client_of(user: object) -> APIClient:
    """Return a client that is signed in as a user."""
    client = APIClient()
    client.force_authenticate(user)
    return client
