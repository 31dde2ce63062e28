"""Of several candidates the one that the model is most certain of is shown."""

from __future__ import annotations

import torch

from workers.engine.tensors import Decoded, most_certain


def candidates(*levels: float) -> torch.Tensor:
    """Return logits (1, K, 4, 4): each candidate holds the left half, at its own level."""
    logits = torch.full((1, len(levels), 4, 4), -5.0)
    for place, level in enumerate(levels):
        logits[0, place, :, :2] = level
    return logits


def test_certainty_counts_and_not_the_usual_iou() -> None:
    decoded = Decoded(candidates(0.5, 6.0, 2.0), torch.tensor([[0.9, 0.2, 0.5]]), torch.zeros(1, 4))
    logits, score = decoded.best()
    assert torch.equal(logits, decoded.logits[:, 1:2])
    assert float(score[0]) == torch.tensor(0.2)


def test_the_background_counts_for_nothing() -> None:
    logits = candidates(3.0, 2.9)
    logits[0, 0, :, 2:] = -0.01
    assert most_certain(logits).tolist() == [0]


def test_an_empty_candidate_is_the_last_resort() -> None:
    assert most_certain(candidates(-4.0, 0.1)).tolist() == [1]
    assert most_certain(candidates(-4.0, -3.0)).tolist() == [0]


def test_rows_choose_for_themselves() -> None:
    logits = torch.cat([candidates(1.0, 4.0), candidates(4.0, 1.0)])
    assert most_certain(logits).tolist() == [1, 0]
    assert most_certain(logits[:, :1]).tolist() == [0, 0]
