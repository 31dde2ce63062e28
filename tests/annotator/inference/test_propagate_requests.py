"""What a worker is asked when a reader propagates: passes, conditioning frames, and the frames to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from annotator.core.errors import DomainError
from annotator.inference.models import InferenceJob
from annotator.inference.services import redispatch_job
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.selectors import current_masks
from tests.annotator.inference.helpers import asked, job_of, spread, standing_of
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

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def accept(*frames: int) -> dict[str, Any]:
    """Return the payload that accepts frames."""
    return {"frame_indices": list(frames), "accepted": True}


def conditioning_of(request: Any, label: str = ARTERY) -> dict[int, str]:
    """Return {frame index: digest} of the masks that guide a label."""
    (entry,) = [entry for entry in request.labels if entry["label"] == label]
    return {held["frame_index"]: held["mask"] for held in entry["conditioning"]}


def blobs_of(reading: Reading, label: str = ARTERY) -> dict[int, str | None]:
    """Return {frame index: digest} of the current masks of a label."""
    return {mask.frame_index: mask.blob for mask in current_masks(reading) if mask.label == label}


@pytest.mark.parametrize(
    ("direction", "start", "frame", "stop", "passes"),
    [
        ("forward", 0, 0, 5, [[0, 1, 2, 3, 4, 5]]),
        ("forward", 0, 3, 5, [[3, 4, 5]]),
        ("forward", 2, 3, 4, [[3, 4]]),
        ("backward", 0, 3, 5, [[3, 2, 1, 0]]),
        ("backward", 2, 3, 4, [[3, 2]]),
        ("both", 0, 3, 5, [[3, 4, 5], [3, 2, 1, 0]]),
        ("both", 2, 3, 4, [[3, 4], [3, 2]]),
        ("both", 0, 0, 5, [[0, 1, 2, 3, 4, 5]]),
        ("both", 0, 5, 5, [[5, 4, 3, 2, 1, 0]]),
    ],
)
def test_the_passes_of_a_direction(
    reading: Reading, broker: MemoryBroker, direction: str, start: int, frame: int, stop: int, passes: list[list[int]]
) -> None:
    """Each pass begins where the mask is and ends with the range; a pass of nothing is left out."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=frame))
    result = tab.send("propagate", propagation(frame, start, stop, direction=direction))
    assert asked(broker).passes == passes
    assert asked(broker).keep == {ARTERY: [frame]}
    assert standing_of(result) == ("QUEUED", 0, len({one for frames in passes for one in frames}) - 1, "")


