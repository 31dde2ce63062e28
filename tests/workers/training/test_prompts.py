"""Simulated readers click where a reader would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workers.training.prompts import bounding_box, click_inside, correcting_click, loose_box

MASKS = arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)))


@settings(deadline=None, max_examples=60)
@given(MASKS, st.integers(0, 99))
def test_a_click_lies_inside_the_mask(mask: np.ndarray, seed: int) -> None:
    if not mask.any():
        with pytest.raises(ValueError, match="empty"):
            click_inside(np.random.default_rng(seed), mask)
        return
    x, y = click_inside(np.random.default_rng(seed), mask)
    assert mask[int(y), int(x)]


@settings(deadline=None, max_examples=60)
@given(MASKS, st.integers(0, 99))
def test_a_correction_lies_where_the_answer_is_wrong(truth: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer = rng.random(truth.shape) < 0.5
    click = correcting_click(rng, truth, answer)
    if (truth == answer).all():
        assert click is None
        return
    assert click is not None
    x, y, positive = click
    assert truth[int(y), int(x)] != answer[int(y), int(x)]
    assert positive == truth[int(y), int(x)]


def test_boxes_hold_the_mask_and_stay_inside_the_image() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:12, 20:40] = True
    assert bounding_box(mask) == (20.0, 5.0, 40.0, 12.0)
    for seed in range(20):
        x0, y0, x1, y1 = loose_box(np.random.default_rng(seed), bounding_box(mask), 40)
        assert 0 <= x0 < x1 <= 40
        assert 0 <= y0 < y1 <= 40
