"""A corrective click changes a mask where it was set, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engine.refine import keep_local


def square(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Return a mask (60, 80) of boxes (x0, y0, x1, y1)."""
    mask = np.zeros((60, 80), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


BEFORE = square((10, 10, 50, 50))


def test_only_the_region_at_a_positive_click_is_added():
    answer = square((10, 10, 50, 50), (50, 20, 56, 26), (5, 40, 10, 46))
    kept = keep_local(BEFORE, answer, (53.5, 22.5, True))
    assert (kept == square((10, 10, 50, 50), (50, 20, 56, 26))).all()


def test_only_the_region_at_a_negative_click_is_removed():
    answer = BEFORE & ~square((10, 10, 16, 16), (44, 44, 50, 50))
    kept = keep_local(BEFORE, answer, (12.5, 12.5, False))
    assert (kept == (BEFORE & ~square((10, 10, 16, 16)))).all()


def test_a_positive_click_removes_nothing():
    answer = square((10, 10, 50, 47), (50, 20, 56, 26))
    kept = keep_local(BEFORE, answer, (53.5, 22.5, True))
    assert (BEFORE & ~kept).sum() == 0


def test_a_click_just_beside_the_change_still_means_it():
    answer = square((10, 10, 50, 50), (50, 20, 56, 26))
    assert (keep_local(BEFORE, answer, (57.0, 22.5, True)) == answer).all()


@pytest.mark.parametrize(
    ("answer", "click"),
    [
        (square((60, 10, 70, 50)), (65.5, 20.5, True)),  # another structure altogether
        (square((10, 10, 50, 50), (50, 20, 56, 26)), (75.5, 55.5, True)),  # nothing changed near the click
        (BEFORE.copy(), (20.5, 20.5, True)),  # nothing changed at all
        (square(), (20.5, 20.5, False)),  # everything gone
    ],
)
def test_the_whole_answer_is_taken_where_nothing_local_can_be(answer, click):
    assert (keep_local(BEFORE, answer, click) == answer).all()


def test_empty_masks_and_clicks_on_the_border():
    assert not keep_local(square(), square(), (0.0, 0.0, True)).any()
    answer = BEFORE | square((74, 54, 80, 60))
    assert (keep_local(BEFORE, answer, (80.0, 60.0, True)) == answer).all()