def test_who_guides_a_propagation(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Frames drawn, prompted or accepted, and the one it starts from whatever its mask comes of."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(1, 1), frame=0))
    tab.send("propagate", propagation(0))
    worker.serve(broker)
    tab.send("prompt", click(3, 3, frame=2))
    worker.serve(broker)
    tab.send("accept", accept(5))
    tab.send("propagate", propagation(4))
    request, blobs = asked(broker), blobs_of(reading)
    assert conditioning_of(request) == {frame: blobs[frame] for frame in (0, 2, 4, 5)}
    assert request.keep == {ARTERY: [0, 2, 4, 5]}
    assert request.reply_to == "results"


def test_what_is_kept_though_it_guides_nobody(reading: Reading, broker: MemoryBroker) -> None:
    """Frames cleared by hand, accepted without a mask, or whose prompt is still being computed."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.send("edit", drawing(square(side=0), frame=1))
    tab.send("accept", accept(3))
    tab.send("prompt", click(frame=4))
    result = tab.send("propagate", propagation(0))
    request = asked(broker)
    assert conditioning_of(request).keys() == {0}
    assert request.keep == {ARTERY: [0, 1, 3, 4]}
    assert standing_of(result)[2] == 2


def test_undone_work_neither_guides_nor_is_kept(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Edits, prompts and accepts that stand undone are as if they had never been."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.undo(tab.send("edit", drawing(frame=1)))
    tab.undo(tab.send("accept", accept(2)))
    tab.undo(tab.send("prompt", click(frame=3)))
    answered = tab.send("prompt", click(frame=4))
    worker.serve(broker)
    tab.undo(answered)
    tab.send("propagate", propagation(0))
    assert conditioning_of(asked(broker)).keys() == {0}
    assert asked(broker).keep == {ARTERY: [0]}


def test_each_label_has_its_own_guides(reading: Reading, broker: MemoryBroker) -> None:
    """What is drawn counts for its label, what is accepted for all; the job counts (label, frame) pairs."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(1, 1), frame=2, label=ARTERY))
    tab.send("edit", drawing(square(5, 5), frame=2, label=CATHETER))
    tab.send("edit", drawing(square(6, 6), frame=4, label=CATHETER))
    tab.send("accept", accept(0))
    result = tab.send("propagate", propagation(2, labels=(CATHETER, ARTERY)))
    request = asked(broker)
    assert [entry["label"] for entry in request.labels] == [CATHETER, ARTERY]
    assert conditioning_of(request, CATHETER) == blobs_of(reading, CATHETER)
    assert conditioning_of(request, ARTERY) == blobs_of(reading, ARTERY)
    assert request.keep == {CATHETER: [0, 2, 4], ARTERY: [0, 2]}
    assert standing_of(result) == ("QUEUED", 0, 3 + 4, "")


def test_sent_again_it_is_the_same_request(reading: Reading, broker: MemoryBroker) -> None:
    """Later edits and accepts are looked at when the masks arrive, not smuggled into the request."""
    tab, result, first = spread(reading, broker)
    tab.send("edit", drawing(frame=3))
    tab.send("accept", accept(4))
    redispatch_job(job_id=job_of(result).pk)
    again = asked(broker)
    assert again.epoch == first.epoch + 1
    assert {**again.to_dict(), "epoch": 0} == {**first.to_dict(), "epoch": 0} == job_of(result).request


def nothing_drawn(tab: Tab) -> None:
    """Leave the reading empty."""


def other_frame_drawn(tab: Tab) -> None:
    """Draw, but not where the propagation starts."""
    tab.send("edit", drawing(frame=1))


def cleared(tab: Tab) -> None:
    """Clear the starting frame."""
    tab.send("edit", drawing())
    tab.send("edit", drawing(square(side=0)))


def undone(tab: Tab) -> None:
    """Undo the only mask."""
    tab.undo(tab.send("edit", drawing()))


def other_label_drawn(tab: Tab) -> None:
    """Draw another label on the starting frame."""
    tab.send("edit", drawing(label=CATHETER))


def prompted(tab: Tab) -> None:
    """Draw and then prompt, without an answer yet."""
    tab.send("edit", drawing())
    tab.send("prompt", click())


def all_accepted(tab: Tab) -> None:
    """Accept every frame."""
    tab.send("edit", drawing())
    tab.send("accept", accept(*range(FRAMES)))


def drawn(tab: Tab) -> None:
    """Draw on the starting frame."""
    tab.send("edit", drawing())


@pytest.mark.parametrize(
    ("prepare", "payload", "code"),
    [
        (nothing_drawn, propagation(), "nothing_to_propagate"),
        (other_frame_drawn, propagation(), "nothing_to_propagate"),
        (cleared, propagation(), "nothing_to_propagate"),
        (undone, propagation(), "nothing_to_propagate"),
        (other_label_drawn, propagation(), "nothing_to_propagate"),
        (drawn, propagation(labels=(ARTERY, CATHETER)), "nothing_to_propagate"),
        (prompted, propagation(), "prompt_running"),
        (all_accepted, propagation(), "nothing_to_compute"),
        (drawn, propagation(0, 0, 0), "nothing_to_compute"),
        (drawn, propagation(direction="backward"), "nothing_to_compute"),
    ],
)
def test_a_refused_propagation_leaves_nothing(
    reading: Reading, broker: MemoryBroker, prepare: Callable[[Tab], None], payload: dict[str, Any], code: str
) -> None:
    """Its event is rolled back with its job: the revision stays, and the tab may go on from there."""
    tab = Tab(reading)
    prepare(tab)
    events, jobs, sent = ReadingEvent.objects.count(), InferenceJob.objects.count(), len(broker.sent)
    with pytest.raises(DomainError) as refused:
        tab.send("propagate", payload)
    assert refused.value.code == code
    assert (ReadingEvent.objects.count(), InferenceJob.objects.count(), len(broker.sent)) == (events, jobs, sent)
    assert Reading.objects.get(pk=reading.pk).revision == tab.revision
    assert tab.send("edit", drawing(frame=5)).revision == tab.revision


def test_a_stopped_prompt_is_not_waited_for(reading: Reading, broker: MemoryBroker) -> None:
    """Once the prompt is undone, the mask below it serves as the start."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    tab.undo(tab.send("prompt", click()))
    tab.send("propagate", propagation())
    assert conditioning_of(asked(broker)) == blobs_of(reading)


def test_a_prompt_of_another_label_is_not_waited_for(reading: Reading, broker: MemoryBroker) -> None:
    """Only the labels that are propagated have to be ready."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    tab.send("prompt", click(label=CATHETER))
    tab.send("propagate", propagation())
    assert asked(broker).keep == {ARTERY: [0]}


def test_what_the_same_model_propagated_before_may_stand(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """A second propagation names the masks of the first, but none that a person drew or another model made."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=0))
    tab.send("propagate", propagation(0, 0, FRAMES - 1))
    assert asked(broker).labels[0]["standing"] == []
    worker.serve(broker)
    tab.send("edit", drawing(frame=2))
    propagated = {frame: blob for frame, blob in blobs_of(reading).items() if frame not in (0, 2)}
    tab.send("propagate", propagation(2, 0, FRAMES - 1))
    standing = {held["frame_index"]: held["mask"] for held in asked(broker).labels[0]["standing"]}
    assert standing == propagated
    worker.serve(broker)
    Reading.objects.filter(pk=reading.pk).update(checkpoint="f" * 64)
    tab.send("edit", drawing(frame=3))
    tab.send("propagate", propagation(3, 0, FRAMES - 1))
    assert asked(broker).labels[0]["standing"] == []
