"""Build the messages to the workers: everything an answer depends on, so that any worker can give it (ADR 0002)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

from annotator.campaigns.models import Label
from annotator.core.errors import IllegalTransition, Unprocessable
from annotator.imaging.models import Cine
from annotator.inference.models import ACTIVE, InferenceJob, JobKind
from annotator.readings.models import EventKind, Provenance, Reading, ReadingEvent
from annotator.readings.selectors import (
    conditioning_frames,
    current_masks,
    labels_by_code,
    locked_frames,
    prompts_of,
)
from workers.protocol.families import FAMILIES
from workers.protocol.messages import CineRef, ModelRef, PredictRequest, PropagateRequest

from .resuming import frames_done

RESULTS_QUEUE = "results"


def cine_ref(cine: Cine, window: str | None = None) -> CineRef:
    """Return what a worker has to know of a cine, seen through its own window or through another of its windows."""
    return CineRef(
        digest=cine.pixels_digest,
        frames=cine.frame_count,
        rows=cine.rows,
        columns=cine.columns,
        channels=cine.channels,
        window=[cine.window_low, cine.window_high] if window is None else list(cine.windows[window]),
        modality=cine.modality,
    )


def model_ref(reading: Reading) -> ModelRef:
    """Return the model that a reading was opened with.

    Raises
    ------
    Unprocessable
        When the campaign had no model at that time.
    """
    if not reading.checkpoint:
        raise Unprocessable(
            "This reading was opened without a model, so nothing can be computed; draw with the brush.",
            code="no_model",
        )
    return ModelRef(digest=reading.checkpoint, family=reading.family)


def build_predict_request(*, event: ReadingEvent, job_id: uuid.UUID) -> PredictRequest:
    """Return the request for the mask of one frame, from every prompt that stands there and the mask before.

    Parameters
    ----------
    event : ReadingEvent
        A prompt; it and all before it count, but a text asks alone.
    job_id : UUID

    Raises
    ------
    Unprocessable
        `no_model`, or `no_text_prompts` when no model of the reading's family takes words.
    """
    reading, label, frame_index = event.reading, event.label, event.frame_index
    if event.kind != EventKind.PROMPT or label is None or frame_index is None:
        raise AssertionError("a prediction is asked for by a prompt")
    text = event.payload.get("text")
    if text is not None:
        _require_words(reading)
    prompts = prompts_of(reading, frame_index, label, as_of=event.seq)
    before = current_masks(reading, as_of=event.seq - 1, pairs=[(label.code, frame_index)])
    previous = next((mask.blob for mask in before if mask.area > 0), None)
    return PredictRequest(
        job_id=str(job_id),
        epoch=0,
        reply_to=RESULTS_QUEUE,
        model=model_ref(reading),
        cine=cine_ref(reading.cine, event.payload.get("window")),
        frame_index=frame_index,
        label=label.code,
        points=prompts.points,
        box=prompts.box,
        previous_mask=previous if text is None else None,
        text=text,
    )


def build_propagate_request(*, event: ReadingEvent, job_id: uuid.UUID) -> PropagateRequest:
    """Return the request for the masks of a range of frames, from the conditioning frames of its labels.

    Parameters
    ----------
    event : ReadingEvent
        A propagation; its `frame_index` serves as a conditioning frame whatever its mask comes of.
    job_id : UUID

    Raises
    ------
    IllegalTransition
        `prompt_running` when the mask of the starting frame is still being computed, and those of
        `resuming.frames_done`.
    Unprocessable
        `nothing_to_propagate` when a label has no mask on the starting frame, `nothing_to_compute` when every
        frame of the range is locked, or done already by the propagation that is resumed.

    Notes
    -----
    A resumed propagation keeps what the stopped one has done and asks for the rest from the same starting frame: a
    worker passes over the frames it has to keep, so the masks are those of a propagation that was never stopped.
    """
    reading, payload = event.reading, event.payload
    if event.kind != EventKind.PROPAGATE:
        raise AssertionError("a propagation is asked for by a propagate event")
    start_frame: int = payload["frame_index"]
    known = labels_by_code(reading.campaign)
    labels = [known[code] for code in payload["labels"]]
    passes = passes_of(payload)
    if not passes:
        raise Unprocessable(
            f"There is no frame to propagate to: the range holds frame {start_frame + 1} alone.",
            code="nothing_to_compute",
        )
    frames = {frame for one in passes for frame in one}
    locked = locked_frames(reading, as_of=event.seq)
    running = _frames_being_prompted(reading)
    cine = cine_ref(reading.cine, payload.get("window"))
    standing = _standing_masks(event, cine)
    done = frames_done(event)
    entries: list[dict[str, Any]] = []
    keep: dict[str, list[int]] = {}
    for label in labels:
        conditioning = dict(conditioning_frames(reading, label, as_of=event.seq))
        conditioning[start_frame] = _starting_mask(event, label, start_frame, running)
        entries.append(
            {
                "label": label.code,
                "conditioning": [{"frame_index": frame, "mask": blob} for frame, blob in sorted(conditioning.items())],
                "standing": standing[label.code],
            }
        )
        pending = {frame for code, frame in running if code == label.code}
        keep[label.code] = sorted(set(conditioning) | locked[label.code] | pending | done[label.code])
    if not any(frames - set(keep[label.code]) for label in labels):
        raise Unprocessable(
            "Every frame of this range is drawn, prompted, accepted or computed already: there is nothing to compute.",
            code="nothing_to_compute",
        )
    return PropagateRequest(
        job_id=str(job_id),
        epoch=0,
        reply_to=RESULTS_QUEUE,
        model=model_ref(reading),
        cine=cine,
        labels=entries,
        passes=passes,
        keep=keep,
    )


def _require_words(reading: Reading) -> None:
    """Raise Unprocessable where no model of the family finds things by their names; the worker knows of this one."""
    family = FAMILIES.get(reading.family)
    if family is not None and "text" not in family.prompts:
        raise Unprocessable(
            f"{family.title} takes no words; click on the structure or draw a box around it.", code="no_text_prompts"
        )


def passes_of(payload: dict[str, Any]) -> list[list[int]]:
    """Return the 0-based frames of each pass of a propagation, in the order of propagation.

    Each pass begins with the starting frame; a pass that would hold nothing else is left out.
    """
    frame_index, start, stop = payload["frame_index"], payload["start"], payload["stop"]
    forward = list(range(frame_index, stop + 1))
    backward = list(range(frame_index, start - 1, -1))
    wanted = {"forward": [forward], "backward": [backward], "both": [forward, backward]}[payload["direction"]]
    return [one for one in wanted if len(one) > 1]


def count_answers(request: PredictRequest | PropagateRequest) -> int:
    """Return how many masks a request asks for."""
    if isinstance(request, PredictRequest):
        return 1
    frames = {frame for one in request.passes for frame in one}
    return sum(len(frames - set(request.keep[entry["label"]])) for entry in request.labels)


def _frames_being_prompted(reading: Reading) -> set[tuple[str, int]]:
    """Return (label code, frame) of the prompts whose mask has not come yet."""
    jobs = InferenceJob.objects.filter(reading=reading, kind=JobKind.PREDICT, status__in=ACTIVE)
    pairs = jobs.values_list("event__label__code", "event__frame_index")
    return {(label, frame_index) for label, frame_index in pairs if frame_index is not None}


def _standing_masks(event: ReadingEvent, cine: CineRef) -> dict[str, list[dict[str, Any]]]:
    """Return, by label code, the masks that the reading's own model propagated before, through the same window."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mask in current_masks(event.reading, as_of=event.seq):
        is_own = mask.provenance == Provenance.PROPAGATED and mask.checkpoint == event.reading.checkpoint
        if is_own and mask.window == cine.window and mask.blob is not None:
            found[mask.label].append({"frame_index": mask.frame_index, "mask": mask.blob})
    return found


def _starting_mask(event: ReadingEvent, label: Label, frame_index: int, running: set[tuple[str, int]]) -> str:
    if (label.code, frame_index) in running:
        raise IllegalTransition(
            f"The mask of {label.name} on frame {frame_index + 1} is still being computed; propagate when it is there.",
            code="prompt_running",
        )
    pair = (label.code, frame_index)
    found = current_masks(event.reading, as_of=event.seq, pairs=[pair])
    blob = next((mask.blob for mask in found if mask.area > 0), None)
    if blob is None:
        raise Unprocessable(
            f"{label.name} has no mask on frame {frame_index + 1} from which to propagate.",
            code="nothing_to_propagate",
            details={"label": label.code, "frame_index": frame_index},
        )
    return blob
