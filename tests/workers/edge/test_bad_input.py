"""Every family answers whatever cine and prompts come, by masks or by a code, and the worker lives on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.edge.families import KINDS
from tests.workers.edge.parts import Desk, decoded, disc, until
from workers.gpu import PredictJob, PropagateJob, Workbench
from workers.protocol.messages import CineRef, JobDone, JobFailed, MaskResult, Message, ModelRef
from workers.scheduler import Scheduler

PutFamily = Callable[[str], ModelRef]


class Living:
    """A worker whose scheduler runs, as far as a job needs it."""

    def __init__(self, desk: Desk, bench: Workbench) -> None:
        self.desk, self.bench, self.scheduler = desk, bench, Scheduler()
        # A job of a known id is dropped while the one before still ends.
        self._ids = (f"job-{number}" for number in itertools.count())
        self.scheduler.start()

    def does(self, job: PredictJob | PropagateJob) -> list[Message]:
        """Let the worker do a job and return what it answers."""
        box = self.desk.outbox
        self.scheduler.submit(job)
        until(lambda: any(isinstance(message, JobDone | JobFailed) for message in box.messages))
        return box.take()

    def predict(self, **changes: Any) -> list[Message]:
        return self.does(PredictJob(self.bench, self.desk.predict(job_id=next(self._ids), **changes)))

    def propagate(self, **changes: Any) -> list[Message]:
        return self.does(PropagateJob(self.bench, self.desk.propagate(job_id=next(self._ids), **changes)))


@pytest.fixture(params=KINDS)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def worker(desk: Desk, put_family: PutFamily, family: str) -> Iterator[Living]:
    """A worker of one family; after each test it still answers an ordinary prompt."""
    desk.model = put_family(family)
    living = Living(desk, desk.bench())
    yield living
    answers = living.predict()
    living.scheduler.stop()
    assert [type(message) for message in answers] == [MaskResult, JobDone]


def noise(*shape: int, dtype: str = "u1") -> NDArray[Any]:
    return np.random.default_rng(6).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


CINES: dict[str, Callable[[], NDArray[Any]]] = {
    "black": lambda: np.zeros((3, 48, 40), np.uint8),
    "white": lambda: np.full((3, 48, 40), 255, np.uint8),
    "one value, 16 bit": lambda: np.full((3, 48, 40), 65535, np.uint16),
    "one pixel": lambda: noise(2, 1, 1),
    "one pixel, one frame": lambda: noise(1, 1, 1),
    "one row": lambda: noise(2, 1, 90),
    "one column": lambda: noise(2, 90, 1),
    "colour": lambda: noise(2, 48, 40, 3),
    "16 bit": lambda: noise(2, 48, 40, dtype="u2"),
}


def check_masks(answers: list[Message], cine: CineRef, frames: list[int]) -> None:
    """See that the answers are the masks of these frames, in the size of the cine, and then done."""
    *masks, done = answers
    assert isinstance(done, JobDone), done
    assert [mask.frame_index for mask in masks if isinstance(mask, MaskResult)] == frames
    for mask in masks:
        assert isinstance(mask, MaskResult)
        assert decoded(mask).shape == (cine.rows, cine.columns)
        assert mask.score is not None
        assert 0 <= mask.score <= 1


def ask(worker: Living, cine: CineRef) -> None:
    """Prompt the first frame of a cine with all there is, and propagate from it."""
    middle, corner = [cine.columns / 2, cine.rows / 2, 1], [cine.columns, cine.rows, 0]
    box = [0.0, 0.0, float(cine.columns), float(cine.rows)]
    mask = worker.desk.put_mask(np.ones((cine.rows, cine.columns), bool))
    for prompts in (
        {"points": [middle], "box": None, "previous_mask": None},
        {"points": [middle, corner], "box": box, "previous_mask": mask},
        {"points": [], "box": box, "previous_mask": None},
    ):
        check_masks(worker.predict(cine=cine, frame_index=0, **prompts), cine, [0])
    labels = [{"label": "catheter", "conditioning": [{"frame_index": 0, "mask": mask}], "standing": []}]
    frames = list(range(cine.frames))
    answers = worker.propagate(cine=cine, labels=labels, passes=[frames], keep={"catheter": [0]})
    check_masks(answers, cine, frames[1:])


@pytest.mark.parametrize("kind", CINES)
def test_cines_of_every_kind_are_answered(worker: Living, kind: str) -> None:
    ask(worker, worker.desk.put_pixels(CINES[kind]()))


def test_a_cine_of_4096_by_4096_is_answered(worker: Living) -> None:
    ask(worker, worker.desk.put_pixels(noise(2, 4096, 4096)))


@pytest.mark.parametrize("window", [[40.0, 40.0], [200.0, 50.0], [-1e30, 1e30], [300.0, 400.0]])
def test_windows_of_every_kind_are_answered(worker: Living, window: list[float]) -> None:
    ask(worker, replace(worker.desk.cine, window=window))


def test_a_cine_of_floats_is_refused_whether_its_numbers_are_some_or_none(worker: Living) -> None:
    pixels = np.ones((2, 48, 40), np.float32)
    for value in (0.5, np.nan, np.inf):
        pixels[1, 3, 3] = value
        cine = worker.desk.put_pixels(pixels)
        for answers in (worker.predict(cine=cine), worker.propagate(cine=cine, passes=[[1, 0]])):
            (failure,) = answers
            assert isinstance(failure, JobFailed)
            assert failure.code == "cine_unreadable"
            assert "float32" in failure.message


PROMPTS: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({"points": [], "box": None}, "no_prompt"),
    "200 points": ({"points": [[x % 40 + 0.5, x % 48, x % 2] for x in range(200)]}, ""),
    "200 times the same point": ({"points": [[20.0, 20.0, 1]] * 200}, ""),
    "513 points": ({"points": [[20.0, 20.0, 1]] * 513}, "too_many_points"),
    "negative points alone": ({"points": [[20.0, 20.0, 0]] * 3, "previous_mask": None}, ""),
    "a box of no width": ({"box": [9.0, 2.0, 9.0, 12.0]}, "empty_box"),
    "a box of no height": ({"box": [2.0, 9.0, 12.0, 9.0]}, "empty_box"),
    "a box of no size": ({"points": [], "box": [9.0, 9.0, 9.0, 9.0]}, "empty_box"),
    "a box inside out": ({"box": [9.0, 9.0, 2.0, 12.0]}, "empty_box"),
    "the smallest of boxes": ({"points": [], "box": [9.0, 9.0, 9.0 + 1e-9, 9.0 + 1e-9]}, ""),
    "a point outside": ({"points": [[40.01, 3.0, 1]]}, "prompt_outside_image"),
    "no such frame": ({"frame_index": 5}, "frame_out_of_range"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_of_every_kind_are_answered_or_refused(worker: Living, name: str) -> None:
    changes, code = PROMPTS[name]
    answers = worker.predict(**changes)
    if not code:
        check_masks(answers, worker.desk.cine, [1])
        return
    (failure,) = answers
    assert isinstance(failure, JobFailed)
    assert failure.code == code
    assert failure.message.endswith(".")


def test_where_every_frame_has_a_mask_nothing_is_left_to_answer(worker: Living) -> None:
    desk, frames = worker.desk, list(range(worker.desk.cine.frames))
    held = [desk.held(frame, disc(12 + 3 * frame, 24, 8)) for frame in frames]
    labels = [{"label": "catheter", "conditioning": held, "standing": []}]
    answers = worker.propagate(labels=labels, passes=[frames], keep={"catheter": frames})
    check_masks(answers, desk.cine, [])


def test_masks_on_all_frames_but_one_lead_to_it_from_both_sides(worker: Living) -> None:
    desk, frames = worker.desk, list(range(worker.desk.cine.frames))
    held = [desk.held(frame, disc(12 + 3 * frame, 24, 8)) for frame in frames if frame != 2]
    labels = [{"label": "catheter", "conditioning": held, "standing": []}]
    keep = [frame for frame in frames if frame != 2]
    check_masks(worker.propagate(labels=labels, passes=[frames], keep={"catheter": keep}), desk.cine, [2])


def test_empty_and_full_masks_are_propagated(worker: Living) -> None:
    desk = worker.desk
    for value in (False, True):
        held = [desk.held(0, np.full((desk.cine.rows, desk.cine.columns), value))]
        labels = [{"label": "catheter", "conditioning": held, "standing": []}]
        answers = worker.propagate(labels=labels, passes=[[0, 1, 2]], keep={"catheter": [0]})
        check_masks(answers, desk.cine, [1, 2])


def test_a_propagation_of_nothing_is_done_at_once(worker: Living) -> None:
    for changes in ({"labels": []}, {"passes": []}, {"passes": [[1]]}, {"passes": [[]]}):
        check_masks(worker.propagate(**{"keep": {}, **changes}), worker.desk.cine, [])
