"""/healthz/ says that the process answers, /readyz/ whether the whole can serve a reader, part by part."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pytest
from celery import Celery
from django.conf import settings
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from annotator.core import health
from tests.contract.stack import free_port
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import CHECKPOINT, make_campaign

PARTS = ("broker", "database", "model", "worker")


@pytest.fixture
def client() -> Client:
    """Return a client that nobody has signed in."""
    return Client()


@pytest.fixture
def all_ready(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make every part ready, but those named with what they say instead."""

    def answer(**others: health.Check) -> None:
        for part in PARTS:
            monkeypatch.setitem(health._checks, part, others.get(part, lambda: health.OK))

    answer()
    return answer


def unreachable() -> str:
    """Fail as a check does whose service is gone."""
    raise ConnectionError("redis://:password@host refused")


def test_the_parts_of_readiness() -> None:
    """No part is forgotten, none is checked that the documentation does not name."""
    assert tuple(sorted(health._checks)) == PARTS


def test_a_living_process_says_so(client: Client) -> None:
    """Without a database, without signing in, and never from a cache."""
    answer = client.get("/healthz/")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "version": settings.VERSION}
    assert "no-store" in answer["Cache-Control"]
    assert client.head("/healthz/").status_code == 200
    assert client.post("/healthz/").status_code == 405


def test_all_ready(client: Client, all_ready: Callable[..., None]) -> None:
    """200, and each part says ok."""
    answer = client.get("/readyz/")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", **dict.fromkeys(PARTS, "ok")}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("part", PARTS)
def test_one_missing_part_is_enough(client: Client, all_ready: Callable[..., None], part: str) -> None:
    """503 with the sentence of that part; the others are still ok."""
    all_ready(**{part: lambda: "It is missing."})
    answer = client.get("/readyz/")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", **dict.fromkeys(PARTS, "ok"), part: "It is missing."}


@pytest.mark.parametrize("part", PARTS)
def test_a_check_that_fails_is_not_ready(client: Client, all_ready: Callable[..., None], part: str) -> None:
    """It is answered with a sentence and not with the error, whose text may hold an address with a password."""
    all_ready(**{part: unreachable})
    answer = client.get("/readyz/")
    assert answer.status_code == 503
    assert answer.json()[part] == "This could not be checked."
    assert "password" not in answer.content.decode()


@pytest.mark.django_db
def test_the_database_answers() -> None:
    """The real check on the real database."""
    assert health.check_database() == health.OK


def test_without_a_database_nothing_is_ready_and_everything_says_so(client: Client) -> None:
    """The checks that need the database fail with it; the page itself does not."""
    with mock.patch.object(BaseDatabaseWrapper, "ensure_connection", side_effect=OperationalError("gone")):
        answer = client.get("/readyz/")
    assert answer.status_code == 503
    body = answer.json()
    assert body["database"] == "The database does not answer."
    assert body["worker"] == body["model"] == "This could not be checked."
    assert client.get("/healthz/").status_code == 200


def test_the_broker_answers() -> None:
    """The real check on the broker of these settings."""
    assert health.check_broker() == health.OK


def test_a_broker_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on this port: the check gives up by itself and says so."""
    app = Celery("nobody", broker=f"redis://127.0.0.1:{free_port()}/0", set_as_current=False)
    monkeypatch.setattr(health, "current_app", app)
    assert health.check_broker() == "The message broker does not answer."


@pytest.mark.django_db
def test_workers_and_models_in_turn(client: Client, broker: MemoryBroker) -> None:
    """A fresh site names what it lacks, step by step, until a worker has loaded the model of a campaign."""

    def parts() -> tuple[int, str, str]:
        answer = client.get("/readyz/")
        return answer.status_code, answer.json()["worker"], answer.json()["model"]

    silent = "No worker that runs models has been heard of for 10 seconds."
    assert parts() == (503, silent, "No campaign has a model yet.")
    make_campaign(current_checkpoint=CHECKPOINT)
    assert parts() == (503, silent, "No live worker can load a model.")
    worker = FakeWorker(models=[])
    worker.beat()
    assert parts() == (503, "ok", "The checkpoint of the current model is not stored.")
    worker.models = [CHECKPOINT]
    worker.beat()
    assert parts() == (200, "ok", "ok")
