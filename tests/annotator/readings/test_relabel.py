"""Relabelling: one event moves masks from a label to another, and what is known of them goes along."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from numpy.typing import NDArray

from annotator.core import blobs
from annotator.core.errors import IllegalTransition, InvalidInput
from annotator.readings.models import Mask, Provenance, Reading, ReadingEvent
from annotator.readings.selectors import accepted_masks, current_masks, hidden_masks, locked_frames, prompts_of
from annotator.readings.selectors.masks import CurrentMask
from annotator.readings.services import record_mask
from tests import machine
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    CHECKPOINT,
    COLUMNS,
    FRAMES,
    ROWS,
    Tab,
    click,
    drawing,
    drawings,
    label_of,
    make_reading,
    propagation,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker", "hints")]
CASES = json.loads((machine.ROOT / "frontend/src/testing/relabel.json").read_text())


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def relabel(*frames: int, label: str = ARTERY, to: str = CATHETER, **changes: Any) -> dict[str, Any]:
    """Return the payload of a relabelling."""
    return {"label": label, "to": to, "frame_indices": list(frames), **changes}


def pixels(*columns: int) -> NDArray[np.bool_]:
    """Return a mask with pixels of its second row."""
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[1, list(columns)] = True
    return mask


def put(tab: Tab, provenance: str, mask: NDArray[np.bool_], *, frame: int, label: str) -> None:
    """Leave a mask of a provenance, by hand or as a worker's answer."""
    if provenance in ("HUMAN", "INTERPOLATED"):
        tab.send("edit", drawings(drawing(mask, frame=frame, label=label), provenance=provenance))
        return
    asked = {"MODEL": ("prompt", click(frame=frame, label=label)), "PROPAGATED": ("propagate", propagation())}
    if provenance == "PROPAGATED":
        tab.send("edit", drawing(pixels(0), frame=FRAMES - 1))
        asked["PROPAGATED"] = ("propagate", propagation(FRAMES - 1))
    event = tab.send(*asked[provenance]).event
    record_mask(
        event=event,
        label=label_of(tab.reading, label),
        frame_index=frame,
        mask=encode_mask(mask),
        provenance=Provenance(provenance),
        base_revision=tab.revision,
        score=0.75,
        checkpoint=CHECKPOINT,
        window=[3.0, 200.0],
    )


def now(reading: Reading) -> dict[tuple[str, int], CurrentMask]:
    """Return the current masks."""
    return {(mask.label, mask.frame_index): mask for mask in current_masks(reading)}


def shown(mask: CurrentMask) -> NDArray[np.bool_]:
    """Return the pixels of a mask."""
    return decode_mask(blobs.get_bytes(mask.blob or ""))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_provenance_goes_along(reading: Reading, case: dict[str, Any]) -> None:
    """The cases that the editor's own fold is held to as well: what the taker has, and what is left empty."""
    tab = Tab(reading)
    put(tab, case["given"][0], pixels(*case["given"][1]), frame=0, label=ARTERY)
    if case["joined"]:
        put(tab, case["joined"][0], pixels(*case["joined"][1]), frame=0, label=CATHETER)
    before = now(reading)
    result = tab.send("relabel", relabel(0))
    after = now(reading)
    taken, left = after[CATHETER, 0], after[ARTERY, 0]
    assert taken.provenance == case["taken"][0]
    assert (shown(taken) == pixels(*case["taken"][1])).all()
    assert (left.area, left.provenance) == (0, case["given"][0])
    assert {(mask.label, mask.frame_index) for mask in result.masks} == {(ARTERY, 0), (CATHETER, 0)}
    tab.undo(result)
    assert now(reading) == before
    tab.redo(result)
    assert now(reading) == after


def test_what_a_model_said_of_its_mask_goes_along(reading: Reading) -> None:
    """Score, checkpoint and window; a mask put together of two has no score."""
    tab = Tab(reading)
    put(tab, "MODEL", pixels(1), frame=0, label=ARTERY)
    tab.send("relabel", relabel(0))
    taken = now(reading)[CATHETER, 0]
    assert (taken.score, taken.checkpoint, taken.window) == (0.75, CHECKPOINT, [3.0, 200.0])
    put(tab, "HUMAN", pixels(4), frame=0, label=ARTERY)
    tab.send("relabel", relabel(0, label=CATHETER, to=ARTERY))
    both = now(reading)[ARTERY, 0]
    assert (both.provenance, both.score, both.checkpoint, both.area) == ("MODEL", None, CHECKPOINT, 2)


