"""Frames are encoded before they are asked for, in other threads, and the masks are the same as without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from workers.engine.ahead import Ahead, Threads, computing_with, in_steps_with, make_encoders, threads
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack

FRAMES = 12


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, Threads(1, 1, 1, 1)),
        (2, Threads(1, 1, 2, 2)),
        (4, Threads(1, 2, 4, 3)),
        (16, Threads(4, 8, 16, 3)),
        (64, Threads(16, 32, 64, 3)),
    ],
)
def test_threads_share_the_cores(cores: int, expected: Threads) -> None:
    assert Threads.of(cores) == expected


@pytest.mark.parametrize(("labels", "is_small", "count"), [(1, True, 2), (2, True, 4), (1, False, 4), (8, False, 4)])
def test_more_threads_follow_where_they_pay(labels: int, is_small: bool, count: int) -> None:
    assert Threads.of(4).following(labels, is_small) == count


def test_a_number_of_threads_holds_inside_only() -> None:
    before = torch.get_num_threads()
    with computing_with(before + 1):
        assert torch.get_num_threads() == before + 1
    with pytest.raises(ValueError, match="no"), computing_with(before + 1):
        raise ValueError("no")
    assert torch.get_num_threads() == before


def test_steps_compute_with_their_threads_and_leave_the_rest_alone() -> None:
    before, seen = torch.get_num_threads(), []

    def steps() -> Any:
        for _ in range(2):
            seen.append(torch.get_num_threads())
            yield
        return "done"

    def outer() -> Any:
        result = yield from in_steps_with(before + 1, steps())
        seen.append(result)

    for _ in outer():
        assert torch.get_num_threads() == before
    assert seen == [before + 1, before + 1, "done"]


class Encoder:
    """Says which frames it was asked for, and in which thread."""

    def __init__(self, fails_at: int = -1) -> None:
        self.asked: list[tuple[int, str]] = []
        self._fails_at = fails_at

    def __call__(self, frame: int) -> Any:
        self.asked.append((frame, threading.current_thread().name))
        if frame == self._fails_at:
            raise RuntimeError("can't allocate memory")
        return frame * 10


def test_what_is_expected_is_encoded_once_in_another_thread() -> None:
    encode = Encoder()
    with ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool:
        ahead = Ahead(encode, pool)
        for frame in range(6):
            ahead.expect(range(frame, 6))
            assert ahead.get(frame) == frame * 10
    assert [frame for frame, _ in encode.asked] == list(range(6))
    assert all(name.startswith("encoder") for _, name in encode.asked)


def test_what_was_not_expected_is_encoded_at_once() -> None:
    encode = Encoder()
    assert Ahead(encode, None).get(3) == 30
    with ThreadPoolExecutor(1) as pool:
        assert Ahead(encode, pool).get(4) == 40
    main = threading.current_thread().name
    assert encode.asked == [(3, main), (4, main)]


def test_a_failure_comes_out_where_the_frame_is_asked_for() -> None:
    with ThreadPoolExecutor(1) as pool:
        ahead = Ahead(Encoder(fails_at=1), pool)
        ahead.expect([0, 1])
        assert ahead.get(0) == 0
        with pytest.raises(RuntimeError, match="memory"):
            ahead.get(1)


def test_only_a_few_frames_are_under_way_and_none_after_the_end() -> None:
    hold, encode = threading.Event(), Encoder()

    def slow(frame: int) -> Any:
        hold.wait(10)
        return encode(frame)

    with ThreadPoolExecutor(1) as pool:
        ahead = Ahead(slow, pool)
        ahead.expect(range(100))
        ahead.close()
        hold.set()
    assert len(encode.asked) <= 1


@pytest.mark.parametrize("kept_bytes", [0, 1 << 26])
def test_masks_are_the_same_bit_for_bit(segmenter: Any, save_cine: Callable[..., Any], kept_bytes: int) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (FRAMES, 96, 80), dtype=np.uint8)
    mask = np.zeros((96, 80), bool)
    mask[20:60, 20:60] = True

    def masks(encoders: Any) -> list[Any]:
        session = segmenter.open(save_cine(frames), features=FeatureStore(kept_bytes), encoders=encoders)
        tracks = [LabelTrack("a", {0: "m", 7: "m"}), LabelTrack("b", {0: "m", 7: "m"})]
        answers = session.propagate(tracks, [range(FRAMES)], lambda digest: mask)
        return [found for found in answers if found is not None]

    alone = masks(None)
    with make_encoders() as encoders:
        helped = masks(encoders)
    assert len(alone) == 2 * (FRAMES - 2)
    assert [(one.label, one.frame_index, one.score) for one in alone] == [
        (one.label, one.frame_index, one.score) for one in helped
    ]
    assert all(np.array_equal(one.mask, other.mask) for one, other in zip(alone, helped, strict=True))


def test_the_process_keeps_its_numbers() -> None:
    assert threads() is threads()
