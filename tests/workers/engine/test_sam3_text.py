"""SAM 3 finds what words name as transformers' own detector does, and tracks it on as any other mask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers.models.sam3.modeling_sam3 import Sam3Model

from tests.workers.engine.sam3_text_parts import MOST_TOKENS, build_tokenizer, save_small
from workers.engine import sam3_text
from workers.engine.checkpoints import CheckpointError
from workers.engine.cine import CinePixels
from workers.engine.errors import EngineError
from workers.engine.features import FeatureStore
from workers.engine.masks import to_mask
from workers.engine.sam3 import load_sam3
from workers.engine.segmenter import LabelTrack, Prediction
from workers.engine.session import Sam2Segmenter, Sam2Session

Save = Callable[..., CinePixels]
CPU = torch.device("cpu")
TEXTS = ("vessel", "the left ventricle", "AORTA", "a word that nobody knows")
TEXT_BIAS = "detector_model.text_projection.bias"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in the layout of the hub."""
    found = tmp_path_factory.mktemp("sam3")
    save_small(found)
    return found


def beside(folder: Path, *names: str) -> dict[str, Path]:
    return {name: folder / name for name in names or ("config.json", "tokenizer.json")}


def load(folder: Path, *names: str) -> Sam2Segmenter:
    return load_sam3(folder / "model.safetensors", CPU, beside=beside(folder, *names))


@pytest.fixture(scope="module")
def segmenter(folder: Path) -> Sam2Segmenter:
    return load(folder)


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    """Four frames of 96 x 80."""
    return np.random.default_rng(3).integers(0, 256, (4, 96, 80), dtype=np.uint8)


@pytest.fixture
def session(segmenter: Sam2Segmenter, save_cine: Save, video: np.ndarray) -> Sam2Session:
    return segmenter.open(save_cine(video), features=FeatureStore(1 << 26))


