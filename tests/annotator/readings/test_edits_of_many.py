"""One step of a reader's may change many masks: it is one event, and one undo takes all of it back."""

from __future__ import annotations

import uuid

import pytest

from annotator.core import blobs
from annotator.core.errors import IllegalTransition
from annotator.readings.models import Provenance, Reading, ReadingEvent
from annotator.readings.selectors import accepted_masks, conditioning_frames, current_masks, prompts_of
from annotator.readings.services import record_mask, submit_reading
from tests.annotator.inference_fixtures import Hints
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    Tab,
    click,
    drawing,
    drawings,
    label_of,
    make_reading,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask, read_header

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def areas(reading: Reading) -> dict[tuple[str, int], int]:
    """Return the areas of the current masks."""
    return {(mask.label, mask.frame_index): mask.area for mask in current_masks(reading)}


def test_one_undo_takes_back_every_mask(reading: Reading, hints: Hints) -> None:
    """A label is divided, on two frames; undo and redo move all four masks at once."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(side=4), frame=1))
    before = areas(reading)
    drawn = (
        drawing(square(side=2), frame=1),
        drawing(square(6, 6, side=2), frame=1, label=CATHETER),
        drawing(square(side=3), frame=2),
        drawing(square(side=0), frame=3, label=CATHETER),
    )
    result = tab.send("edit", drawings(*drawn))
    after = {(ARTERY, 1): 4, (CATHETER, 1): 4, (ARTERY, 2): 9, (CATHETER, 3): 0}
    assert areas(reading) == after
    assert {(mask.label, mask.frame_index): mask.area for mask in result.masks} == after
    assert {mask.provenance for mask in result.masks} == {"HUMAN"}
    assert [read_header(sent).frame_index for sent in hints.masks()][-4:] == [1, 1, 2, 3]
    undone = tab.undo(result)
    assert areas(reading) == before
    assert {(mask.label, mask.frame_index): mask.area for mask in undone.masks} == {
        **dict.fromkeys(after, 0),
        (ARTERY, 1): 16,
    }
    tab.redo(result)
    assert areas(reading) == after
    assert ReadingEvent.objects.filter(reading=reading, kind="edit").count() == 2


def test_a_resend_of_many_masks_is_answered_again(reading: Reading) -> None:
    """The canonical payload compares equal, and the masks of the answer are the same."""
    tab, client_uuid = Tab(reading), uuid.uuid4()
    payload = drawings(drawing(frame=0), drawing(square(5, 5), frame=1))
    first = tab.send("edit", payload, client_uuid=client_uuid)
    tab.send("edit", drawing(square(side=0), frame=0))
    again = tab.send("edit", payload, client_uuid=client_uuid)
    assert (again.event, again.revision, again.masks) == (first.event, 1, first.masks)
    assert not again.created


def test_prompts_are_retired_on_exactly_the_frames_drawn_on(reading: Reading) -> None:
    """An edit of many masks counts for each of its pairs, and undone for none."""
    tab = Tab(reading)
    for label, frame in ((ARTERY, 0), (CATHETER, 0), (ARTERY, 1), (ARTERY, 2)):
        tab.send("prompt", click(frame=frame, label=label))
    drawn = tab.send("edit", drawings(drawing(frame=0), drawing(frame=2)))

    def standing() -> list[int]:
        pairs = ((ARTERY, 0), (CATHETER, 0), (ARTERY, 1), (ARTERY, 2))
        return [len(prompts_of(reading, frame, label_of(reading, label)).points) for label, frame in pairs]

    assert standing() == [0, 1, 1, 0]
    tab.undo(drawn)
    assert standing() == [1, 1, 1, 1]


def test_what_is_interpolated_is_known_as_such(reading: Reading, hints: Hints) -> None:
    """It guides no propagation and is learnt from only once accepted."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.send("edit", drawings(drawing(frame=1), drawing(frame=2), provenance="INTERPOLATED", tool="interpolate"))
    assert [mask.provenance for mask in current_masks(reading)] == ["HUMAN", "INTERPOLATED", "INTERPOLATED"]
    assert [read_header(sent).status for sent in hints.masks()] == [0, 3, 3]
    assert [frame for frame, _ in conditioning_frames(reading, label_of(reading))] == [0]
    tab.send("accept", {"frame_indices": [2], "accepted": True})
    submit_reading(reading=reading, actor=reading.reader, base_revision=tab.revision)
    reading.refresh_from_db()
    assert [mask.frame_index for mask in accepted_masks(reading)] == [0, 2]


@pytest.mark.parametrize("lock", ["drawn", "emptied", "prompted", "accepted"])
def test_interpolation_never_replaces_a_key_frame(reading: Reading, lock: str) -> None:
    """What was drawn, emptied, prompted or accepted stands, and nothing of the step is kept."""
    tab = Tab(reading)
    if lock == "drawn":
        tab.send("edit", drawing(square(5, 5), frame=2))
    elif lock == "emptied":
        tab.send("edit", drawing(square(side=0), frame=2))
    elif lock == "prompted":
        event = tab.send("prompt", click(frame=2)).event
        record_mask(
            event=event,
            label=label_of(reading),
            frame_index=2,
            mask=encode_mask(square()),
            provenance=Provenance.MODEL,
            base_revision=1,
        )
    else:
        tab.send("edit", drawing(frame=2, label=CATHETER))
        tab.send("accept", {"frame_indices": [2], "accepted": True})
    before, revision = areas(reading), reading.revision
    with pytest.raises(IllegalTransition) as refused:
        tab.send("edit", drawings(drawing(frame=1), drawing(frame=2), provenance="INTERPOLATED"))
    assert refused.value.code == "frame_locked"
    assert refused.value.details == {"label": ARTERY, "frame_index": 2}
    assert areas(reading) == before
    reading.refresh_from_db()
    assert reading.revision == revision
    tab.send("edit", drawings(drawing(frame=1), drawing(frame=3), provenance="INTERPOLATED"))


def test_masks_of_one_step_are_canonical(reading: Reading) -> None:
    """Each is stored as its own blob, equal masks as one."""
    mask = square(1, 2)
    Tab(reading).send("edit", drawings(drawing(mask, frame=0), drawing(mask, frame=4)))
    blob, other = (current.blob or "" for current in current_masks(reading))
    assert blob == other
    assert (decode_mask(blobs.get_bytes(blob)) == mask).all()
