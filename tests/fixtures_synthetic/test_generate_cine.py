"""The synthetic cines are deterministic and their masks are what the pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from fixtures.synthetic import KINDS, generate_cine


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_cine(kind: str) -> None:
    first, second = (generate_cine(kind, seed=3, frames=3, size=96) for _ in range(2))
    assert np.array_equal(first.frames, second.frames)
    assert first.labels.keys() == second.labels.keys()
    assert all(np.array_equal(first.labels[name], second.labels[name]) for name in first.labels)
    assert not np.array_equal(first.frames, generate_cine(kind, seed=4, frames=3, size=96).frames)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_types_and_times(kind: str) -> None:
    cine = generate_cine(kind, seed=1, frames=4, size=64, fps=20.0)
    assert cine.frames.shape == (4, 64, 64)
    assert cine.frames.dtype == np.uint8
    assert all(mask.shape == (4, 64, 64) and mask.dtype == bool for mask in cine.labels.values())
    assert cine.frame_times_ms.tolist() == [0.0, 50.0, 100.0, 150.0]


def test_vessels_are_darker_than_what_surrounds_them() -> None:
    from scipy.ndimage import binary_dilation

    differences = []
    for seed in range(8):
        cine = generate_cine("xa", seed=seed, frames=1)
        tree = cine.labels["coronary_artery"][0]
        ring = binary_dilation(tree, iterations=5) & ~binary_dilation(tree, iterations=2)
        if tree.sum() > 200:
            differences.append(float(cine.frames[0][ring].mean()) - float(cine.frames[0][tree].mean()))
    assert len(differences) >= 4
    assert min(differences) > 3


def test_branches_lie_inside_the_tree_and_the_heart_moves() -> None:
    cine = generate_cine("xa", seed=5, frames=6)
    tree = cine.labels["coronary_artery"]
    branches = [mask for name, mask in cine.labels.items() if name.startswith("branch_")]
    assert branches
    assert all(not (mask & ~tree).any() for mask in branches)
    assert not np.array_equal(tree[0], tree[-1])


@pytest.mark.parametrize(
    ("kind", "bright", "dark"), [("mr", "left_ventricle", "myocardium"), ("oct", "vessel_wall", "lumen")]
)
def test_structures_have_the_contrast_of_their_modality(kind: str, bright: str, dark: str) -> None:
    cine = generate_cine(kind, seed=2, frames=2)
    assert cine.frames[cine.labels[bright]].mean() > cine.frames[cine.labels[dark]].mean() + 20


@pytest.mark.parametrize("wrong", [{"kind": "ct"}, {"kind": "xa", "frames": 0}, {"kind": "xa", "size": 4}])
def test_wrong_requests_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"kind must be|a cine needs"):
        generate_cine(**{"seed": 1, **wrong})  # type: ignore[arg-type]
