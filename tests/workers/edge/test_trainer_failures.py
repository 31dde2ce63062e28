"""Whatever goes wrong with a training is said with a code; nothing of it stays, and the next training runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workers.edge.parts import until
from tests.workers.edge.training_parts import FakeProcess, School
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import ModelRef, TrainingRequest
from workers.trainer import NICENESS, Trainer

ABSENT = bytes_digest(b"never stored")
PROGRESS = """say '{"event": "progress", "step": 1, "total_steps": 9, "loss": null, "elapsed_s": 0}'"""
HANG = f"{PROGRESS}; exec sleep 600"
EVALUATED = """say '{"event": "done", "evaluation": {"iou": 0.5, "cines": []}}'"""
Fake = Callable[..., FakeProcess]


@pytest.fixture
def school(tmp_path: Path, make_checkpoint: Callable[[int], Path]) -> School:
    return School(tmp_path, make_checkpoint(5), {11: "train"})


@pytest.fixture
def trainer(school: School) -> Iterator[Trainer]:
    found = school.trainer()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a shell script in the place of the training process."""

    def make(finetune: str, evaluate: str = EVALUATED) -> FakeProcess:
        process = FakeProcess(tmp_path, finetune, evaluate)
        monkeypatch.setattr("workers.trainer.sys", SimpleNamespace(executable=str(process.path)))
        return process

    return make


def trained(school: School) -> str:
    """Return shell that ends a training well."""
    done = {"event": "done", "checkpoint": str(school.store.root.parent / "model"), "sha256": "new", "metrics": {}}
    return f"say '{json.dumps(done)}'"


def check_error(school: School, trainer: Trainer, code: str) -> str:
    """Wait for the error of the run, see that nothing is left of it, and return its sentence."""
    until(school.has_ended)
    last = school.updates()[-1]
    assert (last.event, last.data["code"]) == ("error", code)
    assert str(last.data["message"]).endswith(".")
    assert str(school.store.root.parent) not in last.data["message"]
    until(lambda: not trainer.is_busy)
    assert school.is_tidy()
    return str(last.data["message"])


def broken(school: School, request: TrainingRequest, name: str) -> dict[str, Any]:
    """Return what is wrong with a request, by name."""
    line = school.lines[0]
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "no manifest": lambda: {"manifest": ABSENT},
        "not JSON": lambda: {"manifest": school.store.put(b"{half")},
        "not text": lambda: {"manifest": school.store.put(b"\xff\xfe")},
        "empty": lambda: {"manifest": school.store.put(b"\n")},
        "no base": lambda: {"base": ModelRef(ABSENT, "bundled")},
        "no cine": lambda: line.update(frames_blob=ABSENT) or {"manifest": school.put_manifest()},
        "no mask": lambda: line["masks"][0].update(mask=ABSENT) or {"manifest": school.put_manifest()},
        "no split": lambda: line.pop("split") and {"manifest": school.put_manifest()},
        "a list": lambda: {"manifest": school.store.put(b"[1]\n")},
    }
    return changes[name]()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no manifest", "blob_missing"),
        ("not JSON", "manifest_unreadable"),
        ("not text", "manifest_unreadable"),
        ("empty", "manifest_empty"),
        ("no base", "blob_missing"),
        ("no cine", "blob_missing"),
        ("no mask", "blob_missing"),
        ("a list", "worker_error"),
    ],
)
def test_a_dataset_that_cannot_be_used_is_refused_before_any_process(
    school: School, trainer: Trainer, fake: Fake, name: str, code: str
) -> None:
    process = fake("exit 9")
    request = school.request()
    changes = broken(school, request, name)
    trainer.submit(school.request(**changes))
    check_error(school, trainer, code)
    assert process.arguments == []
    assert school.events() == ["started", "error"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"colour": 1}, "unknown_setting"), ({"steps": -1}, "bad_setting")],
)
def test_what_the_real_process_refuses_comes_with_its_code(
    school: School, trainer: Trainer, changes: dict[str, Any], code: str
) -> None:
    trainer.submit(school.request(config=changes))
    check_error(school, trainer, code)


