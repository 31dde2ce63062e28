"""Tasks: sent by name once their cause has been committed; the web tier's own acknowledge late and may come twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from annotator.core import tasks
from annotator.core.tasks import DEFAULT_QUEUE, RESULTS_QUEUE, send, send_on_commit, service_task
from tests.machine import ROOT

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Collect what is handed to Celery: (name, options)."""
    collected: Sent = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: collected.append((name, options)))
    return collected


def test_a_task_has_one_argument_and_a_queue(sent: Sent) -> None:
    """The payload, and nothing else."""
    send("gpu.predict", {"job": "1"}, queue="gpu.worker-1")
    assert sent == [("gpu.predict", {"args": [{"job": "1"}], "queue": "gpu.worker-1"})]


@pytest.mark.django_db(transaction=True)
def test_a_task_waits_for_the_commit(sent: Sent) -> None:
    """A worker must find the rows that it is told of."""
    with transaction.atomic():
        send_on_commit("training.run", {"run": "1"}, queue="training")
        send_on_commit("registry.evaluate_policy", {"campaign": "demo"})
        assert sent == []
    assert [(name, options["queue"]) for name, options in sent] == [
        ("training.run", "training"),
        ("registry.evaluate_policy", DEFAULT_QUEUE),
    ]
    send_on_commit("training.run", {"run": "2"}, queue="training")
    assert sent[-1][1]["args"] == [{"run": "2"}]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_sends_no_task(sent: Sent) -> None:
    """No work for rows that do not exist."""
    with transaction.atomic():
        send_on_commit("training.run", {"run": "1"}, queue="training")
        transaction.set_rollback(True)
    assert sent == []


@pytest.mark.django_db
def test_a_service_task_is_acknowledged_late() -> None:
    """A worker that dies in the middle leaves it to another."""
    seen: list[dict[str, Any]] = []

    @service_task("tests.core.note")
    def note(payload: dict[str, Any]) -> None:
        """Note the payload."""
        seen.append(payload)

    assert (note.name, note.acks_late, note.ignore_result) == ("tests.core.note", True, True)
    assert note.__doc__ == "Note the payload."
    note({"id": 1})
    note({"id": 1})
    assert seen == [{"id": 1}, {"id": 1}]


@pytest.mark.parametrize("is_in_transaction", [False, True])
def test_a_service_task_hands_its_connections_back(monkeypatch: pytest.MonkeyPatch, is_in_transaction: bool) -> None:
    """Also when it fails; but never in the middle of the transaction of a caller."""
    closed: list[bool] = []
    monkeypatch.setattr(tasks, "close_old_connections", lambda: closed.append(True))

    class Connection:
        in_atomic_block = is_in_transaction

    monkeypatch.setattr(tasks.transaction, "get_connection", Connection)

    @service_task(f"tests.core.fail_{is_in_transaction}")
    def fail(payload: dict[str, Any]) -> None:
        raise RuntimeError(payload["why"])

    with pytest.raises(RuntimeError, match="broken"):
        fail({"why": "broken"})
    assert closed == ([] if is_in_transaction else [True])


@pytest.mark.parametrize("start", ["import django; django.setup()", "import annotator.asgi", "import annotator.celery"])
def test_every_process_sends_to_the_broker_of_the_settings(tmp_path: Path, start: str) -> None:
    """Management commands as well as the site and the task worker; Celery's own application has another broker."""
    script = f"{start}; from celery import current_app; print(current_app.main, current_app.conf.broker_url)"
    settings = {"DJANGO_SETTINGS_MODULE": "annotator.settings.embedded", "CINELOOP_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    shown = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["annotator", "memory://localhost"]


def test_the_tasks_of_the_web_tier_are_registered() -> None:
    """Each under its name with its app, so that workers can send their results by name."""
    current_app.loader.import_default_modules()
    own = {name for name in current_app.tasks if name.startswith(("inference.", "registry."))}
    assert {"inference.record_mask", "inference.record_done", "registry.evaluate_policy"} <= own
    assert all(current_app.tasks[name].acks_late for name in own)
    assert RESULTS_QUEUE != DEFAULT_QUEUE
