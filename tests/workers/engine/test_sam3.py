"""SAM 3 loads from one file, and answers as transformers' own tracker does."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers.models.sam3_tracker_video.modeling_sam3_tracker_video import (
    Sam3TrackerVideoInferenceSession,
    Sam3TrackerVideoModel,
)

from tests.workers.engine.sam3_parts import SIDE, build_small_sam3, save_published
from workers.engine.checkpoints import CheckpointError
from workers.engine.cine import CinePixels
from workers.engine.families import load_segmenter
from workers.engine.features import FeatureStore
from workers.engine.masks import to_mask
from workers.engine.sam3 import Sam3, load_sam3
from workers.engine.segmenter import FrameMask, LabelTrack, Mask, ModelSpec
from workers.engine.session import Sam2Segmenter, Sam2Session
from workers.engine.tensors import Decoded
from workers.protocol.digests import bytes_digest

Save = Callable[..., CinePixels]
CPU = torch.device("cpu")
FRAMES, ROWS, COLUMNS = 20, 96, 80
TOLERANCE = 3e-4
"""Ten times what is found, and a quarter of what one frame more or less in the distances of pointers changes."""
LAST_BIAS = "tracker_model.mask_decoder.pred_obj_score_head.proj_out.bias"


def disc(frame_index: int, left: int = 16) -> Mask:
    """A disc that moves to the right, shape (ROWS, COLUMNS)."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    mask: Mask = (columns - left - 2 * frame_index) ** 2 + (rows - 48) ** 2 < 14**2
    return mask


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    discs = np.array([disc(index) for index in range(FRAMES)])
    noise = np.random.default_rng(4).normal(0, 15, discs.shape)
    return np.clip(np.where(discs, 60, 180) + noise, 0, 255).astype(np.uint8)


def segmenter_of(model: Sam3) -> Sam2Segmenter:
    return Sam2Segmenter(model, ModelSpec("0" * 64, "sam3", SIDE, model.preprocess_id, "SAM License", 0), CPU)


class Reference:
    """Transformers' own session on a cine, with features rounded as ours are where they are kept."""

    def __init__(self, model: Sam3, cine: np.ndarray) -> None:
        self.model = model
        images = model.prepare(cine, "XA")
        self.session = Sam3TrackerVideoInferenceSession(
            images, ROWS, COLUMNS, dtype=torch.float32, max_vision_features_cache_size=len(cine)
        )
        for index, image in enumerate(images):
            with torch.no_grad():
                found = model.get_image_features(image[None], return_dict=True)
            features = {
                "vision_feats": [one.half().float() for one in found.fpn_hidden_states],
                "vision_pos_embeds": found.fpn_position_encoding,
            }
            self.session.cache.cache_vision_features(index, features)

    def point(self, frame_index: int, places: Sequence[tuple[float, float]], labels: Sequence[int]) -> Mask:
        """Answer places in image pixels. The model takes pixel centres, which lie half a model pixel up and left."""
        scale = torch.tensor([SIDE / COLUMNS, SIDE / ROWS])
        points = torch.tensor(places, dtype=torch.float32) * scale - 0.5
        given = {"point_coords": points[None, None], "point_labels": torch.tensor(labels)[None, None]}
        self.session.add_point_inputs(self.session.obj_id_to_idx(1), frame_index, given)
        self.session.obj_with_new_inputs = [1]
        return self._mask(self.model(self.session, frame_idx=frame_index).pred_masks)

    def show(self, frame_index: int, masks: Mapping[int, Mask]) -> None:
        """Give the mask of each object on a frame, resized as the processor does."""
        for number, mask in masks.items():
            given = torch.nn.functional.interpolate(
                torch.from_numpy(mask)[None, None].float(), (SIDE, SIDE), mode="bilinear", antialias=True
            )
            self.session.add_mask_inputs(self.session.obj_id_to_idx(number), frame_index, (given >= 0.5).float())
        self.session.obj_with_new_inputs = list(masks)
        self.model(self.session, frame_idx=frame_index)

    def follow(self, start: int, stop: int) -> dict[tuple[int, int], Mask]:
        """Return the masks of (frame, object) from behind `start` to `stop`, in either direction."""
        outputs = self.model.propagate_in_video_iterator(
            self.session, start_frame_idx=start, max_frame_num_to_track=abs(stop - start), reverse=stop < start
        )
        return {
            (output.frame_idx, number): self._mask(output.pred_masks[row : row + 1])
            for output in outputs
            for row, number in enumerate(output.object_ids)
            if output.frame_idx != start
        }

    def logits(self, number: int, frame_index: int) -> torch.Tensor:
        """Return the logits (1, 1, L, L) of an object on a frame that was followed."""
        outputs = self.session.output_dict_per_obj[self.session.obj_id_to_idx(number)]
        logits: torch.Tensor = outputs["non_cond_frame_outputs"][frame_index]["pred_masks"]
        return logits

    @staticmethod
    def _mask(logits: torch.Tensor) -> Mask:
        return to_mask(logits, ROWS, COLUMNS)