def test_a_crash_of_the_real_process_is_told_and_logged(
    school: School, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    del school.lines[0]["window"]
    trainer.submit(school.request())
    message = check_error(school, trainer, "training_crashed")
    assert "window" not in message
    assert "KeyError: 'window'" in caplog.text


@pytest.mark.parametrize(
    ("finetune", "evaluate"),
    [
        ("exit 3", ""),
        ("kill -9 $$", ""),
        ("exit 0", ""),
        (f"{PROGRESS}; exit 0", ""),
        ('say \'{"event": "stopped"}\'; exit 143', ""),
        ('say \'{"event": "done"}\'; exit 1', ""),
        ("TRAINED", "exit 3"),
    ],
)
def test_a_process_that_ends_without_being_done_has_crashed(
    school: School, trainer: Trainer, fake: Fake, finetune: str, evaluate: str
) -> None:
    process = fake(trained(school) if finetune == "TRAINED" else finetune, evaluate)
    trainer.submit(school.request())
    check_error(school, trainer, "training_crashed")
    assert process.is_gone


def test_a_process_that_the_system_killed_most_likely_lacked_memory(
    school: School, trainer: Trainer, fake: Fake
) -> None:
    fake("kill -9 $$")
    trainer.submit(school.request())
    assert "memory" in check_error(school, trainer, "training_crashed")


def test_the_process_is_told_the_family_of_each_model(school: School, trainer: Trainer, fake: Fake) -> None:
    process = fake(trained(school))
    published, bundled = ModelRef(school.base.digest, "sam2.1-tiny"), school.base
    other = ModelRef(school.store.put(b"another"), "medsam2")
    trainer.submit(school.request(base=published, evaluate=[other, bundled]))
    until(school.has_ended)
    told = [arguments[arguments.index("--family") + 1] for arguments in process.arguments]
    assert told == ["sam2.1-tiny", "sam2.1-tiny", "medsam2", "bundled"]


def test_a_long_evaluation_tells_the_last_progress_again(school: School, trainer: Trainer, fake: Fake) -> None:
    """Runs of which nothing is heard for minutes are taken for dead."""
    fake(f"{PROGRESS}; {trained(school)}", f'say \'{{"event": "alive"}}\'; {EVALUATED}')
    trainer.submit(school.request(evaluate=[]))
    until(school.has_ended)
    assert school.events() == ["started", "progress", "progress", "done"]
    first, second = (update.data for update in school.updates() if update.event == "progress")
    assert first == second


def test_what_is_no_event_is_for_the_log_only(school: School, trainer: Trainer, fake: Fake) -> None:
    noise = "say 'a warning'; say '[1]'; say '{\"event\": 3}'; say '{}'; printf '\\377\\n'; say broken >&2"
    fake(f"{noise}; {PROGRESS}; {noise}; {trained(school)}")
    trainer.submit(school.request())
    until(school.has_ended)
    assert school.events() == ["started", "progress", "done"]
    assert school.updates()[-1].data["checkpoint"] == bytes_digest(b"learnt")
    assert school.store.get(bytes_digest(b"learnt")) == b"learnt"


def test_without_a_test_split_the_model_is_measured_on_what_it_learnt_from(
    school: School, trainer: Trainer, fake: Fake
) -> None:
    process = fake(trained(school))
    trainer.submit(school.request(evaluate=[school.base, school.base]))
    until(school.has_ended)
    assert set(school.updates()[-1].data["evaluations"]) == {"new", school.base.digest}
    assert [arguments[0] for arguments in process.arguments] == ["finetune", "evaluate", "evaluate"]
    assert all("--split train" in " ".join(arguments) for arguments in process.arguments[1:])


def test_training_is_nice_to_readers_and_uses_the_threads_it_may(school: School, fake: Fake, tmp_path: Path) -> None:
    process = fake(f"nice > {tmp_path}/nice; {trained(school)}")
    trainer = school.trainer(threads=3)
    trainer.start()
    trainer.submit(school.request())
    until(school.has_ended)
    trainer.stop()
    assert int((tmp_path / "nice").read_text()) == min(19, os.nice(0) + NICENESS)
    assert all(arguments[-2:] == ["--threads", "3"] for arguments in process.arguments)


def test_a_run_cancelled_before_it_begins_never_does(school: School, trainer: Trainer, fake: Fake) -> None:
    process = fake("exit 9")
    trainer.cancel("run-1")
    trainer.submit(school.request())
    until(school.has_ended)
    assert school.events() == ["cancelled"]
    assert process.arguments == []


def test_a_run_cancelled_while_it_waits_never_begins(school: School, trainer: Trainer, fake: Fake) -> None:
    process = fake(HANG)
    trainer.submit(school.request("first"))
    trainer.submit(school.request("second"))
    until(lambda: "progress" in school.events("first"))
    trainer.cancel("second")
    trainer.cancel("first")
    until(lambda: school.has_ended("second"))
    assert school.events("first") == ["started", "progress", "cancelled"]
    assert school.events("second") == ["cancelled"]
    assert len(process.arguments) == 1


@pytest.mark.parametrize("phase", ["finetune", "evaluate"])
def test_a_run_cancelled_under_way_ends_its_process(school: School, trainer: Trainer, fake: Fake, phase: str) -> None:
    process = fake(*((HANG, "") if phase == "finetune" else (trained(school), HANG)))
    trainer.submit(school.request())
    until(lambda: "progress" in school.events())
    trainer.cancel("run-1")
    until(school.has_ended)
    assert school.events() == ["started", "progress", "cancelled"]
    assert process.is_gone
    until(lambda: not trainer.is_busy)
    assert school.is_tidy()


@pytest.mark.parametrize("run_id", ["unknown", "run-10"])
def test_cancelling_another_run_leaves_this_one_alone(
    school: School, trainer: Trainer, fake: Fake, tmp_path: Path, run_id: str
) -> None:
    fake(f"{PROGRESS}; until [ -e {tmp_path}/go ]; do sleep 0.01; done; {trained(school)}")
    trainer.submit(school.request())
    until(lambda: "progress" in school.events())
    trainer.cancel(run_id)
    (tmp_path / "go").touch()
    until(school.has_ended)
    assert school.events() == ["started", "progress", "done"]


def test_a_run_that_waits_or_runs_is_not_begun_twice(
    school: School, trainer: Trainer, fake: Fake, tmp_path: Path
) -> None:
    process = fake(f"{PROGRESS}; until [ -e {tmp_path}/go ]; do sleep 0.01; done; {trained(school)}")
    for run_id in ("first", "second", "second", "first"):
        trainer.submit(school.request(run_id, evaluate=[]))
    until(lambda: school.events("first"))
    for run_id in ("first", "second"):
        trainer.submit(school.request(run_id, evaluate=[]))
    (tmp_path / "go").touch()
    trainer.submit(school.request("last", evaluate=[]))
    until(lambda: school.has_ended("last"))
    assert [arguments[0] for arguments in process.arguments] == ["finetune", "evaluate"] * 3
    assert [school.events(run_id)[-1] for run_id in ("first", "second")] == ["done", "done"]


def test_stop_ends_the_process_and_says_nothing(school: School, fake: Fake) -> None:
    process = fake(HANG)
    trainer = school.trainer()
    trainer.start()
    trainer.submit(school.request())
    trainer.submit(school.request("second"))
    until(lambda: "progress" in school.events())
    trainer.stop()
    assert process.is_gone
    assert school.events() == ["started", "progress"]
    assert school.events("second") == []
    assert not school.is_tidy(), "the state of the run waits for its next life"


@pytest.mark.parametrize("silent", [("started", "error"), ("progress", "error"), ("progress",), ("done", "error")])
def test_a_broker_that_is_away_ends_one_run_and_not_the_worker(
    school: School, trainer: Trainer, fake: Fake, silent: tuple[str, ...]
) -> None:
    process = fake(f"{PROGRESS}; {trained(school)}")
    school.outbox.refuses = lambda message: (
        getattr(message, "run_id", "") == "lost" and getattr(message, "event", "") in silent
    )
    trainer.submit(school.request("lost"))
    trainer.submit(school.request("told"))
    until(lambda: school.has_ended("told"))
    assert school.events("told") == ["started", "progress", "done"]
    assert not set(silent) & set(school.events("lost"))
    assert process.is_gone
    until(lambda: not trainer.is_busy)
    assert school.is_tidy()


def test_a_training_goes_on_when_its_progress_cannot_be_told(school: School, trainer: Trainer, fake: Fake) -> None:
    fake(f"{PROGRESS}; {trained(school)}")
    school.outbox.refuses = lambda message: getattr(message, "event", "") == "progress"
    trainer.submit(school.request())
    until(school.has_ended)
    assert school.events() == ["started", "done"]


@pytest.mark.parametrize("run_id", ["..", "../..", "a/b", "%2e%2e"])
def test_no_run_id_reaches_another_folder(
    school: School, trainer: Trainer, fake: Fake, monkeypatch: pytest.MonkeyPatch, run_id: str
) -> None:
    removed: list[Path] = []
    # Nothing is removed here: a mistake in the code under test must not cost more than this test.
    monkeypatch.setattr("workers.trainer.shutil.rmtree", lambda path, **_: removed.append(path))
    fake(trained(school))
    trainer.submit(school.request(run_id))
    until(lambda: school.has_ended(run_id) and removed)
    assert [path.resolve().parent for path in removed] == [school.runs.resolve()]
