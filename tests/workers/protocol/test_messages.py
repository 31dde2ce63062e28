"""Messages survive JSON and refuse everything else."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.protocol.errors import MessageError
from workers.protocol.messages import (
    CancelRequest,
    CineRef,
    Heartbeat,
    JobDone,
    JobFailed,
    MaskResult,
    ModelRef,
    PredictRequest,
    PropagateRequest,
    TrainingCancel,
    TrainingRequest,
    TrainingUpdate,
    WarmRequest,
)

A, B = "a" * 64, "b" * 64
MODEL = ModelRef(digest=A, family="bundled")
CINE = CineRef(digest=B, frames=10, rows=512, columns=512, channels=1, window=[0, 255], modality="XA")
JOB = {"job_id": "j1", "epoch": 3}
MESSAGES = [
    MODEL,
    CINE,
    PredictRequest(
        **JOB, reply_to="results", model=MODEL, cine=CINE, frame_index=4, label="lad",
        points=[[10.5, 20, 1], [3, 4, 0]], box=[0, 0, 9.5, 8], previous_mask=A,
    ),
    PredictRequest(
        **JOB, reply_to="results", model=MODEL, cine=CINE, frame_index=4, label="lad", points=[], box=None,
        previous_mask=None,
    ),
    PropagateRequest(
        **JOB, reply_to="results", model=MODEL, cine=CINE,
        labels=[
            {
                "label": "lad", "conditioning": [{"frame_index": 2, "mask": A}],
                "standing": [{"frame_index": 3, "mask": B}],
            }
        ],
        passes=[[2, 3, 4], [2, 1, 0]], keep={"lad": [2]},
    ),
    CancelRequest(job_id="j1"),
    WarmRequest(model=MODEL, cine=CINE, frames=[0, 1, 2]),
    MaskResult(**JOB, worker="w", label="lad", frame_index=3, mask="Q00=", score=0.5, done=1, total=4),
    JobDone(**JOB, worker="w", elapsed_ms=12.5, early_stop=False),
    JobFailed(**JOB, worker="w", code="busy", message="Too many jobs."),
    Heartbeat(worker="w", queue="gpu.w", kind="gpu", models=[A], cache_bytes=5, busy=True, started_ms=1.5),
    TrainingRequest(run_id="r", manifest=A, base=MODEL, config={"steps": 5}, seed=7, evaluate=[MODEL]),
    TrainingCancel(run_id="r"),
    TrainingUpdate(run_id="r", event="progress", data={"step": 1, "loss": 0.5}),
    PredictRequest(
        **JOB, reply_to="results", model=MODEL, cine=CINE, frame_index=4, label="lad", points=[], box=None,
        previous_mask=None, text="left ventricle",
    ),
]  # fmt: skip
NAMES = [f"{type(message).__name__}{index}" for index, message in enumerate(MESSAGES)]


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_survives_json(message):
    data = message.to_dict()
    assert data["version"] == 1
    assert type(message).from_dict(json.loads(json.dumps(data))) == message


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_is_frozen_and_gives_copies(message):
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.version = 2
    data = message.to_dict()
    for value in data.values():
        if isinstance(value, list):
            value.append("changed")
    assert message.to_dict() != data or not any(isinstance(value, list) for value in data.values())


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
@pytest.mark.parametrize("version", [None, 0, 2, "1", True])
def test_other_versions_are_refused(message, version):
    with pytest.raises(MessageError, match="version"):
        type(message).from_dict(message.to_dict() | {"version": version})


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_unknown_and_missing_fields_are_refused(message):
    data = message.to_dict()
    with pytest.raises(MessageError, match="surplus"):
        type(message).from_dict(data | {"surplus": 1})
    later = {field.name for field in dataclasses.fields(message) if field.default is not dataclasses.MISSING}
    for name in data.keys() - later:
        less = {key: value for key, value in data.items() if key != name}
        with pytest.raises(MessageError):
            type(message).from_dict(less)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(MESSAGES), st.data(), JUNK)
def test_any_other_value_is_refused_or_normal(message, data, junk):
    """Whatever is accepted instead of a field is in its one JSON form: it survives another round trip."""
    name = data.draw(st.sampled_from(sorted(message.to_dict())))
    try:
        made = type(message).from_dict(message.to_dict() | {name: junk})
    except MessageError:
        return
    assert type(message).from_dict(json.loads(json.dumps(made.to_dict()))).to_dict() == made.to_dict()


@given(JUNK)
def test_what_is_no_message_is_refused(junk):
    for message in MESSAGES:
        with pytest.raises(MessageError):
            type(message).from_dict(junk)


def _replace(message, **values):
    return lambda: dataclasses.replace(message, **values)


PREDICT, PROPAGATE = MESSAGES[2], MESSAGES[4]
CONDITION = {"frame_index": 2, "mask": A}
REFUSED = {
    "digest that climbs": _replace(CINE, digest="../../etc/passwd"),
    "digest in capitals": _replace(MODEL, digest="A" * 64),
    "two channels": _replace(CINE, channels=2),
    "no frames": _replace(CINE, frames=0),
    "window of three": _replace(CINE, window=[0, 1, 2]),
    "window without end": _replace(CINE, window=[0, float("inf")]),
    "negative frame": _replace(PREDICT, frame_index=-1),
    "frame as boolean": _replace(PREDICT, frame_index=True),
    "point without sign": _replace(PREDICT, points=[[1, 2]]),
    "point with another sign": _replace(PREDICT, points=[[1, 2, 2]]),
    "window too large for a float": _replace(CINE, window=[0, 10**400]),
    "point that is no number": _replace(PREDICT, points=[[float("nan"), 2, 1]]),
    "box of three": _replace(PREDICT, box=[1, 2, 3]),
    "model as text": _replace(PREDICT, model="bundled"),
    "label twice": _replace(PROPAGATE, labels=[{"label": "x", "conditioning": [], "standing": []}] * 2),
    "conditioning frame twice": _replace(
        PROPAGATE, labels=[{"label": "x", "conditioning": [CONDITION] * 2, "standing": []}]
    ),
    "standing frame twice": _replace(
        PROPAGATE, labels=[{"label": "x", "conditioning": [], "standing": [CONDITION] * 2}]
    ),
    "without standing": _replace(PROPAGATE, labels=[{"label": "x", "conditioning": []}]),
    "conditioning with more": _replace(
        PROPAGATE, labels=[{"label": "x", "conditioning": [{**CONDITION, "score": 1}], "standing": []}]
    ),
    "pass with a fraction": _replace(PROPAGATE, passes=[[1, 1.5]]),
    "worker of another kind": _replace(MESSAGES[10], kind="cpu"),
    "another event": _replace(MESSAGES[13], event="paused"),
    "negative seed": _replace(MESSAGES[11], seed=-1),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_wrong_values_are_refused(make):
    with pytest.raises(MessageError):
        make()


def test_tuples_become_the_json_form():
    assert dataclasses.replace(PREDICT, points=((1, 2, 1),)).points == [[1.0, 2.0, 1]]


def test_a_request_of_before_there_were_texts_is_still_read():
    request = next(message for message in MESSAGES if isinstance(message, PredictRequest))
    stored = request.to_dict()
    del stored["text"]
    assert PredictRequest.from_dict(stored) == request


@pytest.mark.parametrize("text", ["", "x" * 201, 7, ["vessel"], True])
def test_texts_are_short_and_not_empty(text):
    request = next(message for message in MESSAGES if isinstance(message, PredictRequest))
    with pytest.raises(MessageError):
        dataclasses.replace(request, text=text)