def iou(one: Mask, other: Mask) -> float:
    either = (one | other).sum()
    return 1.0 if either == 0 else float((one & other).sum() / either)


def recorded_logits(model: Sam3, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Return a list to which each later answer of a model adds its logits."""
    found: list[torch.Tensor] = []
    decode = model.decode

    def spy(*arguments: Any, **given: Any) -> Decoded:
        decoded = decode(*arguments, **given)
        found.append(decoded.logits)
        return decoded

    monkeypatch.setattr(model, "decode", spy)
    return found


def tracked(session: Sam2Session, masks: Mapping[str, Mapping[int, Mask]], *passes: Sequence[int]) -> list[FrameMask]:
    """Propagate the masks of labels, given as {label: {frame: mask}}."""
    held = {f"{label} {frame}": mask for label, known in masks.items() for frame, mask in known.items()}
    tracks = [LabelTrack(label, {frame: f"{label} {frame}" for frame in known}) for label, known in masks.items()]
    return [answer for answer in session.propagate(tracks, passes, held.__getitem__) if answer is not None]


@pytest.mark.parametrize(
    ("points", "box"),
    [
        ([(20.0, 40.0, True)], None),
        ([(20.0, 40.0, True), (60.5, 70.0, False)], None),
        ([], (8.0, 30.0, 44.0, 66.0)),
        ([(25.0, 50.0, True)], (8.0, 30.0, 44.0, 66.0)),
    ],
)
def test_prompts_are_answered_as_by_the_reference(
    video: np.ndarray,
    save_cine: Save,
    points: list[tuple[float, float, bool]],
    box: tuple[float, float, float, float] | None,
) -> None:
    model = build_small_sam3()
    session = segmenter_of(model).open(save_cine(video[:2]), features=FeatureStore(1 << 26))
    places = [] if box is None else [box[:2], box[2:]]
    labels = [] if box is None else [2, 3]
    places, labels = places + [point[:2] for point in points], labels + [int(point[2]) for point in points]
    expected = Reference(model, video[:2]).point(1, places, labels)
    answer = session.predict(1, points=points, box=box).mask
    assert 0.02 < expected.mean() < 0.98
    assert np.array_equal(answer, expected)


@pytest.mark.parametrize(("start", "stop", "count"), [(0, 19, FRAMES), (12, 0, FRAMES), (2, 6, 7)])
def test_masks_are_propagated_as_by_the_reference(
    video: np.ndarray, save_cine: Save, monkeypatch: pytest.MonkeyPatch, start: int, stop: int, count: int
) -> None:
    model, cine = build_small_sam3(), video[:count]
    reference = Reference(model, cine)
    reference.show(start, {1: disc(start)})
    expected = reference.follow(start, stop)
    found = recorded_logits(model, monkeypatch)
    session = segmenter_of(model).open(save_cine(cine), features=FeatureStore(1 << 26))
    step = 1 if stop > start else -1
    answers = tracked(session, {"a": {start: disc(start)}}, range(start, stop + step, step))
    assert [(answer.frame_index, 1) for answer in answers] == list(expected)
    for answer, logits in zip(answers, found, strict=True):
        assert torch.allclose(logits, reference.logits(1, answer.frame_index), rtol=0, atol=TOLERANCE)
        assert iou(answer.mask, expected[answer.frame_index, 1]) >= 0.99


def test_an_object_that_is_not_seen_leaves_an_empty_mask_and_its_trace_in_the_memory(
    video: np.ndarray, save_cine: Save
) -> None:
    model = build_small_sam3(presence=-30.0)
    reference = Reference(model, video[:4])
    reference.show(0, {1: disc(0)})
    expected = reference.follow(0, 3)
    session = segmenter_of(model).open(save_cine(video[:4]), features=FeatureStore(1 << 26))
    answers = tracked(session, {"a": {0: disc(0)}}, range(4))
    assert not any(mask.any() for mask in expected.values())
    assert not any(answer.mask.any() for answer in answers)
    kept = reference.session.output_dict_per_obj[0]["non_cond_frame_outputs"][1]
    features = model.encode(model.prepare(video[1:2], "XA")).map(lambda one: one.half().float())
    blank = torch.full((1, 1, model.logit_side, model.logit_side), -1024.0)
    memory = model.remember(features, blank, kept["object_pointer"][0], 1)
    assert torch.equal(memory.features.flatten(2).permute(2, 0, 1), kept["maskmem_features"])


def test_two_labels_share_a_pass_and_conditioning_frames_lead_from_both_ends(
    video: np.ndarray, save_cine: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, last = build_small_sam3(), FRAMES - 1
    masks = {"a": {frame: disc(frame) for frame in (0, last)}, "b": {frame: disc(frame, 40) for frame in (0, last)}}
    expected: dict[int, torch.Tensor] = {}
    for start, stop in ((0, 9), (last, 10)):
        reference = Reference(model, video)
        for frame in (0, last):
            reference.show(frame, {1: masks["a"][frame], 2: masks["b"][frame]})
        for frame in {frame for frame, _ in reference.follow(start, stop)}:
            expected[frame] = torch.cat([reference.logits(number, frame) for number in (1, 2)])
    found = recorded_logits(model, monkeypatch)
    session = segmenter_of(model).open(save_cine(video), features=FeatureStore(1 << 26))
    answers = tracked(session, masks, range(FRAMES))
    order = list(dict.fromkeys(answer.frame_index for answer in answers))
    assert order == [*range(1, 10), *range(18, 9, -1)]
    for frame, logits in zip(order, found, strict=True):
        assert torch.allclose(logits, expected[frame], rtol=0, atol=TOLERANCE)


def test_a_given_mask_is_remembered_as_by_the_reference(video: np.ndarray) -> None:
    model = build_small_sam3()
    reference = Reference(model, video[:3])
    reference.show(0, {1: disc(0)})
    reference.follow(0, 2)
    outputs = reference.session.output_dict_per_obj[0]
    features = model.encode(model.prepare(video[:1], "XA")).map(lambda one: one.half().float())
    with torch.no_grad():
        logits, memory = model.condition(features, [disc(0)])
    kept = outputs["cond_frame_outputs"][0]
    assert torch.equal(logits, kept["pred_masks"])
    assert torch.equal(memory.features.flatten(2).permute(2, 0, 1), kept["maskmem_features"])
    assert torch.allclose(memory.pointer, kept["object_pointer"].reshape(1, -1), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 300, 200), (1, 50, 60, 3)])
def test_frames_are_resized_to_8_bits_and_centred(shape: tuple[int, ...]) -> None:
    frames = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    images = build_small_sam3().prepare(frames, "US")
    expected = np.stack(
        [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for one in frames]
    )
    expected = expected.transpose(0, 3, 1, 2) if len(shape) == 4 else expected[:, None]
    assert images.shape == (len(frames), 3, SIDE, SIDE)
    assert np.abs(images.numpy() * 127.5 + 127.5 - expected).max() <= 1.001


def test_the_published_layout_loads_as_transformers_loads_it(tmp_path: Path) -> None:
    model, path = build_small_sam3(), tmp_path / "model.safetensors"
    save_published(model, path)
    (tmp_path / "config.json").write_text(json.dumps(model.config.to_dict()))
    theirs = Sam3TrackerVideoModel.from_pretrained(tmp_path).state_dict()
    digest = bytes_digest(path.read_bytes())
    segmenter = load_segmenter(path, family="sam3", digest=digest, device=CPU)
    assert isinstance(segmenter, Sam2Segmenter)
    ours = segmenter.model.state_dict()  # type: ignore[attr-defined]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    spec = segmenter.spec
    assert (spec.family, spec.image_size, spec.preprocess_id, spec.licence) == (
        "sam3",
        112,
        "sam3-112-v1",
        "SAM License",
    )
    assert spec.bytes == sum(4 * value.nelement() for value in ours.values())


def test_a_tracker_saved_alone_loads_and_answers_the_same(tmp_path: Path, video: np.ndarray) -> None:
    model, path = build_small_sam3(), tmp_path / "model.safetensors"
    Sam3TrackerVideoModel.save_pretrained(model, tmp_path)
    save_file(load_file(path), path, metadata={"config": json.dumps(model.config.to_dict())})
    loaded = load_sam3(path, CPU).model
    images = model.prepare(video[:1], "XA")
    with torch.no_grad():
        assert torch.equal(loaded.encode(images).deep, model.encode(images).deep)


def test_one_of_the_two_names_of_the_position_matrix_is_enough(tmp_path: Path) -> None:
    model, path = build_small_sam3(), tmp_path / "model.safetensors"
    save_published(model, path, **{"tracker_model.shared_image_embedding.positional_embedding": None})
    loaded = load_sam3(path, CPU).model
    assert isinstance(loaded, Sam3)
    wanted = model.shared_image_embedding.positional_embedding
    assert torch.equal(loaded.shared_image_embedding.positional_embedding, wanted)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (LAST_BIAS, None),
        (LAST_BIAS, torch.zeros(2)),
        ("tracker_model.colour", torch.zeros(1)),
        ("tracker_neck.fpn_layers.0.proj1.bias", None),
        (LAST_BIAS, torch.full((1,), float("nan"))),
    ],
)
def test_wrong_tensors_are_refused_by_the_name_in_the_file(
    tmp_path: Path, key: str, value: torch.Tensor | None
) -> None:
    path = tmp_path / "model.safetensors"
    save_published(build_small_sam3(), path, **{key: value})
    with pytest.raises(CheckpointError) as caught:
        load_sam3(path, CPU)
    assert caught.value.code == "checkpoint_mismatch"
    assert key in str(caught.value) or (value is not None and value.isnan().any())


@pytest.mark.parametrize(
    "config", ["[1]", "{", '{"num_maskmem": "many"}', '{"mask_decoder_config": {"hidden_size": 0}}']
)
def test_a_config_that_describes_no_tracker_is_refused(tmp_path: Path, config: str) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"config": config})
    with pytest.raises(CheckpointError) as caught:
        load_sam3(path, CPU)
    assert caught.value.code == "checkpoint_mismatch"


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError) as caught:
        load_sam3(path, CPU)
    assert caught.value.code == "checkpoint_missing"
    path.write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(CheckpointError) as caught:
        load_sam3(path, CPU)
    assert caught.value.code == "checkpoint_unreadable"
