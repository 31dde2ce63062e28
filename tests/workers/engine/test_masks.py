"""Masks keep their place between the cine and the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workers.engine.masks import coverage, to_logits, to_mask


@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (512, 512), (300, 300), (100, 777), (57, 4096)])
def test_coverage_keeps_the_area(shape):
    mask = np.random.default_rng(0).random(shape) > 0.6
    cells = coverage(mask, 128)
    assert cells.min() >= 0
    assert cells.max() <= 1 + 1e-5
    assert float(cells.mean()) == pytest.approx(mask.mean(), abs=1e-5)


def test_coverage_is_exact_where_cells_cut_pixels():
    mask = np.array([[True, False, False]])
    assert torch.allclose(coverage(mask, 2), torch.tensor([[2 / 3, 0.0], [2 / 3, 0.0]]))


@pytest.mark.parametrize("shape", [(512, 512), (300, 300), (200, 600), (1024, 512)])
def test_a_mask_comes_back_in_its_place(shape):
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns] + 0.5
    mask = ((x / columns - 0.3) / 0.2) ** 2 + ((y / rows - 0.6) / 0.25) ** 2 < 1
    back = to_mask(to_logits(mask, 128), rows, columns)
    assert back.shape == shape
    assert (mask & back).sum() / (mask | back).sum() > 0.97
    for axis in (0, 1):
        before, after = (np.nonzero(m)[axis].mean() for m in (mask, back))
        assert abs(before - after) < shape[axis] / 128 / 8


def test_empty_and_full_masks_stay_so():
    for value in (False, True):
        mask = np.full((300, 200), value)
        assert np.array_equal(to_mask(to_logits(mask, 128), 300, 200), mask)
