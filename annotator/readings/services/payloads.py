"""Check what a client says it did: every event payload is strict, and every refusal has its own code."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from annotator.campaigns.models import Label
from annotator.core.errors import InvalidInput
from annotator.imaging.models import Cine
from annotator.readings.models import EventKind, Provenance
from workers.protocol.rle import HEADER, MaskCodecError, decode_mask, encode_mask, read_header

from .fields import wrong
from .prompts import parse_box, parse_line, parse_points, parse_text, parse_window

MAX_TOOL_LENGTH = 32
MAX_MASKS_PER_EDIT = 512
DRAWN_PROVENANCES = (Provenance.HUMAN, Provenance.INTERPOLATED)
DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True)
class EditedMask:
    """What an edit leaves on one frame (0-based) for one label: canonical RLE bytes."""

    frame_index: int
    label: Label
    mask: bytes


@dataclass(frozen=True)
class ParsedEvent:
    """A payload that has passed every check that needs no look at the reading's log.

    Attributes
    ----------
    payload : dict
        The payload in its canonical form: what is stored and what a resend is compared with.
    frame_index : int or None
        0-based frame of a prompt, a propagation or an edit of one mask.
    label : Label or None
        Label of a prompt or an edit of one mask.
    labels : tuple of Label
        Labels of a propagation; of a relabelling the one that gives and the one that takes.
    frames : tuple of int
        0-based frames of a relabelling.
    edits : tuple of EditedMask
        Every mask of an edit.
    provenance : Provenance
        That of the masks of an edit.
    target_id, target_client : UUID or None
        Event that an undo or redo names, by its id or by its client UUID.
    resumes : UUID or None
        The propagation that a propagation goes on with.
    """

    kind: EventKind
    payload: dict[str, Any]
    frame_index: int | None = None
    label: Label | None = None
    labels: tuple[Label, ...] = ()
    frames: tuple[int, ...] = ()
    edits: tuple[EditedMask, ...] = ()
    provenance: Provenance = Provenance.HUMAN
    target_id: uuid.UUID | None = None
    resumes: uuid.UUID | None = None
    target_client: uuid.UUID | None = None


@dataclass(frozen=True)
class Bounds:
    """What a payload is checked against."""

    cine: Cine
    labels: Mapping[str, Label]


def parse_event(*, kind: object, payload: object, cine: Cine, labels: Mapping[str, Label]) -> ParsedEvent:
    """Return the canonical form of an event.

    Parameters
    ----------
    kind, payload
        As the client sent them; nothing about their types is taken for granted.
    cine : Cine
        Gives the number of frames, rows and columns.
    labels : Mapping[str, Label]
        Labels of the campaign's schema by code.

    Raises
    ------
    InvalidInput
        With the code of the first thing that is wrong.
    """
    if not isinstance(kind, str) or kind not in EventKind.values:
        raise InvalidInput(f"An event is one of {', '.join(EventKind.values)}.", code="unknown_event_kind")
    if not isinstance(payload, dict):
        raise InvalidInput("The payload of an event is an object.", code="invalid_payload")
    parsers: dict[str, Callable[[dict[str, Any], Bounds], ParsedEvent]] = {
        EventKind.PROMPT: _parse_prompt,
        EventKind.EDIT: _parse_edit,
        EventKind.RELABEL: _parse_relabel,
        EventKind.PROPAGATE: _parse_propagate,
        EventKind.ACCEPT: _parse_accept,
        EventKind.UNDO: _parse_undo,
        EventKind.REDO: _parse_redo,
    }
    return parsers[kind](payload, Bounds(cine, labels))


def _take(payload: dict[str, Any], kind: EventKind, *names: str, optional: tuple[str, ...] = ()) -> list[Any]:
    """Return the values of the named fields; refuse a missing or an unknown one."""
    unknown = sorted(set(payload) - set(names) - set(optional), key=str)
    missing = [name for name in names if name not in payload]
    if missing:
        raise InvalidInput(
            f"A {kind} event needs the field {missing[0]!r}.",
            code="invalid_payload",
            details={"field": missing[0]},
        )
    if unknown:
        raise InvalidInput(
            f"A {kind} event has no field {unknown[0]!r}.",
            code="invalid_payload",
            details={"field": str(unknown[0])},
        )
    return [payload.get(name) for name in (*names, *optional)]


def _integer(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, f"The field {field!r} is a whole number.")
    return value


def _event_id(value: object, field: str) -> uuid.UUID:
    try:
        if isinstance(value, str):
            return uuid.UUID(value)
    except ValueError:
        pass
    raise wrong(field, f"The field {field!r} is the id of an event.")


def _frame(value: object, field: str, bounds: Bounds) -> int:
    frame_index = _integer(value, field)
    count = bounds.cine.frame_count
    if not 0 <= frame_index < count:
        raise InvalidInput(
            f"There is no frame {frame_index + 1}: the cine has {count} "
            f"frame{'' if count == 1 else 's'}, numbered from 1.",
            code="frame_out_of_range",
            details={"frame_index": frame_index, "frame_count": count},
        )
    return frame_index


def _frames(value: object, bounds: Bounds) -> list[int]:
    if not isinstance(value, list) or not value:
        raise wrong("frame_indices", "The field 'frame_indices' is a list of at least one frame.")
    if len(value) > bounds.cine.frame_count:
        raise wrong("frame_indices", "A frame is named once.")
    frames = sorted(_frame(index, "frame_indices", bounds) for index in value)
    if len(set(frames)) != len(frames):
        raise wrong("frame_indices", "A frame is named once.")
    return frames


def _label(value: object, field: str, bounds: Bounds) -> Label:
    if not isinstance(value, str):
        raise wrong(field, f"The field {field!r} is the code of a label.")
    label = bounds.labels.get(value)
    if label is None:
        raise InvalidInput(
            f"The campaign has no label {value[:64]!r}; it has {', '.join(bounds.labels)}.",
            code="unknown_label",
            details={"label": value[:64], "labels": list(bounds.labels)},
        )
    return label


def _parse_prompt(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    raw_frame, raw_label, raw_points, raw_box, raw_line, raw_text, raw_window = _take(
        payload, EventKind.PROMPT, "frame_index", "label", "points", optional=("box", "line", "text", "window")
    )
    frame_index = _frame(raw_frame, "frame_index", bounds)
    label = _label(raw_label, "label", bounds)
    points = parse_points(raw_points, bounds.cine)
    box = parse_box(raw_box, bounds.cine)
    line = parse_line(raw_line, bounds.cine)
    if box is not None and line is not None:
        raise InvalidInput("A line means a box, so a prompt has one or the other.", code="box_and_line")
    text = parse_text(raw_text)
    if text is not None and (points or box is not None or line is not None):
        raise InvalidInput("A text asks alone: its prompt has no points, box or line.", code="text_and_places")
    if not points and box is None and line is None and text is None:
        raise InvalidInput("A prompt has at least one point, a box, a line or a text.", code="empty_prompt")
    canonical: dict[str, Any] = {"frame_index": frame_index, "label": label.code, "points": points, "box": box}
    if line is not None:
        # Named only where there is one: so resent events from before there were lines stay what they were.
        canonical["line"] = line
    if text is not None:
        canonical["text"] = text
    window = parse_window(raw_window, bounds.cine)
    if window is not None:
        canonical["window"] = window
    return ParsedEvent(EventKind.PROMPT, canonical, frame_index=frame_index, label=label)


def parse_mask(value: object, *, rows: int, columns: int) -> bytes:
    """Return the canonical RLE bytes of a base64 mask of (rows, columns).

    Raises
    ------
    InvalidInput
        `malformed_mask` when it is no mask, `mask_size_mismatch` when it is one of another size.
    """
    if not isinstance(value, str):
        raise wrong("mask", "The field 'mask' is a base64 text.")
    if len(value) > (rows * columns + HEADER.size) * 2:
        raise InvalidInput("The mask is longer than any mask of this image can be.", code="malformed_mask")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("The mask is no base64 text.", code="malformed_mask") from None
    try:
        # The header is read before anything is decoded: a claimed 65535 x 65535 costs nothing.
        header = read_header(data)
        if (header.rows, header.columns) != (rows, columns):
            raise InvalidInput(
                f"The mask is {header.columns} x {header.rows} pixels, the image {columns} x {rows}.",
                code="mask_size_mismatch",
                details={
                    "mask": {"rows": header.rows, "columns": header.columns},
                    "image": {"rows": rows, "columns": columns},
                },
            )
        return encode_mask(decode_mask(data))
    except MaskCodecError as error:
        raise InvalidInput(str(error), code="malformed_mask") from error


def _parse_edit(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    """Return an edit of one mask, or of several that are one step of the reader's."""
    if "edits" in payload:
        return _parse_edits(payload, bounds)
    raw_frame, raw_label, raw_mask, tool = _take(payload, EventKind.EDIT, "frame_index", "label", "mask", "tool")
    edit = _edited_mask(raw_frame, raw_label, raw_mask, bounds)
    canonical = {**_canonical_edit(edit), "tool": _tool(tool)}
    return ParsedEvent(EventKind.EDIT, canonical, frame_index=edit.frame_index, label=edit.label, edits=(edit,))


