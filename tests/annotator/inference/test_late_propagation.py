"""A propagation that arrives while the reader works on never takes anything away."""

from __future__ import annotations

from typing import Any

import pytest

from annotator.core import blobs
from annotator.readings.models import Mask, Reading
from annotator.readings.selectors import current_masks
from tests.annotator.inference.helpers import asked, frames_of, job_of, spread, standing_of
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    FRAMES,
    Tab,
    click,
    drawing,
    make_reading,
    propagation,
    square,
)
from workers.protocol.rle import decode_mask, read_header

pytestmark = pytest.mark.django_db

LAST = FRAMES - 1


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def accept(*frames: int, accepted: bool = True) -> dict[str, Any]:
    """Return the payload that accepts frames or takes it back."""
    return {"frame_indices": list(frames), "accepted": accepted}


def test_frames_drawn_prompted_or_accepted_meanwhile_stay_as_they_are(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """The job counts them as answered and so ends; no socket is shown what was not recorded."""
    tab, result, request = spread(reading, broker)
    tab.send("edit", drawing(square(9, 5), frame=1))
    tab.send("edit", drawing(square(side=0), frame=2))
    tab.send("accept", accept(3))
    tab.send("prompt", click(9, 9, frame=4))
    worker.predict(asked(broker))
    before = current_masks(reading)
    hints.sent.clear()
    worker.propagate(request)
    assert standing_of(result) == ("DONE", LAST, LAST, "")
    assert [mask for mask in current_masks(reading) if mask.frame_index != 5] == before
    assert frames_of(reading) == {0: "HUMAN", 1: "HUMAN", 2: "HUMAN", 4: "MODEL", 5: "PROPAGATED"}
    assert [read_header(data).frame_index for data in hints.masks()] == [5]
    assert sorted(job_of(result).skipped) == [[ARTERY, frame] for frame in (1, 2, 3, 4)]


def test_a_skipped_frame_that_comes_twice_counts_once(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Else the job would end before its last mask."""
    tab, result, request = spread(reading, broker)
    tab.send("edit", drawing(frame=1))
    for _ in range(2):
        worker.answer(request, ARTERY, 1, square(), done=1, total=LAST)
    assert standing_of(result) == ("RUNNING", 1, LAST, "")


def test_a_frame_accepted_with_an_earlier_propagation_keeps_it(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """What the reader has accepted is what was seen."""
    tab, _, _ = spread(reading, broker)
    worker.serve(broker)
    tab.send("edit", drawing(square(7, 7)))
    tab.send("propagate", propagation())
    tab.send("accept", accept(2))
    before = {mask.frame_index: mask.blob for mask in current_masks(reading)}
    worker.serve(broker)
    after = {mask.frame_index: mask.blob for mask in current_masks(reading)}
    assert {frame for frame in after if after[frame] != before[frame]} == {1, 3, 4, 5}


def test_what_was_taken_back_in_time_is_no_obstacle(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """An edit undone, an acceptance undone or taken back before the masks arrive."""
    tab, result, request = spread(reading, broker)
    tab.undo(tab.send("edit", drawing(frame=1)))
    tab.undo(tab.send("accept", accept(2)))
    tab.send("accept", accept(3))
    tab.send("accept", accept(3, accepted=False))
    worker.propagate(request)
    assert frames_of(reading) == {0: "HUMAN", **dict.fromkeys(range(1, FRAMES), "PROPAGATED")}
    assert job_of(result).skipped == []


def test_drawing_guards_its_label_and_accepting_guards_all(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """A frame drawn for one label takes the other's mask; an accepted one takes none."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(1, 1)))
    tab.send("edit", drawing(square(5, 5), label=CATHETER))
    tab.send("propagate", propagation(labels=(ARTERY, CATHETER)))
    request = asked(broker)
    tab.send("edit", drawing(frame=1))
    tab.send("accept", accept(2))
    worker.propagate(request)
    assert frames_of(reading, ARTERY) == {0: "HUMAN", 1: "HUMAN", 3: "PROPAGATED", 4: "PROPAGATED", 5: "PROPAGATED"}
    assert frames_of(reading, CATHETER) == {
        0: "HUMAN",
        1: "PROPAGATED",
        3: "PROPAGATED",
        4: "PROPAGATED",
        5: "PROPAGATED",
    }


def test_an_older_propagation_does_not_cover_a_newer_one(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """Its masks are recorded beneath, and not shown; undo of the newer one brings them up."""
    tab, _, older = spread(reading, broker)
    tab.send("edit", drawing(square(8, 6)))
    second = tab.send("propagate", propagation())
    worker.propagate(asked(broker))
    before = current_masks(reading)
    hints.sent.clear()
    worker.propagate(older)
    assert current_masks(reading) == before
    assert hints.masks() == []
    tab.undo(second)
    seqs = {mask.frame_index: mask.event_seq for mask in current_masks(reading)}
    assert seqs == {0: 3, **dict.fromkeys(range(1, FRAMES), 2)}


def test_a_prediction_does_not_cover_a_later_stroke(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker, hints: Hints
) -> None:
    """It is there when the stroke is undone."""
    tab = Tab(reading)
    prompt = tab.send("prompt", click())
    stroke = tab.send("edit", drawing(square(8, 6)))
    hints.sent.clear()
    worker.serve(broker)
    assert frames_of(reading) == {0: "HUMAN"}
    assert hints.masks() == []
    assert standing_of(prompt) == ("DONE", 1, 1, "")
    tab.undo(stroke)
    assert frames_of(reading) == {0: "MODEL"}


def test_a_prompt_on_an_accepted_frame_is_the_readers_own_wish(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """It replaces the mask; the acceptance stays until it is taken back."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    tab.send("accept", accept(0))
    tab.send("prompt", click(12.5, 2.5))
    worker.serve(broker)
    (current,) = current_masks(reading)
    assert (current.provenance, current.accepted) == ("MODEL", True)
    assert current.blob is not None
    assert decode_mask(blobs.get_bytes(current.blob))[2, 12]


def test_a_stroke_over_a_propagated_mask_leaves_both_on_record(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Nothing is ever overwritten: what is hidden is still a row."""
    tab, _, request = spread(reading, broker)
    worker.propagate(request)
    tab.send("edit", drawing(square(9, 5), frame=1))
    assert Mask.objects.filter(frame_index=1).count() == 2
    assert frames_of(reading)[1] == "HUMAN"
