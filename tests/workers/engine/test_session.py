"""A session's answers are a function of the request, whatever happened before and whatever is cached."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from workers.engine.errors import EngineError
from workers.engine.features import FeatureStore
from workers.engine.segmenter import LabelTrack
from workers.engine.session import SETTLED_FRAMES, Sam2Session, is_same

FORWARD = [[0, 1, 2, 3, 4, 5, 6]]


def disc(frames: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = frames.shape[1:3]
    row, column = np.mgrid[:rows, :columns] + 0.5
    return (column - x) ** 2 + (row - y) ** 2 < radius**2


@pytest.fixture
def masks(frames):
    return {"at0": disc(frames, 20, 48, 12), "at4": disc(frames, 36, 48, 12), "other": disc(frames, 60, 20, 8)}


def answers(session: Sam2Session, masks, tracks, passes):
    return [item for item in session.propagate(tracks, passes, masks.__getitem__) if item is not None]


def same(left, right) -> bool:
    return len(left) == len(right) and all(
        a[:2] == b[:2] and a.score == b.score and np.array_equal(a.mask, b.mask)
        for a, b in zip(left, right, strict=True)
    )


def test_predict_is_repeatable_and_the_cache_changes_nothing(open_session, frames):
    warm, cold = open_session(frames), open_session(frames, cache=0)
    prompts = {"points": [(20.5, 48.5, True), (70.0, 5.0, False)], "box": (5, 30, 40, 60)}
    wanted = warm.predict(2, **prompts)
    assert wanted.mask.shape == (96, 80)
    assert wanted.mask.dtype == np.bool_
    assert 0 <= wanted.score <= 1
    warm.predict(0, points=[(1, 1, True)])
    for session in (warm, warm, cold):
        again = session.predict(2, **prompts)
        assert np.array_equal(again.mask, wanted.mask)
        assert again.score == wanted.score


def test_prompts_and_the_mask_before_count(open_session, frames, masks):
    session = open_session(frames)
    left = session.predict(0, points=[(20, 48, True)])
    assert session.predict(0, points=[(60, 20, True)]).score != left.score
    assert session.predict(0, points=[(20, 48, True)], previous_mask=masks["at0"]).score != left.score
    assert session.predict(0, points=[(20, 48, True), (60, 20, False)]).score != left.score


def test_propagation_is_repeatable_and_independent_of_what_was_asked_before(open_session, frames, masks):
    tracks = [LabelTrack("a", {0: "at0"}, frozenset([0])), LabelTrack("b", {0: "other"}, frozenset([0, 3]))]
    fresh = answers(open_session(frames, cache=0), masks, tracks, FORWARD)
    used = open_session(frames)
    used.predict(3, points=[(1, 1, True)])
    answers(used, masks, [LabelTrack("a", {4: "at4"})], [[4, 3, 2, 1, 0]])
    assert same(answers(used, masks, tracks, FORWARD), fresh)
    assert same(answers(used, masks, tracks, FORWARD), fresh)
    assert [(item.frame_index, item.label) for item in fresh] == [
        (frame, label) for frame in range(1, 7) for label in "ab" if (label, frame) != ("b", 3)
    ]


def test_a_correction_changes_its_neighbours_on_both_sides(open_session, frames, masks):
    session = open_session(frames)
    before = {
        item.frame_index: item.score
        for item in answers(session, masks, [LabelTrack("a", {0: "at0"}, frozenset([0]))], FORWARD)
    }
    after = {
        item.frame_index: item.score
        for item in answers(session, masks, [LabelTrack("a", {0: "at0", 4: "other"}, frozenset([0, 4]))], FORWARD)
    }
    assert after.keys() == before.keys() - {4}
    assert all(after[frame] != before[frame] for frame in (3, 5))


def test_cancel_ends_before_the_next_frame(open_session, frames, masks):
    session, seen = open_session(frames), []
    stream = session.propagate([LabelTrack("a", {0: "at0"})], FORWARD, masks.__getitem__, cancel=lambda: len(seen) == 2)
    for item in stream:
        seen += [item] if item is not None else []
    assert [item.frame_index for item in seen] == [1, 2]


def test_other_work_may_be_done_within_a_frame(open_session, frames, masks):
    session = open_session(frames, cache=0)
    stream = list(session.propagate([LabelTrack("a", {0: "at0"}, frozenset([0]))], FORWARD, masks.__getitem__))
    places = [place for place, item in enumerate(stream) if item is not None]
    assert all(later - earlier == 5 for earlier, later in pairwise(places))


def test_a_propagation_ends_where_nothing_changes_any_more(open_session, frames, masks):
    session, keep = open_session(frames), frozenset([0])
    first = answers(session, masks, [LabelTrack("a", {0: "at0"}, keep)], FORWARD)
    masks |= {f"old{item.frame_index}": item.mask for item in first}
    standing = {item.frame_index: f"old{item.frame_index}" for item in first}
    again = answers(session, masks, [LabelTrack("a", {0: "at0"}, keep, standing)], FORWARD)
    assert same(again, first[:SETTLED_FRAMES])
    # Two labels end together, when both have settled.
    standing[1] = "other"
    both = [LabelTrack("a", {0: "at0"}, keep, standing), LabelTrack("b", {0: "at0"}, keep, {**standing, 1: "old1"})]
    assert {item.frame_index for item in answers(session, masks, both, FORWARD)} == {1, 2, 3, 4}
    # Where an earlier run ended before this one does, the rest has never been answered.
    shorter = {frame: f"old{frame}" for frame in (1, 2, 3, 4, 5)}
    assert same(answers(session, masks, [LabelTrack("a", {0: "at0"}, keep, shorter)], FORWARD), first)
    # Without a mask to compare with, or with other ones, it goes on to the end.
    for standing in ({}, dict.fromkeys(range(7), "other"), {1: "old1", 2: "old2", 4: "old4", 5: "old5"}):
        assert same(answers(session, masks, [LabelTrack("a", {0: "at0"}, keep, standing)], FORWARD), first)


def test_what_is_kept_is_passed_over_without_a_difference_to_the_rest(open_session, frames, masks):
    session, keep = open_session(frames), frozenset([0])
    whole = answers(session, masks, [LabelTrack("a", {0: "at0"}, keep)], FORWARD)
    masks |= {f"old{item.frame_index}": item.mask for item in whole}
    done = frozenset(range(SETTLED_FRAMES + 1))
    standing = {frame: f"old{frame}" for frame in done - keep}
    rest = answers(session, masks, [LabelTrack("a", {0: "at0"}, done, standing)], FORWARD)
    assert rest
    assert same(rest, whole[SETTLED_FRAMES:])


def test_masks_are_the_same_where_no_reader_would_see_the_difference():
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    near, far = mask.copy(), mask.copy()
    near[5, 5:9] = False
    far[5, 5:12] = False
    assert is_same(mask, mask)
    assert is_same(mask, near)
    assert not is_same(mask, far)
    assert is_same(mask & False, mask & False)
    assert not is_same(mask, mask & False)


def test_encode_ahead_saves_the_encoder(open_session, frames, monkeypatch):
    session = open_session(frames)
    assert len(list(session.encode([1, 2, 1]))) == 2
    assert list(session.encode([1, 2])) == []
    monkeypatch.setattr(session._model, "encode", None)
    session.predict(1, points=[(3, 3, True)])


def test_sessions_share_the_store_but_not_across_windows(segmenter, save_cine, frames):
    store = FeatureStore(1 << 26)
    segmenter.open(save_cine(frames), features=store).predict(0, points=[(3, 3, True)])
    assert list(segmenter.open(save_cine(frames), features=store).encode([0])) == []
    assert list(segmenter.open(save_cine(frames, (10, 200)), features=store).encode([0])) == [None]


def test_only_a_bounded_bank_is_held(open_session, masks):
    frames = np.random.default_rng(1).integers(0, 255, (40, 96, 80), np.uint8)
    conditioning = dict.fromkeys(range(0, 40, 10), "at0")
    held, model = [], open_session(frames)._model
    session = open_session(frames, cache=1 << 20)
    recall = model.recall
    try:
        model.recall = lambda features, bank: held.append(bank) or recall(features, bank)
        answers(session, masks, [LabelTrack("a", conditioning)], [list(range(40))])
    finally:
        del model.recall
    assert max(len(bank) for bank in held) == model.num_maskmem
    assert all(sorted({memory.age for memory in bank})[0] == 0 for bank in held)
    assert session._store.bytes <= 1 << 20


SHAPES = {
    "one pixel": ((1, 1, 1), "u1"),
    "one row": ((2, 1, 300), "u1"),
    "300 square": ((2, 300, 300), "u1"),
    "wide": ((2, 90, 500), "u1"),
    "1024, 16 bit": ((2, 1024, 1024), "<u2"),
    "colour": ((2, 120, 200, 3), "u1"),
    "4096 square": ((1, 4096, 4096), "u1"),
}


@pytest.mark.parametrize(("shape", "dtype"), SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("fill", ["constant", "noise"])
def test_every_shape_gives_masks_of_its_own_size(open_session, shape, dtype, fill):
    most = np.iinfo(dtype).max
    array = np.full(shape, most, dtype)
    if fill == "noise":
        array = np.random.default_rng(0).integers(0, most, shape, dtype)
    session = open_session(array, (0, most))
    count, rows, columns = shape[:3]
    found = session.predict(0, points=[(columns / 2, rows / 2, True)], box=(0, 0, columns, rows))
    assert found.mask.shape == (rows, columns)
    tracks = [LabelTrack("a", {0: "m"}, frozenset([0]))]
    for item in session.propagate(tracks, [list(range(count))], lambda _: found.mask):
        assert item is None or item.mask.shape == (rows, columns)


@pytest.mark.parametrize("window", [(0, 0), (255, 0), (400, 500), (-5, 1e9)])
def test_every_window_gives_a_mask(open_session, frames, window):
    assert open_session(frames, window).predict(0, points=[(3, 3, True)]).mask.shape == (96, 80)


def test_two_hundred_points(open_session, frames):
    points = [(x % 80, x % 96, x % 3 > 0) for x in range(200)]
    assert open_session(frames).predict(0, points=points).mask.shape == (96, 80)


def test_prompts_on_the_very_edges_are_inside(open_session, frames):
    assert open_session(frames).predict(0, points=[(0, 0, True), (80, 96, False)]).mask.shape == (96, 80)


REFUSED = {
    "no prompt": ({}, "no_prompt"),
    "outside": ({"points": [(80.01, 3, True)]}, "prompt_outside_image"),
    "left of it": ({"points": [(-0.5, 3, True)]}, "prompt_outside_image"),
    "no number": ({"points": [(float("nan"), 3, True)]}, "prompt_outside_image"),
    "box outside": ({"box": (0, 0, 500, 10)}, "prompt_outside_image"),
    "box without area": ({"box": (5, 5, 5, 9)}, "empty_box"),
    "box inside out": ({"box": (9, 5, 5, 9)}, "empty_box"),
    "too many": ({"points": [(1, 1, True)] * 513}, "too_many_points"),
    "mask of another size": (
        {"points": [(1, 1, True)], "previous_mask": np.zeros((80, 96), bool)},
        "mask_size_mismatch",
    ),
}


@pytest.mark.parametrize(("prompts", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_prompts_are_refused_and_the_session_lives(open_session, frames, prompts, code):
    session = open_session(frames)
    with pytest.raises(EngineError) as caught:
        session.predict(0, **prompts)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")
    assert session.predict(0, points=[(1, 1, True)]).mask.any() in (True, False)


@pytest.mark.parametrize("frame_index", [7, -1, 10**6])
def test_frames_that_do_not_exist_are_refused(open_session, frames, masks, frame_index):
    session = open_session(frames)
    with pytest.raises(EngineError) as caught:
        session.predict(frame_index, points=[(1, 1, True)])
    assert caught.value.code == "frame_out_of_range"
    with pytest.raises(EngineError) as caught:
        answers(session, masks, [LabelTrack("a", {0: "at0"})], [[0, frame_index]])
    assert caught.value.code == "frame_out_of_range"


def test_a_conditioning_mask_of_another_size_is_refused(open_session, frames):
    with pytest.raises(EngineError) as caught:
        answers(open_session(frames), {"m": np.zeros((3, 3), bool)}, [LabelTrack("a", {0: "m"})], FORWARD)
    assert caught.value.code == "mask_size_mismatch"


def test_an_empty_conditioning_mask_and_an_empty_request_are_answered(open_session, frames):
    session = open_session(frames)
    empty = {"m": np.zeros((96, 80), bool)}
    assert len(answers(session, empty, [LabelTrack("a", {0: "m"}, frozenset([0]))], FORWARD)) == 6
    assert answers(session, empty, [], FORWARD) == []
    assert answers(session, empty, [LabelTrack("a", {0: "m"})], []) == []
    assert answers(session, empty, [LabelTrack("a", {0: "m"})], [[0]]) == []


def test_a_model_that_has_lost_its_numbers_still_answers(open_session, frames):
    session = open_session(frames)
    weight = session._model.hypernetwork[0][0].weight
    kept = weight.detach().clone()
    try:
        weight.data.fill_(float("nan"))
        found = session.predict(0, box=(1, 1, 40, 40))
    finally:
        weight.data.copy_(kept)
    assert not found.mask.any()
    assert torch.isfinite(torch.tensor(found.score))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("full"), MemoryError(), RuntimeError("can't allocate memory")]
)
def test_labels_are_halved_until_they_fit_into_memory(open_session, frames, masks, monkeypatch, error):
    tracks = [LabelTrack(name, {0: "at0" if name in "ac" else "other"}, frozenset([0])) for name in "abcd"]
    whole = answers(open_session(frames), masks, tracks, FORWARD)
    session = open_session(frames)
    recall, rows = session._model.recall, []

    def scarce(features, bank):
        rows.append(len(features.deep))
        if len(features.deep) > 1 and len(rows) > 2:
            raise error
        return recall(features, bank)

    monkeypatch.setattr(session._model, "recall", scarce)
    found = answers(session, masks, tracks, FORWARD)
    assert max(rows) == 4
    assert rows[-1] == 1
    assert sorted((item.label, item.frame_index) for item in found) == sorted(
        (item.label, item.frame_index) for item in whole
    )
    wanted = {(item.label, item.frame_index): item.mask for item in whole}
    for item in found:
        either = (item.mask | wanted[item.label, item.frame_index]).sum()
        assert (item.mask ^ wanted[item.label, item.frame_index]).sum() <= 0.005 * either


def test_memory_that_does_not_do_for_one_label_is_an_error_and_others_are_let_through(
    open_session, frames, masks, monkeypatch
):
    session = open_session(frames)
    monkeypatch.setattr(session._model, "recall", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(EngineError) as caught:
        answers(session, masks, [LabelTrack("a", {0: "at0"})], FORWARD)
    assert caught.value.code == "out_of_memory"
    assert session._store.bytes == 0
    monkeypatch.setattr(session._model, "recall", lambda *_: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        answers(session, masks, [LabelTrack("a", {0: "at0"})], FORWARD)