class Reference:
    """Transformers' own detector, with the inputs that its processor would make of a text."""

    def __init__(self, folder: Path) -> None:
        self.model = Sam3Model.from_pretrained(folder).eval()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_padding(length=MOST_TOKENS, pad_id=1, pad_token="<end>")
        self._tokenizer.no_truncation()

    @torch.no_grad()
    def find(self, images: torch.Tensor, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores (Q,) and the mask logits (Q, L, L) of all queries."""
        tokens = self._tokenizer.encode(text)
        answer: Any = self.model(
            pixel_values=images,
            input_ids=torch.tensor([tokens.ids]),
            attention_mask=torch.tensor([tokens.attention_mask]),
        )
        return (answer.pred_logits.sigmoid() * answer.presence_logits.sigmoid())[0], answer.pred_masks[0]


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return Reference(folder)


@pytest.mark.parametrize("text", TEXTS)
def test_instances_are_those_of_the_reference(
    segmenter: Sam2Segmenter,
    reference: Reference,
    video: np.ndarray,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = segmenter.model.prepare(video[:1], "XA")
    scores, logits = reference.find(images, text)
    between = float(scores.sort().values[3:5].mean())
    monkeypatch.setattr(sam3_text, "SURE_ENOUGH", between)
    assert segmenter.concepts is not None
    with torch.no_grad():
        found = segmenter.concepts.find(segmenter.concepts.encode(images), text)
    sure = [place for place in range(len(scores)) if scores[place] > between]
    assert len(found) == len(sure) == 4
    for place, instance in zip(sure, found, strict=True):
        assert instance.score == pytest.approx(float(scores[place]), abs=1e-5)
        torch.testing.assert_close(instance.logits[0, 0], logits[place], atol=2e-4, rtol=0)


def test_words_matter_and_their_case_does_not(session: Sam2Session) -> None:
    vessel, catheter, shouted = (session.find(0, text) for text in ("vessel", "catheter", "VESSEL"))
    assert vessel.score != catheter.score
    assert not np.array_equal(vessel.mask, catheter.mask)
    assert np.array_equal(vessel.mask, shouted.mask)


def test_the_mask_is_the_union_of_the_instances_at_the_size_of_the_cine(
    session: Sam2Session, segmenter: Sam2Segmenter, video: np.ndarray
) -> None:
    found = session.find(1, "vessel")
    assert segmenter.concepts is not None
    with torch.no_grad():
        encoded = segmenter.concepts.encode(segmenter.model.prepare(video[1:2], "XA")).half().float()
        instances = segmenter.concepts.find(encoded, "vessel")
    union = np.any([to_mask(instance.logits, 96, 80) for instance in instances], axis=0)
    assert 0.02 < union.mean() < 0.98
    assert np.array_equal(found.mask, union)
    assert found.score == max(instance.score for instance in instances)


def test_a_second_word_needs_no_encoder_and_the_cache_changes_nothing(
    session: Sam2Session, segmenter: Sam2Segmenter, save_cine: Save, video: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = segmenter.open(save_cine(video), features=FeatureStore(0))
    wanted = [cold.find(0, text) for text in ("vessel", "stent")]
    session.find(0, "vessel")
    session.predict(0, points=[(40.0, 48.0, True)])
    monkeypatch.setattr(segmenter.concepts, "encode", None)
    for text, one in zip(("vessel", "stent"), wanted, strict=True):
        again: Prediction = session.find(0, text)
        assert np.array_equal(again.mask, one.mask)
        assert again.score == one.score


def test_the_tracker_goes_on_from_what_was_found(session: Sam2Session) -> None:
    found = session.find(0, "vessel").mask
    track = LabelTrack("vessel", {0: "found"}, frozenset([0]))
    answers = [one for one in session.propagate([track], [[0, 1, 2, 3]], lambda _: found) if one is not None]
    assert [one.frame_index for one in answers] == [1, 2, 3]
    assert all(one.mask.shape == (96, 80) for one in answers)
    corrected = session.predict(0, points=[(3.0, 3.0, True)], previous_mask=found)
    assert corrected.mask.shape == (96, 80)


def test_the_tracker_is_the_one_of_a_file_without_words(
    segmenter: Sam2Segmenter, folder: Path, video: np.ndarray
) -> None:
    alone = load(folder, "config.json")
    assert alone.concepts is None
    images = alone.model.prepare(video[:1], "XA")
    with torch.no_grad():
        assert torch.equal(alone.model.encode(images).deep, segmenter.model.encode(images).deep)
    assert segmenter.spec.digest == alone.spec.digest
    assert segmenter.concepts is not None
    own = getattr(segmenter.concepts, "own_bytes")  # noqa: B009
    assert segmenter.spec.bytes == alone.spec.bytes + own
    assert own > 1_000_000


def test_a_model_without_words_says_so(folder: Path, save_cine: Save, video: np.ndarray) -> None:
    session = load(folder, "config.json").open(save_cine(video), features=FeatureStore(1 << 26))
    with pytest.raises(EngineError) as caught:
        session.find(0, "vessel")
    assert caught.value.code == "no_text_prompts"
    assert str(caught.value).endswith(".")
    assert session.predict(0, points=[(3.0, 3.0, True)]).mask.shape == (96, 80)


def test_nothing_found_is_said_and_no_mask(tmp_path: Path, save_cine: Save, video: np.ndarray) -> None:
    save_small(tmp_path, presence=-30.0)
    session = load(tmp_path).open(save_cine(video), features=FeatureStore(1 << 26))
    with pytest.raises(EngineError) as caught:
        session.find(2, "vessel")
    assert caught.value.code == "nothing_found"
    assert str(caught.value) == "The model finds no 'vessel' on frame 3."


def test_texts_that_are_too_long_are_refused_and_those_that_just_fit_are_not(session: Sam2Session) -> None:
    assert session.find(0, "the " * (MOST_TOKENS - 2)).mask.shape == (96, 80)
    with pytest.raises(EngineError) as caught:
        session.find(0, "the " * (MOST_TOKENS - 1))
    assert caught.value.code == "text_too_long"
    with pytest.raises(EngineError) as caught:
        session.find(4, "vessel")
    assert caught.value.code == "frame_out_of_range"


@pytest.mark.parametrize("text", [" ", "☃ ☃", "\N{ZERO WIDTH SPACE}", "vessel\n\taorta", "'; DROP TABLE"])
def test_texts_of_every_kind_are_answered(session: Sam2Session, text: str) -> None:
    assert session.find(0, text).mask.shape == (96, 80)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (TEXT_BIAS, None),
        (TEXT_BIAS, torch.zeros(3)),
        (TEXT_BIAS, torch.full((128,), float("nan"))),
        ("detector_model.colour", torch.zeros(1)),
    ],
)
def test_a_detector_that_is_not_whole_is_refused(tmp_path: Path, key: str, value: torch.Tensor | None) -> None:
    save_small(tmp_path, **{key: value})
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.code == "checkpoint_mismatch"
    # What it lacks matters only to those who ask for words.
    assert load(tmp_path, "config.json").concepts is None


def test_a_tracker_alone_takes_no_tokenizer(tmp_path: Path, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tracker = {
        key: value
        for key, value in tensors.items()
        if not key.startswith("detector_model.") or ".vision_encoder.backbone." in key
    }
    save_file(tracker, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks detector_model\.") as caught:
        load_sam3(tmp_path / "model.safetensors", CPU, beside=beside(folder))
    assert caught.value.code == "checkpoint_mismatch"


@pytest.mark.parametrize("content", [b"", b"no json", b"{}", b"\xff\xfe", b"[1, 2]", b'{"model": {"type": "BPE"}}'])
def test_other_files_are_no_tokenizers(tmp_path: Path, content: bytes) -> None:
    files = save_small(tmp_path)
    files["tokenizer.json"].write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.code == "tokenizer_unreadable"
    assert str(caught.value).endswith(".")


def test_a_tokenizer_of_more_words_than_the_text_encoder_knows_is_refused(tmp_path: Path) -> None:
    files = save_small(tmp_path)
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([f"word{number}" for number in range(40)])
    tokenizer.save(str(files["tokenizer.json"]))
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.code == "checkpoint_mismatch"


@pytest.mark.parametrize(
    "content", ["[1]", "{", json.dumps({"detector_config": {"detr_encoder_config": {"hidden_size": 0}}}), '"x"']
)
def test_a_config_that_describes_no_model_is_refused(tmp_path: Path, content: str) -> None:
    files = save_small(tmp_path)
    files["config.json"].write_text(content)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.code == "checkpoint_mismatch"
