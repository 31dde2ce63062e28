"""A worker finds what words name where the model is a package with a tokenizer, and refuses everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.workers.edge.families import KINDS
from tests.workers.edge.parts import COLUMNS, ROWS, Desk, decoded, run
from tests.workers.engine.sam3_text_parts import save_small
from workers.gpu import PredictJob, PropagateJob
from workers.protocol.digests import bytes_digest
from workers.protocol.messages import JobDone, MaskResult, ModelRef, PredictRequest
from workers.protocol.packages import CONFIG, TOKENIZER, WEIGHTS, Package


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small SAM 3 with its config and tokenizer."""
    return save_small(tmp_path_factory.mktemp("sam3"))


@pytest.fixture
def package(desk: Desk, files: dict[str, Path]) -> ModelRef:
    """The same in the store of the desk."""
    digests = {name: desk.store.put(path.read_bytes()) for name, path in files.items()}
    return ModelRef(desk.store.put(Package("sam3", digests).to_bytes()), "sam3")


def asks(desk: Desk, text: str = "vessel", **changes: object) -> PredictRequest:
    return desk.predict(points=[], box=None, previous_mask=None, text=text, **changes)


def test_words_are_answered_by_one_mask_and_then_done(desk: Desk, package: ModelRef) -> None:
    bench = desk.bench()
    for text in ("vessel", "catheter", "vessel"):
        run(PredictJob(bench, asks(desk, text, model=package)))
    kinds = [type(message) for message in desk.outbox.messages]
    assert kinds == [MaskResult, JobDone] * 3
    first, second, third = desk.outbox.masks
    assert decoded(first).shape == (ROWS, COLUMNS)
    assert 0 < decoded(first).sum() < ROWS * COLUMNS
    assert (first.mask, first.score) == (third.mask, third.score)
    assert first.mask != second.mask
    assert bench.models.digests == [package.digest]
    assert bench.models.get(package).spec.digest == package.digest


def test_what_was_found_is_tracked_on_and_corrected(desk: Desk, package: ModelRef) -> None:
    bench = desk.bench()
    run(PredictJob(bench, asks(desk, model=package, frame_index=0)))
    (found,) = desk.outbox.masks
    digest = desk.put_mask(decoded(found))
    desk.outbox.take()
    labels = [{"label": "catheter", "conditioning": [{"frame_index": 0, "mask": digest}], "standing": []}]
    run(PropagateJob(bench, desk.propagate(model=package, labels=labels, passes=[[0, 1, 2]], keep={"catheter": [0]})))
    assert [type(message) for message in desk.outbox.take()] == [MaskResult, MaskResult, JobDone]
    run(PredictJob(bench, desk.predict(model=package, frame_index=0, previous_mask=digest)))
    assert [type(message) for message in desk.outbox.messages] == [MaskResult, JobDone]


@pytest.mark.parametrize("family", KINDS)
def test_a_model_that_takes_no_words_says_so(desk: Desk, put_family: Callable[[str], ModelRef], family: str) -> None:
    bench, model = desk.bench(), put_family(family)
    run(PredictJob(bench, asks(desk, model=model)))
    assert desk.outbox.failure.code == "no_text_prompts"
    desk.outbox.take()
    run(PredictJob(bench, desk.predict(model=model)))
    assert [type(message) for message in desk.outbox.messages] == [MaskResult, JobDone]


def test_a_package_without_a_tokenizer_is_a_model_without_words(desk: Desk, files: dict[str, Path]) -> None:
    digests = {name: desk.store.put(files[name].read_bytes()) for name in (WEIGHTS, CONFIG)}
    model = ModelRef(desk.store.put(Package("sam3", digests).to_bytes()), "sam3")
    bench = desk.bench()
    run(PredictJob(bench, asks(desk, model=model)))
    assert desk.outbox.failure.code == "no_text_prompts"
    desk.outbox.take()
    run(PredictJob(bench, desk.predict(model=model)))
    assert np.isfinite(desk.outbox.masks[0].score or 0)


def test_a_package_that_is_not_whole_is_refused(desk: Desk, package: ModelRef, files: dict[str, Path]) -> None:
    absent = bytes_digest(b"never stored")
    weights, tokenizer = (desk.store.put(files[name].read_bytes()) for name in (WEIGHTS, TOKENIZER))
    # Without its config the weights are taken for those of the published size.
    stored = {
        "blob_missing": Package("sam3", {WEIGHTS: weights, TOKENIZER: absent}).to_bytes(),
        "checkpoint_mismatch": Package("sam3", {WEIGHTS: weights, TOKENIZER: tokenizer}).to_bytes(),
        "checkpoint_unreadable": b'{"format":"cineloop-package-1"}',
    }
    bench = desk.bench()
    for code, data in stored.items():
        run(PredictJob(bench, asks(desk, model=ModelRef(desk.store.put(data), "sam3"))))
        assert desk.outbox.failure.code == code
        desk.outbox.take()
    run(PredictJob(bench, asks(desk, model=replace(package, family="bundled"))))
    assert desk.outbox.failure.code == "checkpoint_mismatch"
    desk.outbox.take()
    run(PredictJob(bench, asks(desk, model=package)))
    assert [type(message) for message in desk.outbox.messages] == [MaskResult, JobDone]
