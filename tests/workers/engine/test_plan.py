"""Every frame that needs an answer is reached once, from its nearer conditioning frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engine.errors import EngineError
from workers.engine.plan import nearest_conditioning, plan_runs
from workers.engine.segmenter import LabelTrack


def track(label: str, conditioning: list[int], keep: list[int] | None = None) -> LabelTrack:
    kept = frozenset(conditioning) | frozenset(keep or [])
    return LabelTrack(label, {frame: f"{label}{frame}" for frame in conditioning}, kept)


def shape(runs):
    return [(run.start, run.frames, [one.label for one in run.tracks]) for run in runs]


def test_both_directions_from_one_frame():
    runs = plan_runs([track("a", [3])], [[3, 4, 5], [3, 2, 1]], 6)
    assert shape(runs) == [(3, (4, 5), ["a"]), (3, (2, 1), ["a"])]


def test_a_stretch_between_two_is_led_from_both():
    runs = plan_runs([track("a", [0, 6])], [[0, 1, 2, 3, 4, 5, 6, 7]], 8)
    assert shape(runs) == [(0, (1, 2, 3), ["a"]), (6, (5, 4), ["a"]), (6, (7,), ["a"])]


def test_labels_with_the_same_conditioning_frames_share_runs():
    runs = plan_runs([track("a", [0]), track("b", [0, 2]), track("c", [0])], [[0, 1, 2]], 3)
    assert sorted(shape(runs)) == [(0, (1,), ["b"]), (0, (1, 2), ["a", "c"])]


def test_many_labels_are_split():
    runs = plan_runs([track(f"l{n}", [0]) for n in range(11)], [[0, 1]], 2)
    assert [len(run.tracks) for run in runs] == [8, 3]


def test_kept_frames_at_the_end_are_not_looked_at():
    runs = plan_runs([track("a", [0], keep=[3, 4])], [[0, 1, 2, 3, 4]], 5)
    assert shape(runs) == [(0, (1, 2), ["a"])]
    assert plan_runs([track("a", [0], keep=[1])], [[0, 1]], 2) == []


@pytest.mark.parametrize(
    ("conditioning", "passes", "code"),
    [([1], [[0, 1]], "no_conditioning"), ([0], [[0, 9]], "frame_out_of_range"), ([9], [[9]], "frame_out_of_range")],
)
def test_refusals(conditioning, passes, code):
    with pytest.raises(EngineError) as caught:
        plan_runs([track("a", conditioning)], passes, 5)
    assert caught.value.code == code


@given(st.integers(1, 30), st.data())
def test_each_frame_once_and_never_further_than_its_pass_allows(count, data):
    start = data.draw(st.integers(0, count - 1))
    others = data.draw(st.sets(st.integers(0, count - 1)))
    locked = data.draw(st.sets(st.integers(0, count - 1)))
    label = track("a", sorted(others | {start}), sorted(locked))
    passes = [list(range(start, count)), list(range(start, -1, -1))]
    answered = [frame for run in plan_runs([label], passes, count) for frame in run.frames if frame not in label.keep]
    assert sorted(answered) == sorted(set(range(count)) - label.keep)
    for run in plan_runs([label], passes, count):
        for frame in run.frames:
            assert abs(frame - run.start) <= min(abs(frame - other) for other in label.conditioning) + 1


def test_nearest_conditioning_frames_begin_with_the_start():
    known = dict.fromkeys((0, 4, 9, 10), "")
    assert nearest_conditioning(known, 8, 4, 2) == [4, 9]
    assert nearest_conditioning(known, 8, 4, 3) == [4, 9, 10]
    assert nearest_conditioning({4: ""}, 8, 4, 3) == [4]