def test_a_relabelling_is_one_event_of_all_its_frames(reading: Reading) -> None:
    """One seq, one undo; other frames and a resend change nothing."""
    tab = Tab(reading)
    for frame in range(FRAMES):
        tab.send("edit", drawing(square(frame, 2), frame=frame))
    before, named = now(reading), uuid.uuid4()
    result = tab.send("relabel", relabel(3, 1, 2), client_uuid=named)
    assert result.event.payload["frame_indices"] == [1, 2, 3]
    assert result.event.seq == FRAMES + 1 == reading.revision
    after = now(reading)
    assert [after[CATHETER, frame].area for frame in (1, 2, 3)] == [16, 16, 16]
    assert {pair for pair, mask in after.items() if mask.area} == {
        *((ARTERY, frame) for frame in (0, 4, 5)),
        *((CATHETER, frame) for frame in (1, 2, 3)),
    }
    count = Mask.objects.count()
    again = tab.send("relabel", relabel(1, 2, 3), client_uuid=named)
    assert (again.created, again.masks, Mask.objects.count()) == (False, result.masks, count)
    tab.undo(result)
    assert now(reading) == before


def test_prompts_of_both_labels_are_retired(reading: Reading) -> None:
    """They explain neither mask any more, until the relabelling is undone."""
    tab = Tab(reading)
    put(tab, "MODEL", pixels(1), frame=0, label=ARTERY)
    put(tab, "MODEL", pixels(2), frame=0, label=CATHETER)
    labels = [label_of(reading, code) for code in (ARTERY, CATHETER)]
    result = tab.send("relabel", relabel(0))
    assert [prompts_of(reading, 0, label).points for label in labels] == [[], []]
    tab.undo(result)
    assert [len(prompts_of(reading, 0, label).points) for label in labels] == [1, 1]


def test_nothing_is_claimed_of_frames_that_nobody_looked_at(reading: Reading) -> None:
    """A propagated mask is as open to the next propagation, and as far from a dataset, as it was."""
    tab = Tab(reading)
    put(tab, "PROPAGATED", pixels(1), frame=0, label=ARTERY)
    tab.send("relabel", relabel(0))
    locked = locked_frames(reading)
    assert (0 in locked[ARTERY], 0 in locked[CATHETER]) == (False, False)
    assert {(mask.label, mask.frame_index) for mask in accepted_masks(reading)} == {(ARTERY, FRAMES - 1)}
    tab.send("accept", {"frame_indices": [0], "accepted": True})
    assert {(mask.label, mask.frame_index, mask.area) for mask in accepted_masks(reading)} >= {
        (ARTERY, 0, 0),
        (CATHETER, 0, 1),
    }


def test_a_relabelled_drawing_beneath_another_can_be_fetched(reading: Reading) -> None:
    """Its event does not carry its pixels, unlike an edit."""
    tab = Tab(reading)
    tab.send("edit", drawing(square()))
    tab.send("relabel", relabel(0))
    tab.send("edit", drawing(square(8, 8), label=CATHETER))
    assert [(mask.label, mask.event_seq, mask.provenance) for mask in hidden_masks(reading)] == [(CATHETER, 2, "HUMAN")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (relabel(0, to=ARTERY), "same_label"),
        (relabel(0, to="aorta"), "unknown_label"),
        (relabel(0, label=7), "invalid_payload"),
        (relabel(), "invalid_payload"),
        (relabel(0, 0), "invalid_payload"),
        (relabel(FRAMES), "frame_out_of_range"),
        (relabel(-1), "frame_out_of_range"),
        (relabel(0, frame_indices="all"), "invalid_payload"),
        (relabel(0, frame_indices=[0.5]), "invalid_payload"),
        (relabel(0, tool="brush"), "invalid_payload"),
        ({"label": ARTERY, "to": CATHETER}, "invalid_payload"),
    ],
)
def test_a_bad_relabelling_changes_nothing(reading: Reading, payload: dict[str, Any], code: str) -> None:
    """And says what is wrong."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    with pytest.raises(InvalidInput) as refused:
        tab.send("relabel", payload)
    assert refused.value.code == code
    reading.refresh_from_db()
    assert reading.revision == 1


def test_a_frame_without_a_mask_refuses_all_of_it(reading: Reading) -> None:
    """Never drawn or emptied since: nothing is moved on the other frames either."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.send("edit", drawing(square(side=0), frame=1))
    for frame in (1, 2):
        with pytest.raises(IllegalTransition) as refused:
            tab.send("relabel", relabel(0, frame))
        assert refused.value.code == "no_mask_to_relabel"
        assert refused.value.details == {"label": ARTERY, "frame_index": frame}
    assert Mask.objects.count() == 2


def test_the_log_is_append_only_still(reading: Reading) -> None:
    """The migration that taught the log its new kind has kept the database's own guard."""
    Tab(reading).send("edit", drawing())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ReadingEvent.objects.update(seq=7)