def _parse_edits(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    raw_edits, tool, provenance = _take(payload, EventKind.EDIT, "edits", "tool", optional=("provenance",))
    if not isinstance(raw_edits, list) or not raw_edits:
        raise wrong("edits", "The field 'edits' is a list of at least one mask.")
    if len(raw_edits) > MAX_MASKS_PER_EDIT:
        raise InvalidInput(
            f"One edit changes at most {MAX_MASKS_PER_EDIT} masks.",
            code="too_many_masks",
            details={"masks": len(raw_edits), "limit": MAX_MASKS_PER_EDIT},
        )
    if provenance is None:
        provenance = Provenance.HUMAN.value
    if provenance not in DRAWN_PROVENANCES:
        raise wrong("provenance", f"The provenance of an edit is one of {', '.join(DRAWN_PROVENANCES)}.")
    edits = []
    for raw in raw_edits:
        if not isinstance(raw, dict) or set(raw) != {"frame_index", "label", "mask"}:
            raise wrong("edits", "A mask of an edit has exactly the fields frame_index, label and mask.")
        edits.append(_edited_mask(raw["frame_index"], raw["label"], raw["mask"], bounds))
    if len({(edit.frame_index, edit.label.code) for edit in edits}) != len(edits):
        raise wrong("edits", "An edit changes a label on a frame once.")
    canonical = {"edits": [_canonical_edit(edit) for edit in edits], "tool": _tool(tool), "provenance": provenance}
    return ParsedEvent(EventKind.EDIT, canonical, edits=tuple(edits), provenance=Provenance(provenance))


def _edited_mask(frame_index: object, label: object, mask: object, bounds: Bounds) -> EditedMask:
    return EditedMask(
        frame_index=_frame(frame_index, "frame_index", bounds),
        label=_label(label, "label", bounds),
        mask=parse_mask(mask, rows=bounds.cine.rows, columns=bounds.cine.columns),
    )


def _canonical_edit(edit: EditedMask) -> dict[str, Any]:
    mask = base64.b64encode(edit.mask).decode()
    return {"frame_index": edit.frame_index, "label": edit.label.code, "mask": mask}


def _tool(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TOOL_LENGTH or not value.isprintable():
        raise wrong("tool", f"The field 'tool' is a name of 1 to {MAX_TOOL_LENGTH} letters.")
    return value


def _parse_relabel(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    raw_label, raw_to, raw_frames = _take(payload, EventKind.RELABEL, "label", "to", "frame_indices")
    label, to = _label(raw_label, "label", bounds), _label(raw_to, "to", bounds)
    if label.code == to.code:
        raise InvalidInput("A mask is given to another label than its own.", code="same_label")
    frames = _frames(raw_frames, bounds)
    canonical = {"label": label.code, "to": to.code, "frame_indices": frames}
    return ParsedEvent(EventKind.RELABEL, canonical, labels=(label, to), frames=tuple(frames))


def _parse_propagate(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    raw_labels, raw_frame, raw_start, raw_stop, direction, raw_resumes, raw_window = _take(
        payload,
        EventKind.PROPAGATE,
        "labels",
        "frame_index",
        "start",
        "stop",
        "direction",
        optional=("resumes", "window"),
    )
    if not isinstance(raw_labels, list) or not raw_labels:
        raise wrong("labels", "The field 'labels' is a list of at least one label.")
    labels = tuple(_label(code, "labels", bounds) for code in raw_labels)
    if len({label.code for label in labels}) != len(labels):
        raise wrong("labels", "A label is named once.")
    frame_index = _frame(raw_frame, "frame_index", bounds)
    start, stop = _frame(raw_start, "start", bounds), _frame(raw_stop, "stop", bounds)
    if direction not in DIRECTIONS:
        raise wrong("direction", f"The direction is one of {', '.join(DIRECTIONS)}.")
    if not start <= frame_index <= stop:
        raise InvalidInput(
            f"Frame {frame_index + 1}, from which to propagate, is not between frames {start + 1} and {stop + 1}.",
            code="invalid_range",
            details={"frame_index": frame_index, "start": start, "stop": stop},
        )
    resumes = None if raw_resumes is None else _event_id(raw_resumes, "resumes")
    canonical: dict[str, Any] = {
        "labels": [label.code for label in labels],
        "frame_index": frame_index,
        "start": start,
        "stop": stop,
        "direction": direction,
    }
    if resumes is not None:
        canonical["resumes"] = str(resumes)
    window = parse_window(raw_window, bounds.cine)
    if window is not None:
        canonical["window"] = window
    return ParsedEvent(EventKind.PROPAGATE, canonical, frame_index=frame_index, labels=labels, resumes=resumes)


def _parse_accept(payload: dict[str, Any], bounds: Bounds) -> ParsedEvent:
    raw_frames, accepted = _take(payload, EventKind.ACCEPT, "frame_indices", "accepted")
    frames = _frames(raw_frames, bounds)
    if not isinstance(accepted, bool):
        raise wrong("accepted", "The field 'accepted' is true or false.")
    return ParsedEvent(EventKind.ACCEPT, {"frame_indices": frames, "accepted": accepted})


def _parse_reversal(payload: dict[str, Any], kind: EventKind) -> ParsedEvent:
    # A tab that is offline does not know yet which id its own event is going to get.
    if "target_client" in payload:
        (named,) = _take(payload, kind, "target_client")
        target_client = _event_id(named, "target_client")
        return ParsedEvent(kind, {"target_client": str(target_client)}, target_client=target_client)
    (named,) = _take(payload, kind, "target")
    target_id = _event_id(named, "target")
    return ParsedEvent(kind, {"target": str(target_id)}, target_id=target_id)


def _parse_undo(payload: dict[str, Any], _: Bounds) -> ParsedEvent:
    return _parse_reversal(payload, EventKind.UNDO)


def _parse_redo(payload: dict[str, Any], _: Bounds) -> ParsedEvent:
    return _parse_reversal(payload, EventKind.REDO)
