"""/readyz/: is a worker there, and can it run the models that campaigns use?"""

from __future__ import annotations

import pytest
from django.test import Client

from annotator.core import blobs
from annotator.inference.services import record_heartbeat
from annotator.inference.services.health import check_model, check_worker
from tests.annotator.inference.helpers import silence
from tests.factories.inference import FakeWorker
from tests.factories.readings import make_campaign, make_cine
from workers.protocol.messages import Heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]

NO_MODEL = {"current_model_id": None, "current_checkpoint": "", "current_family": ""}
NO_WORKER = "No worker that runs models has been heard of for 10 seconds."


def ready() -> tuple[int, str, str, str]:
    """Ask and return (status, what is said as a whole, of the worker, of the model)."""
    answer = Client().get("/readyz/")
    body = answer.json()
    return answer.status_code, body["status"], body["worker"], body["model"]


def test_ready_with_a_worker_that_has_loaded_a_model_in_use() -> None:
    """Then a reader can be served at once."""
    make_campaign(current_checkpoint="a" * 64)
    FakeWorker(models=["a" * 64]).beat()
    assert ready() == (200, "ok", "ok", "ok")


def test_not_ready_without_a_worker() -> None:
    """It says since when, and what cannot be done; with the next heartbeat all is well again."""
    make_campaign(current_checkpoint="a" * 64)
    worker = FakeWorker(models=["a" * 64])
    assert ready() == (503, "not_ready", NO_WORKER, "No live worker can load a model.")
    worker.beat()
    silence(worker)
    assert ready() == (503, "not_ready", NO_WORKER, "No live worker can load a model.")
    worker.beat()
    assert ready() == (200, "ok", "ok", "ok")


def test_a_training_worker_serves_no_reader() -> None:
    """However alive it is."""
    record_heartbeat(
        heartbeat=Heartbeat(
            worker="trainer", queue="training", kind="training", models=[], cache_bytes=0, busy=False, started_ms=1.0
        )
    )
    assert check_worker() == NO_WORKER


def test_not_ready_before_a_campaign_has_a_model() -> None:
    """A worker alone is not enough."""
    make_campaign(**NO_MODEL)
    FakeWorker(models=[]).beat()
    assert ready() == (503, "not_ready", "ok", "No campaign has a model yet.")


def test_a_checkpoint_that_is_not_stored_is_missed() -> None:
    """Unless a worker has loaded it already; a digest that is none counts as not stored."""
    make_campaign(current_checkpoint="a" * 64)
    make_campaign(current_checkpoint="no digest")
    FakeWorker(models=["b" * 64]).beat()
    assert check_model() == "The checkpoint of the current model is not stored."
    FakeWorker("worker-2", models=["a" * 64]).beat()
    assert check_model() == "ok"


def test_a_worker_that_has_loaded_nothing_yet() -> None:
    """It is waited for where there is a cine to load the model with, and else the stored checkpoint is enough."""
    campaign = make_campaign(current_checkpoint=blobs.put_bytes(b"the weights of a test"))
    FakeWorker(models=[]).beat()
    assert check_model() == "ok"
    make_cine(campaign)
    assert check_model() == "The worker has not loaded a model yet."


def test_after_a_promotion_the_system_stays_ready() -> None:
    """The new model is stored, and is loaded with the first reading that wants it."""
    campaign = make_campaign(current_checkpoint=blobs.put_bytes(b"the weights of a better model"))
    make_cine(campaign)
    FakeWorker(models=["a" * 64]).beat()
    assert ready() == (200, "ok", "ok", "ok")


def test_a_check_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never becomes an error page."""
    make_campaign(current_checkpoint="a" * 64)
    FakeWorker(models=[]).beat()

    def broken(_: str) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(blobs, "exists", broken)
    assert ready() == (503, "not_ready", "ok", "This could not be checked.")
