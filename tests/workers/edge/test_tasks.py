"""Tasks take one message each: a good one is handed on, a malformed one is dropped and logged, and nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from tests.workers.edge.parts import Desk
from workers.gpu import PredictJob, PropagateJob, WarmJob
from workers.protocol.messages import CancelRequest, Message, TrainingCancel, TrainingRequest
from workers.tasks import add_gpu_tasks, add_training_tasks


class Recorder:
    """Stands for the scheduler and the trainer."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.cancelled: list[str] = []

    def submit(self, work: Any) -> None:
        """Remember a job or a training."""
        self.taken.append(work)

    def cancel(self, name: str) -> None:
        """Remember whom to stop."""
        self.cancelled.append(name)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def app(desk: Desk, recorder: Recorder) -> Celery:
    """An application of the worker's that has never heard of a broker."""
    made = Celery("workers", broker="memory://", set_as_current=False)
    add_gpu_tasks(made, recorder, desk.bench())  # type: ignore[arg-type]
    add_training_tasks(made, recorder)  # type: ignore[arg-type]
    return made


def send(app: Celery, name: str, payload: Any) -> None:
    """Run a task as the worker would."""
    app.tasks[name].run(payload)


def training(desk: Desk) -> TrainingRequest:
    return TrainingRequest("run-1", desk.model.digest, desk.model, {"steps": 2}, 7, [])


def test_every_message_has_its_task(app: Celery) -> None:
    # The web tier's own tasks are shared by every application of a process that has loaded them.
    names = {name for name in app.tasks if name.startswith(("gpu.", "training."))}
    assert names == {"gpu.predict", "gpu.propagate", "gpu.warm", "gpu.cancel", "training.run", "training.cancel"}


def test_jobs_are_handed_to_the_scheduler(app: Celery, desk: Desk, recorder: Recorder) -> None:
    for name, request, job in (
        ("gpu.predict", desk.predict(), PredictJob),
        ("gpu.propagate", desk.propagate(), PropagateJob),
        ("gpu.warm", desk.warm([0, 1]), WarmJob),
    ):
        send(app, name, request.to_dict())
        taken = recorder.taken.pop()
        assert isinstance(taken, job)
        assert taken.request == request


def test_trainings_are_handed_to_the_trainer(app: Celery, desk: Desk, recorder: Recorder) -> None:
    send(app, "training.run", training(desk).to_dict())
    assert recorder.taken == [training(desk)]


@pytest.mark.parametrize(
    ("name", "request_"), [("gpu.cancel", CancelRequest("job-1")), ("training.cancel", TrainingCancel("job-1"))]
)
def test_cancelling_reaches_whoever_works(app: Celery, recorder: Recorder, name: str, request_: Message) -> None:
    send(app, name, request_.to_dict())
    assert recorder.cancelled == ["job-1"]
    assert recorder.taken == []


@pytest.mark.parametrize("name", ["gpu.predict", "gpu.propagate", "gpu.warm", "gpu.cancel", "training.run"])
@pytest.mark.parametrize("payload", [None, [], "text", {}, {"version": 99}, {"job_id": "x", "unknown": 1}])
def test_a_malformed_message_is_logged_and_dropped(
    app: Celery, recorder: Recorder, caplog: pytest.LogCaptureFixture, name: str, payload: Any
) -> None:
    send(app, name, payload)
    assert (recorder.taken, recorder.cancelled) == ([], [])
    assert f"{name}: a message was refused" in caplog.text


def test_an_unknown_field_is_refused(app: Celery, desk: Desk, recorder: Recorder) -> None:
    send(app, "gpu.predict", {**desk.predict().to_dict(), "surprise": 1})
    assert recorder.taken == []
