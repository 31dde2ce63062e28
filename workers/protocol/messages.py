"""The messages between the web tier and the workers: frozen, versioned, strict.

Every message checks itself when it is made, holds plain JSON values, and survives `from_dict(json(to_dict()))`
unchanged. Whether a frame exists or a point lies within the image is for the one who carries the request out to say.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Self

from workers.protocol import checks
from workers.protocol.errors import MessageError
from workers.protocol.parts import MAX_FRAMES, frames_of, label_of, point_of

__all__ = [
    "CancelRequest", "CineRef", "Heartbeat", "JobDone", "JobFailed", "MaskResult", "MessageError", "ModelRef",
    "PredictRequest", "PropagateRequest", "TrainingCancel", "TrainingRequest", "TrainingUpdate", "WarmRequest",
]  # fmt: skip

VERSION = 1
MAX_SIDE = 65_535
MAX_POINTS = 4_096
MAX_WORDS = 200
"""Characters of a text prompt."""
MAX_LABELS = 64
MAX_PASSES = 64
MAX_MODELS = 256
TRAINING_EVENTS = ("started", "progress", "done", "error", "cancelled")
WORKER_KINDS = ("gpu", "training")


class Message:
    """What all messages share: `to_dict` and a `from_dict` that refuses unknown fields and other versions."""

    NESTED: ClassVar[Mapping[str, type[Message]]] = {}

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON values, with its version."""
        data: dict[str, Any] = {"version": VERSION}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Message):
                data[field.name] = value.to_dict()
            elif isinstance(value, list):
                data[field.name] = [
                    item.to_dict() if isinstance(item, Message) else copy.deepcopy(item) for item in value
                ]
            else:
                data[field.name] = copy.deepcopy(value)
        return data

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Return the message that `to_dict` gave.

        Raises
        ------
        MessageError
            When a field is unknown, missing or wrong, or the version is another one.
        """
        if not isinstance(data, Mapping):
            raise MessageError(f"A {cls.__name__} must be an object.")
        given = dict(data)
        version = given.pop("version", None)
        if version != VERSION or isinstance(version, bool):
            raise MessageError(f"{cls.__name__} of version {version!r} is not known, only {VERSION}.")
        known = fields(cls)  # type: ignore[arg-type]
        unknown = sorted(str(name) for name in given.keys() - {field.name for field in known})
        # A field with a default came later than the others: messages that were stored before do not have it.
        missing = sorted({field.name for field in known if field.default is MISSING} - given.keys())
        if unknown or missing:
            what = f"has no field {unknown[0]!r}" if unknown else f"lacks the field {missing[0]!r}"
            raise MessageError(f"A {cls.__name__} {what}.")
        for name, kind in cls.NESTED.items():
            value = given.get(name)
            if isinstance(value, list):
                given[name] = [kind.from_dict(item) for item in value]
            else:
                given[name] = kind.from_dict(value)
        return cls(**given)

    def _set(self, name: str, value: object) -> None:
        """Put a checked value in its one form into a frozen message."""
        object.__setattr__(self, name, value)

    def _nested(self, *names: str) -> None:
        for name in names:
            if not isinstance(getattr(self, name), self.NESTED[name]):
                raise MessageError(f"The field {name!r} must be a {self.NESTED[name].__name__}.")


@dataclass(frozen=True)
class CineRef(Message):
    """A cine: digest of its array blob, its shape, and the grey values [low, high] that become 0 and 255."""

    digest: str
    frames: int
    rows: int
    columns: int
    channels: int
    window: Sequence[float]
    modality: str

    def __post_init__(self) -> None:
        checks.digest(self.digest, "digest")
        checks.integer(self.frames, "frames", least=1, most=MAX_FRAMES)
        checks.integer(self.rows, "rows", least=1, most=MAX_SIDE)
        checks.integer(self.columns, "columns", least=1, most=MAX_SIDE)
        if checks.integer(self.channels, "channels", least=1, most=3) == 2:
            raise MessageError("The field 'channels' must be 1 or 3.")
        window = checks.items(self.window, "window", most=2)
        if len(window) != 2:
            raise MessageError("The field 'window' must be [low, high].")
        self._set("window", [checks.number(edge, "window") for edge in window])
        checks.text(self.modality, "modality", empty=True, limit=16)


@dataclass(frozen=True)
class ModelRef(Message):
    """A model: digest of its checkpoint and the family that knows how to load it."""

    digest: str
    family: str

    def __post_init__(self) -> None:
        checks.digest(self.digest, "digest")
        checks.text(self.family, "family", limit=64)


@dataclass(frozen=True)
class PredictRequest(Message):
    """Ask for the mask of one label on one frame, from all prompts that stand there.

    Attributes
    ----------
    points : list of [x, y, sign]
        Image pixels, sign 1 = positive, 0 = negative; in the order they were given.
    box : [x0, y0, x1, y1] or None
    previous_mask : str or None
        Digest of the mask that stood on this frame before the newest prompt.
    text : str or None
        Words that name what is wanted; they ask alone, without points and box.
    """

    NESTED: ClassVar[Mapping[str, type[Message]]] = {"model": ModelRef, "cine": CineRef}

    job_id: str
    epoch: int
    reply_to: str
    model: ModelRef
    cine: CineRef
    frame_index: int
    label: str
    points: Sequence[Sequence[float]]
    box: Sequence[float] | None
    previous_mask: str | None
    text: str | None = None

    def __post_init__(self) -> None:
        _check_job(self.job_id, self.epoch, self.reply_to)
        self._nested("model", "cine")
        checks.integer(self.frame_index, "frame_index", most=MAX_FRAMES)
        checks.text(self.label, "label", limit=128)
        self._set("points", [point_of(point) for point in checks.items(self.points, "points", most=MAX_POINTS)])
        if self.box is not None:
            box = checks.items(self.box, "box", most=4)
            if len(box) != 4:
                raise MessageError("The field 'box' must be [x0, y0, x1, y1] or null.")
            self._set("box", [checks.number(edge, "box") for edge in box])
        if self.previous_mask is not None:
            checks.digest(self.previous_mask, "previous_mask")
        if self.text is not None:
            checks.text(self.text, "text", limit=MAX_WORDS)


@dataclass(frozen=True)
class PropagateRequest(Message):
    """Ask for the masks of several labels along passes over the frames.

    Attributes
    ----------
    labels : list of {label, conditioning: [{frame_index, mask}], standing: [{frame_index, mask}]}
        The masks (digests) that hold for each label, and those that the same model propagated before: where the new
        ones do not differ, the propagation may end early.
    passes : list of list of int
        Frames in the order of propagation; the first of each pass is a conditioning frame.
    keep : {label: [frame_index]}
        Frames that are conditioning or locked: never answered.
    """

    NESTED: ClassVar[Mapping[str, type[Message]]] = {"model": ModelRef, "cine": CineRef}

    job_id: str
    epoch: int
    reply_to: str
    model: ModelRef
    cine: CineRef
    labels: Sequence[Mapping[str, Any]]
    passes: Sequence[Sequence[int]]
    keep: Mapping[str, Sequence[int]]

    def __post_init__(self) -> None:
        _check_job(self.job_id, self.epoch, self.reply_to)
        self._nested("model", "cine")
        labels = [label_of(entry) for entry in checks.items(self.labels, "labels", most=MAX_LABELS)]
        if len({entry["label"] for entry in labels}) != len(labels):
            raise MessageError("The field 'labels' names a label twice.")
        self._set("labels", labels)
        passes = checks.items(self.passes, "passes", most=MAX_PASSES)
        self._set("passes", [frames_of(frames, "passes") for frames in passes])
        keep = checks.mapping(self.keep, "keep")
        self._set("keep", {label: frames_of(frames, "keep") for label, frames in keep.items()})


@dataclass(frozen=True)
class CancelRequest(Message):
    """Stop a job before its next frame."""

    job_id: str

    def __post_init__(self) -> None:
        checks.text(self.job_id, "job_id", limit=64)


@dataclass(frozen=True)
class WarmRequest(Message):
    """Load a model and encode frames ahead, while the reader looks; no frames = load the model only."""

    NESTED: ClassVar[Mapping[str, type[Message]]] = {"model": ModelRef, "cine": CineRef}

    model: ModelRef
    cine: CineRef
    frames: Sequence[int]

    def __post_init__(self) -> None:
        self._nested("model", "cine")
        self._set("frames", frames_of(self.frames, "frames"))


@dataclass(frozen=True)
class MaskResult(Message):
    """The mask of one frame: base64 of its canonical encoding, and how far the job has come.

    Attributes
    ----------
    score : float or None
        The model's own estimate of the IoU, 0 to 1.
    done, total : int
        Answers given so far, this one included, and answers to be given.
    """

    job_id: str
    epoch: int
    worker: str
    label: str
    frame_index: int
    mask: str
    score: float | None
    done: int
    total: int

    def __post_init__(self) -> None:
        _check_job(self.job_id, self.epoch, self.worker)
        checks.text(self.label, "label", limit=128)
        checks.integer(self.frame_index, "frame_index", most=MAX_FRAMES)
        checks.text(self.mask, "mask", limit=256 * 1024 * 1024)
        if self.score is not None:
            self._set("score", checks.number(self.score, "score"))
        checks.integer(self.done, "done")
        checks.integer(self.total, "total")


@dataclass(frozen=True)
class JobDone(Message):
    """A job has given all its answers; `early_stop` = the rest would not have changed."""

    job_id: str
    epoch: int
    worker: str
    elapsed_ms: float
    early_stop: bool

    def __post_init__(self) -> None:
        _check_job(self.job_id, self.epoch, self.worker)
        self._set("elapsed_ms", checks.number(self.elapsed_ms, "elapsed_ms"))
        checks.boolean(self.early_stop, "early_stop")


@dataclass(frozen=True)
class JobFailed(Message):
    """A job could not be done: a machine-readable code and a sentence for the reader."""

    job_id: str
    epoch: int
    worker: str
    code: str
    message: str

    def __post_init__(self) -> None:
        _check_job(self.job_id, self.epoch, self.worker)
        checks.text(self.code, "code", limit=64)
        checks.text(self.message, "message")


@dataclass(frozen=True)
class Heartbeat(Message):
    """A worker is alive. `models` are the digests loaded, `started_ms` tells one life of a worker from the next."""

    worker: str
    queue: str
    kind: str
    models: Sequence[str]
    cache_bytes: int
    busy: bool
    started_ms: float

    def __post_init__(self) -> None:
        checks.text(self.worker, "worker", limit=200)
        checks.text(self.queue, "queue", limit=200)
        checks.choice(self.kind, "kind", WORKER_KINDS)
        models = checks.items(self.models, "models", most=MAX_MODELS)
        self._set("models", [checks.digest(model, "models") for model in models])
        checks.integer(self.cache_bytes, "cache_bytes")
        checks.boolean(self.busy, "busy")
        checks.number(self.started_ms, "started_ms")


@dataclass(frozen=True)
class TrainingRequest(Message):
    """Fine-tune a model on a dataset version, then measure it and the `evaluate` models on the test split."""

    NESTED: ClassVar[Mapping[str, type[Message]]] = {"base": ModelRef, "evaluate": ModelRef}

    run_id: str
    manifest: str
    base: ModelRef
    config: Mapping[str, Any]
    seed: int
    evaluate: Sequence[ModelRef]

    def __post_init__(self) -> None:
        checks.text(self.run_id, "run_id", limit=64)
        checks.digest(self.manifest, "manifest")
        self._nested("base")
        self._set("config", checks.mapping(self.config, "config"))
        checks.integer(self.seed, "seed", most=2**32 - 1)
        models = checks.items(self.evaluate, "evaluate", most=MAX_MODELS)
        if not all(isinstance(model, ModelRef) for model in models):
            raise MessageError("The field 'evaluate' must be a list of ModelRef.")
        self._set("evaluate", models)


@dataclass(frozen=True)
class TrainingCancel(Message):
    """Stop a training run."""

    run_id: str

    def __post_init__(self) -> None:
        checks.text(self.run_id, "run_id", limit=64)


@dataclass(frozen=True)
class TrainingUpdate(Message):
    """How a training run goes; `data` depends on the event (docs/architecture.md)."""

    run_id: str
    event: str
    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        checks.text(self.run_id, "run_id", limit=64)
        checks.choice(self.event, "event", TRAINING_EVENTS)
        self._set("data", checks.mapping(self.data, "data"))


def _check_job(job_id: object, epoch: object, peer: object) -> None:
    checks.text(job_id, "job_id", limit=64)
    checks.integer(epoch, "epoch")
    checks.text(peer, "worker or reply_to", limit=200)
