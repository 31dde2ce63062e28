"""A training runs in a process of its own from a request to a stored checkpoint that was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.workers.edge.parts import until
from tests.workers.edge.training_parts import School
from tests.workers.engine.sam3_text_parts import save_small
from workers.engine.adapters import load_adapter
from workers.engine.checkpoints import load_checkpoint
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import ModelRef
from workers.protocol.packages import WEIGHTS, Package
from workers.trainer import Trainer


@pytest.fixture
def school(tmp_path: Path, make_checkpoint: Callable[[int], Path]) -> School:
    return School(tmp_path, make_checkpoint(5), {11: "train", 12: "test"})


@pytest.fixture
def trainer(school: School) -> Iterator[Trainer]:
    found = school.trainer()
    found.start()
    yield found
    found.stop()


def test_a_run_starts_shows_progress_and_ends_with_a_stored_model(school: School, trainer: Trainer) -> None:
    assert not trainer.is_busy
    trainer.submit(school.request())
    until(lambda: school.events() == ["started"])
    assert trainer.is_busy
    until(school.has_ended)
    started, *progress, done = school.updates()
    assert (started.event, started.data, done.event) == ("started", {}, "done")
    assert {update.event for update in progress} == {"progress"}
    assert set(progress[0].data) == {"step", "total_steps", "loss", "elapsed_s"}
    steps = [(update.data["step"], update.data["total_steps"]) for update in progress]
    # A slow machine tells of the step between too.
    assert [step for step in steps if step != (1, 2)] == [(0, 2), (2, 2)]
    assert progress[0].data["loss"] is None
    assert progress[-1].data["loss"] > 0

    assert set(done.data) == {"checkpoint", "evaluations", "metrics"}
    digest = done.data["checkpoint"]
    _, card = load_checkpoint(school.store.path(digest))
    assert card.sha256 == digest != school.base.digest
    assert card.training["parent"] == school.base.digest
    assert (card.training["config"]["seed"], card.training["config"]["steps"]) == (7, 2)
    assert done.data["metrics"]["steps"] == 2

    assert set(done.data["evaluations"]) == {digest, school.base.digest}
    for figures in done.data["evaluations"].values():
        assert figures["split"] == "test"
        assert [entry["cine"] for entry in figures["cines"]] == [school.lines[1]["cine"]]
        assert 0 <= figures["iou"] <= 1
    until(lambda: not trainer.is_busy)
    assert school.is_tidy()


def test_published_weights_learn_an_adapter_through_the_same_request(
    school: School, trainer: Trainer, tmp_path: Path
) -> None:
    """Those of SAM 3, several files: the worker that trains fetches them all."""
    digests = {name: school.store.put_file(path) for name, path in save_small(tmp_path).items()}
    base = ModelRef(school.store.put(Package("sam3", digests).to_bytes()), "sam3")
    config = {"steps": 1, "frames_per_step": 1, "method": "lora", "lora_rank": 2}
    trainer.submit(school.request(base=base, evaluate=[base], config=config))
    until(school.has_ended)
    done = school.updates()[-1]
    assert done.event == "done", done.data
    adapter = load_adapter(school.store.path(done.data["checkpoint"]))
    assert (adapter.base, adapter.family, adapter.licence) == (base.digest, "sam3", "SAM License")
    assert set(done.data["evaluations"]) == {adapter.sha256, base.digest}


def test_a_package_whose_weights_are_gone_fails_with_a_reason(school: School, trainer: Trainer) -> None:
    absent = Package("sam3", {WEIGHTS: bytes_digest(b"never stored")})
    base = ModelRef(school.store.put(absent.to_bytes()), "sam3")
    trainer.submit(school.request(base=base, evaluate=[base]))
    until(school.has_ended)
    last = school.updates()[-1]
    assert (last.event, last.data["code"]) == ("error", "blob_missing")


def test_a_run_that_was_stopped_says_nothing_and_goes_on_when_it_is_sent_again(school: School) -> None:
    # The least learning there can be: without a loss that moves, only the steps tell the two lives apart.
    request = school.request(config={"steps": 100_000, "frames_per_step": 1}, evaluate=[])
    first = school.trainer()
    first.start()
    first.submit(request)
    until(lambda: any(update.data.get("step") for update in school.updates()))
    first.stop()
    assert set(school.events()) == {"started", "progress"}
    (folder,) = school.runs.iterdir()
    step = torch.load(folder / "state.pt", weights_only=True)["step"]
    assert step > 0

    school.outbox.take()
    second = school.trainer()
    second.start()
    second.submit(school.request(config={"steps": step + 1, "frames_per_step": 1}, evaluate=[]))
    until(school.has_ended)
    second.stop()
    steps = [update.data["step"] for update in school.updates() if update.event == "progress"]
    assert steps == [step, step + 1]
    assert school.events()[-1] == "done"
    assert school.is_tidy()
