"""What a worker is asked when a reader prompts: all that the answer depends on, and nothing else."""

from __future__ import annotations

import pytest

from annotator.core.errors import Unprocessable
from annotator.inference.models import InferenceJob
from annotator.inference.services import redispatch_job
from annotator.readings.models import Reading, ReadingEvent
from annotator.readings.selectors import current_masks
from tests.annotator.inference.helpers import asked, job_of
from tests.factories.inference import FakeWorker, MemoryBroker
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
    make_campaign,
    make_reading,
    propagation,
    square,
)
from workers.protocol.messages import CineRef, ModelRef, PredictRequest

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def blob_on(reading: Reading, frame: int = 0, label: str = ARTERY) -> str | None:
    """Return the digest of the current mask of a frame."""
    (mask,) = current_masks(reading, pairs=[(label, frame)])
    return mask.blob


def test_the_first_prompt_of_a_frame(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The whole message, and the queue that it goes to."""
    broker.sent.clear()
    result = Tab(reading).send("prompt", {**click(4.5, 5.5, frame=2), "box": [1, 2, 9, 10]})
    (sent,) = broker.sent
    assert (sent.name, sent.queue) == ("gpu.predict", worker.queue)
    assert sent.message == PredictRequest(
        job_id=str(job_of(result).pk),
        epoch=1,
        reply_to="results",
        model=ModelRef(digest=CHECKPOINT, family="bundled"),
        cine=CineRef(
            digest=reading.cine.pixels_digest,
            frames=FRAMES,
            rows=ROWS,
            columns=COLUMNS,
            channels=1,
            window=[0.0, 255.0],
            modality="XA",
        ),
        frame_index=2,
        label=ARTERY,
        points=[[4.5, 5.5, 1]],
        box=[1.0, 2.0, 9.0, 10.0],
        previous_mask=None,
    )


def test_the_model_is_that_of_the_reading(worker: FakeWorker, broker: MemoryBroker) -> None:
    """A promotion after the opening does not change what is asked for."""
    campaign = make_campaign()
    reading = make_reading(campaign)
    type(campaign).objects.filter(pk=campaign.pk).update(current_checkpoint="f" * 64, current_family="other")
    Tab(Reading.objects.get(pk=reading.pk)).send("prompt", click())
    assert asked(broker).model == ModelRef(digest=CHECKPOINT, family="bundled")


def test_the_prompts_of_the_frame_and_label_in_order(reading: Reading, broker: MemoryBroker) -> None:
    """Those of other frames and labels do not count; the last box does."""
    tab = Tab(reading)
    tab.send("prompt", {**click(3, 3), "box": [0, 0, 4, 4]})
    tab.send("prompt", click(9, 9, frame=1))
    tab.send("prompt", click(8, 8, label=CATHETER))
    tab.send("prompt", click(2, 2, positive=False))
    tab.send("prompt", {**click(1, 1), "box": [0, 0, 6, 6]})
    request = asked(broker)
    assert request.points == [[3, 3, 1], [2, 2, 0], [1, 1, 1]]
    assert request.box == [0, 0, 6, 6]
    first = broker.named("gpu.predict")[0]
    assert (first.points, first.box) == ([[3, 3, 1]], [0, 0, 4, 4])


def test_undone_prompts_do_not_count(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Neither their points and box nor the masks that came of them."""
    tab = Tab(reading)
    first = tab.send("prompt", {**click(3, 3), "box": [0, 0, 4, 4]})
    worker.serve(broker)
    tab.undo(first)
    tab.send("prompt", click(5, 5))
    request = asked(broker)
    assert (request.points, request.box, request.previous_mask) == ([[5, 5, 1]], None, None)
    worker.serve(broker)
    tab.redo(first)
    tab.send("prompt", click(7, 7))
    request = asked(broker)
    assert (request.points, request.box) == ([[3, 3, 1], [5, 5, 1], [7, 7, 1]], [0, 0, 4, 4])


def test_the_previous_mask_is_the_one_that_stood_there(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """A model's, a propagated one, a drawn one; and a drawn one retires the prompts before it."""
    tab = Tab(reading)
    tab.send("prompt", click(3, 3))
    worker.serve(broker)
    predicted = blob_on(reading)
    assert predicted is not None
    tab.send("prompt", click(4, 4))
    assert asked(broker).previous_mask == predicted
    worker.serve(broker)
    tab.send("propagate", propagation())
    worker.serve(broker)
    tab.send("prompt", click(9, 9, frame=1))
    assert asked(broker).previous_mask == blob_on(reading, 1)
    tab.send("edit", drawing(square(6, 6)))
    tab.send("prompt", click(7, 7))
    request = asked(broker)
    assert (request.points, request.previous_mask) == ([[7, 7, 1]], blob_on(reading))


def test_a_cleared_frame_has_no_previous_mask(reading: Reading, broker: MemoryBroker) -> None:
    """An empty mask is nothing to go by."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    tab.send("edit", drawing(square(side=0)))
    tab.send("prompt", click())
    assert asked(broker).previous_mask is None


def test_the_mask_of_another_label_is_not_the_previous_one(reading: Reading, broker: MemoryBroker) -> None:
    """Labels do not mix."""
    tab = Tab(reading)
    tab.send("edit", drawing(label=CATHETER))
    tab.send("prompt", click())
    assert asked(broker).previous_mask is None


def test_sent_again_it_is_the_same_request(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """Whatever the reader did since: only the epoch is higher, so the answer cannot differ."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    result = tab.send("prompt", click())
    first = asked(broker)
    tab.send("edit", drawing(square(8, 8)))
    tab.send("prompt", click(1, 1))
    redispatch_job(job_id=job_of(result).pk)
    again = asked(broker)
    assert again.epoch == first.epoch + 1
    assert {**again.to_dict(), "epoch": 0} == {**first.to_dict(), "epoch": 0} == job_of(result).request


def test_a_reading_without_a_model_refuses_prompts(worker: FakeWorker, broker: MemoryBroker) -> None:
    """It says what can be done instead, and leaves neither event nor job."""
    reading = make_reading(make_campaign(current_model_id=None, current_checkpoint="", current_family=""))
    tab = Tab(reading)
    with pytest.raises(Unprocessable) as refused:
        tab.send("prompt", click())
    assert refused.value.code == "no_model"
    assert not ReadingEvent.objects.exists()
    assert not InferenceJob.objects.exists()
    assert broker.sent == []
    tab.send("edit", drawing())
    with pytest.raises(Unprocessable) as refused:
        tab.send("propagate", propagation())
    assert refused.value.code == "no_model"
    assert Reading.objects.get(pk=reading.pk).revision == 1
