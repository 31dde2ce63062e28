"""A worker starts, says every now and then that it lives, and stops; without a broker it says so and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.machine import ROOT
from tests.workers.edge.parts import Outbox, until
from workers import app as edge
from workers.config import WorkerConfig
from workers.protocol.messages import Heartbeat


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """What the worker publishes, instead of a broker."""
    box = Outbox()
    monkeypatch.setattr(edge, "Publisher", lambda app: box)
    monkeypatch.setattr(edge, "HEARTBEAT_SECONDS", 0.01)
    return box


def make_worker(tmp_path: Path, *kinds: str) -> edge.Worker:
    """Return a worker of the name "w1" that was not started."""
    config = WorkerConfig("memory://", tmp_path, "w1", feature_bytes=1 << 20)
    return edge.Worker(Celery("workers", broker="memory://", set_as_current=False), config, kinds)


@pytest.mark.parametrize(
    ("kinds", "queues"),
    [
        ((edge.GPU,), ["gpu.w1"]),
        ((edge.TRAINING,), ["training"]),
        ((edge.GPU, edge.TRAINING), ["gpu.w1", "training"]),
    ],
)
def test_a_worker_names_the_queues_of_its_kinds(
    tmp_path: Path, outbox: Outbox, kinds: tuple[str, ...], queues: list[str]
) -> None:
    assert make_worker(tmp_path, *kinds).queues == queues


def test_both_kinds_beat_under_names_of_their_own_until_stopped(tmp_path: Path, outbox: Outbox) -> None:
    worker = make_worker(tmp_path, edge.GPU, edge.TRAINING)
    worker.start()
    until(lambda: len(outbox.messages) >= 6)
    worker.stop()
    beats = [message for message in outbox.take() if isinstance(message, Heartbeat)]
    assert {(beat.worker, beat.queue, beat.kind) for beat in beats} == {
        ("w1", "gpu.w1", "gpu"),
        ("w1-training", "training", "training"),
    }
    assert len({beat.started_ms for beat in beats}) == 1
    assert not any(beat.busy for beat in beats)
    assert outbox.messages == []


def test_a_broker_that_is_away_does_not_silence_the_heart_for_ever(tmp_path: Path, outbox: Outbox) -> None:
    outbox.refuses = lambda message: len(outbox.refused) < 3
    worker = make_worker(tmp_path, edge.GPU)
    worker.start()
    until(lambda: outbox.messages)
    worker.stop()
    assert len(outbox.refused) == 3


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({}, "BROKER_URL or REDIS_URL must be set"),
        ({"BROKER_URL": "memory://"}, "BROKER_URL must name a broker that other processes reach"),
        ({"BROKER_URL": "redis://127.0.0.1", "FEATURE_CACHE_MB": "many"}, "FEATURE_CACHE_MB"),
        (
            {"BROKER_URL": "redis://127.0.0.1", "MODEL_PRECISION": "double"},
            "MODEL_PRECISION must be one of auto,",
        ),
    ],
)
def test_a_worker_that_cannot_start_says_why_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], variable: str
) -> None:
    hidden = ("BROKER_URL", "REDIS_URL", "CINELOOP_DATA_DIR")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    ended = subprocess.run(
        [sys.executable, "-m", "workers.app", "gpu"],
        cwd=ROOT,
        env={**environment, "CINELOOP_DATA_DIR": str(tmp_path), **changes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    (sentence,) = ended.stderr.strip().splitlines()
    assert sentence.startswith("cineloop: ")
    assert variable in sentence


def test_a_worker_never_loads_django_even_where_the_environment_names_it(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from workers.app import GPU, TRAINING, Worker, make_app
from workers.config import config_from_environment
config = config_from_environment()
app = make_app(config)
worker = Worker(app, config, (GPU, TRAINING))
app.WorkController(pool="threads", concurrency=1, queues=worker.queues)
print([name for name in ("django.db", "annotator", "channels") if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "annotator.settings.production",
            "BROKER_URL": "redis://127.0.0.1",
            "CINELOOP_DATA_DIR": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
