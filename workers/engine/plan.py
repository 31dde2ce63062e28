"""In which order a propagation looks at frames, and from which conditioning frame each is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workers.engine.errors import EngineError
from workers.engine.segmenter import LabelTrack

MAX_LABELS_AT_ONCE = 8


@dataclass(frozen=True)
class Run:
    """Frames tracked one after the other from a conditioning frame, for labels that can share each decoder pass.

    Attributes
    ----------
    start : int
        Conditioning frame of all the labels.
    frames : tuple of int
        The frames behind it, in the order of tracking.
    tracks : tuple of LabelTrack
        All with the same conditioning frames.
    """

    start: int
    frames: tuple[int, ...]
    tracks: tuple[LabelTrack, ...]


def plan_runs(tracks: Sequence[LabelTrack], passes: Sequence[Sequence[int]], frame_count: int) -> list[Run]:
    """Return the runs that answer every frame of the passes that is not kept.

    Parameters
    ----------
    tracks : sequence of LabelTrack
    passes : sequence of sequence of int
        Frames in the order of propagation; each begins with a conditioning frame of every label.
    frame_count : int
        Frames of the cine.

    Raises
    ------
    EngineError
        ``frame_out_of_range`` or ``no_conditioning``.

    Notes
    -----
    A stretch between two conditioning frames is tracked from both of its ends to its middle: a corrected frame so
    leads its neighbours on both sides, not only those that happen to come after it.
    """
    for frame in (frame for one in passes for frame in one):
        _check_frame(frame, frame_count)
    grouped: dict[tuple[int, int, int, tuple[int, ...], frozenset[int]], list[LabelTrack]] = {}
    for track in tracks:
        for frame in track.conditioning:
            _check_frame(frame, frame_count)
        for number, frames in enumerate(passes):
            for place, start, behind in _stretches(frames, track):
                key = (number, place, start, behind, frozenset(track.conditioning))
                grouped.setdefault(key, []).append(track)
    ordered = sorted(grouped.items(), key=lambda item: item[0][:2])
    return [
        Run(start, behind, tuple(group[first : first + MAX_LABELS_AT_ONCE]))
        for (_, _, start, behind, _), group in ordered
        for first in range(0, len(group), MAX_LABELS_AT_ONCE)
    ]


def nearest_conditioning(conditioning: Mapping[int, str], frame_index: int, start: int, most: int) -> list[int]:
    """Return at most `most` conditioning frames: the one a run starts from, then the nearest to a frame."""
    others = sorted(conditioning.keys() - {start}, key=lambda frame: (abs(frame - frame_index), frame))
    return [start, *others][:most]


def _stretches(frames: Sequence[int], track: LabelTrack) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (place in the pass, conditioning frame, frames tracked from it) for one label and one pass."""
    if not frames:
        return []
    if frames[0] not in track.conditioning:
        message = f"There is no mask of {track.label} on frame {frames[0] + 1} to propagate from."
        raise EngineError(message, code="no_conditioning")
    known = [place for place, frame in enumerate(frames) if frame in track.conditioning]
    found = []
    for here, there in zip(known, [*known[1:], len(frames)], strict=True):
        between = list(frames[here + 1 : there])
        reaches_other = there < len(frames)
        middle = (len(between) + 1) // 2 if reaches_other else len(between)
        found.append((here, frames[here], _trimmed(between[:middle], track.keep)))
        if reaches_other:
            found.append((there, frames[there], _trimmed(between[middle:][::-1], track.keep)))
    # A conditioning frame leads one stretch backwards and one forwards: the backward one comes first.
    return [entry for entry in found if entry[2]]


def _trimmed(frames: list[int], keep: frozenset[int]) -> tuple[int, ...]:
    """Return the frames without the last ones that need no answer."""
    while frames and frames[-1] in keep:
        frames = frames[:-1]
    return tuple(frames)


def _check_frame(frame: int, frame_count: int) -> None:
    if not 0 <= frame < frame_count:
        raise EngineError(f"The cine has no frame {frame + 1}; it has {frame_count}.", code="frame_out_of_range")
