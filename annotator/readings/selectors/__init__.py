"""What can be asked of readings; every list begins from `visible_to(user)`."""

from .comparison import labels_left_out, masks_beside, model_answers, other_of, others_of
from .hidden import hidden_masks
from .lines import box_of_line, length_of_line
from .log import StandingPrompts, accepted_frames, events_of, last_window, prompts_of, undone_event_ids
from .masks import (
    AcceptedMask,
    CurrentMask,
    Pair,
    accepted_masks,
    changed_pairs,
    conditioning_frames,
    current_masks,
    is_accepted,
    locked_frames,
    touched_pairs,
)
from .progress import Progress, progress_of, summarise_events
from .readings import accepted_readings, labels_by_code, visible_reading, visible_to
from .worklist import NEW, Standing, WorklistRow, worklist_of, worklist_rows

__all__ = [
    "NEW",
    "AcceptedMask",
    "CurrentMask",
    "Pair",
    "Progress",
    "Standing",
    "StandingPrompts",
    "WorklistRow",
    "accepted_frames",
    "accepted_masks",
    "accepted_readings",
    "box_of_line",
    "changed_pairs",
    "conditioning_frames",
    "current_masks",
    "events_of",
    "hidden_masks",
    "is_accepted",
    "labels_by_code",
    "labels_left_out",
    "last_window",
    "length_of_line",
    "locked_frames",
    "masks_beside",
    "model_answers",
    "other_of",
    "others_of",
    "progress_of",
    "prompts_of",
    "summarise_events",
    "touched_pairs",
    "undone_event_ids",
    "visible_reading",
    "visible_to",
    "worklist_of",
    "worklist_rows",
]
