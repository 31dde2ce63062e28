"""What a stopped propagation has left to do: everything but the masks that it brought before it was stopped."""

from __future__ import annotations

import uuid
from collections import defaultdict

from annotator.core.errors import IllegalTransition, InvalidInput
from annotator.inference.models import InferenceJob
from annotator.readings.models import EventKind, Mask, ReadingEvent
from annotator.readings.selectors import undone_event_ids

RESUMES = "resumes"


def frames_done(event: ReadingEvent) -> defaultdict[str, set[int]]:
    """Return, by label code, the 0-based frames that the propagations which an event resumes have brought.

    Parameters
    ----------
    event : ReadingEvent
        A propagation; one that resumes none has nothing done.

    Raises
    ------
    InvalidInput
        `unknown_event` when the reading has no such propagation, `resume_mismatch` when it was about other frames or
        labels.
    IllegalTransition
        `already_undone` when it stands undone, `job_still_active` when it still runs.

    Notes
    -----
    A propagation may be stopped and resumed again and again. One in between that was undone since has left nothing.
    """
    done: defaultdict[str, set[int]] = defaultdict(set)
    if RESUMES not in event.payload:
        return done
    undone = undone_event_ids(event.reading, as_of=event.seq)
    chain: list[uuid.UUID] = []
    link: ReadingEvent | None = _resumed_by(event, undone)
    while link is not None:
        chain.append(link.pk)
        link = _find(event, link.payload.get(RESUMES))
    masks = Mask.objects.filter(event_id__in=set(chain) - undone)
    for code, frame in masks.values_list("segmentation__label__code", "frame_index"):
        done[code].add(frame)
    return done


def _resumed_by(event: ReadingEvent, undone: set[uuid.UUID]) -> ReadingEvent:
    """Return the propagation that an event resumes, having checked that it can be."""
    resumed = _find(event, event.payload[RESUMES])
    if resumed is None:
        raise InvalidInput(
            "The reading has no such propagation to go on with.",
            code="unknown_event",
            details={RESUMES: event.payload[RESUMES]},
        )
    if resumed.pk in undone:
        raise IllegalTransition("That propagation is undone; start a new one.", code="already_undone")
    if _scope(resumed) != _scope(event):
        raise InvalidInput(
            "A resumed propagation has the labels, the range and the direction of the one that was stopped.",
            code="resume_mismatch",
            details={"resumed": _scope(resumed)},
        )
    job = InferenceJob.objects.filter(event=resumed).first()
    if job is not None and job.is_active:
        raise IllegalTransition("That propagation still runs; stop it first.", code="job_still_active")
    return resumed


def _find(event: ReadingEvent, event_id: str | None) -> ReadingEvent | None:
    if event_id is None:
        return None
    found = ReadingEvent.objects.filter(reading=event.reading, kind=EventKind.PROPAGATE, pk=event_id)
    return found.exclude(pk=event.pk).first()


def _scope(event: ReadingEvent) -> dict[str, object]:
    return {name: value for name, value in event.payload.items() if name != RESUMES}
