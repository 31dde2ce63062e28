"""Random work of a reader, and a model that answers late: the fold in SQL is that of the naive model."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.core import blobs
from annotator.readings.models import Provenance, Reading
from annotator.readings.selectors import (
    accepted_frames,
    changed_pairs,
    current_masks,
    progress_of,
    prompts_of,
    summarise_events,
)
from annotator.readings.services import record_mask
from tests.annotator.readings.naive import NaiveReading
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    Tab,
    click,
    drawing,
    drawings,
    label_of,
    make_campaign,
    make_reading,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask, mask_area

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker", "hints")]

LABELS = (ARTERY, CATHETER)
FRAMES = 4
STEPS = ("edit", "edits", "relabel", "prompt", "accept", "undo", "redo", "late_mask")


class Worker:
    """Plays random steps on a reading and on its naive model at once."""

    def __init__(self, reading: Reading, seed: int) -> None:
        self.reading = reading
        self.tab = Tab(reading)
        self.naive = NaiveReading()
        self.random = random.Random(seed)
        self.snapshots: list[tuple[int, dict[Any, Any]]] = []

    def step(self, kind: str) -> None:
        """Take one step; one that is not possible now is left out."""
        getattr(self, kind)()

    def _send(self, kind: str, payload: dict[str, Any]) -> None:
        result = self.tab.send(kind, payload)
        self.naive.append(result.event.seq, str(result.event.pk), kind, result.event.payload)
        self.check_answer(result.masks)

    def _pair(self) -> tuple[str, int]:
        return self.random.choice(LABELS), self.random.randrange(FRAMES)

    def _mask(self) -> Any:
        side = self.random.choice((0, 3, 4))
        return square(self.random.randrange(10), self.random.randrange(7), side=side)

    def edit(self) -> None:
        """Draw something, or clear the frame."""
        label, frame = self._pair()
        self._send("edit", drawing(self._mask(), frame=frame, label=label))

    def edits(self) -> None:
        """Draw several masks in one step."""
        pairs = self.random.sample([(label, frame) for label in LABELS for frame in range(FRAMES)], 3)
        drawn = [drawing(self._mask(), frame=frame, label=label) for label, frame in pairs]
        self._send("edit", drawings(*drawn))

    def relabel(self) -> None:
        """Give the masks of a label to the other on some of the frames where it has any."""
        masks = self.naive.masks()
        giver, taker = self.random.sample(LABELS, 2)
        frames = [frame for (label, frame), mask in masks.items() if label == giver and mask_area(mask)]
        if frames:
            chosen = self.random.sample(frames, self.random.randint(1, len(frames)))
            self._send("relabel", {"label": giver, "to": taker, "frame_indices": chosen})

    def prompt(self) -> None:
        """Set a point."""
        label, frame = self._pair()
        self._send("prompt", click(self.random.uniform(0, 16), 3.0, frame=frame, label=label))

    def accept(self) -> None:
        """Accept some frames, or take them back."""
        frames = self.random.sample(range(FRAMES), self.random.randint(1, FRAMES))
        self._send("accept", {"frame_indices": frames, "accepted": self.random.random() < 0.7})

    def undo(self) -> None:
        """Undo any event that stands."""
        standing = self.naive.standing()
        if standing:
            self._send("undo", {"target": self.random.choice(standing)["id"]})

    def redo(self) -> None:
        """Redo any event that is undone."""
        standing = {event["id"] for event in self.naive.standing()}
        undone = [e for e in self.naive.events if e["kind"] not in ("undo", "redo") and e["id"] not in standing]
        if undone:
            self._send("redo", {"target": self.random.choice(undone)["id"]})

    def late_mask(self) -> None:
        """Record a mask of a prompt that stands, however long ago it was set."""
        prompts = [event for event in self.naive.standing() if event["kind"] == "prompt"]
        if not prompts:
            return
        chosen = self.random.choice(prompts)
        event = self.reading.events.get(pk=chosen["id"])
        pair = (chosen["payload"]["label"], chosen["payload"]["frame_index"])
        mask = encode_mask(self._mask())
        record_mask(
            event=event,
            label=label_of(self.reading, pair[0]),
            frame_index=pair[1],
            mask=mask,
            provenance=Provenance.MODEL,
            base_revision=self.reading.revision,
        )
        self.naive.record(chosen["id"], pair, mask)

    def truth(self) -> dict[Any, tuple[bytes, bool]]:
        """Return what the naive model says: the mask and the acceptance of each pair."""
        accepted = self.naive.accepted()
        return {pair: (mask, pair[1] in accepted) for pair, mask in self.naive.masks().items()}

    def check_answer(self, masks: list[Any]) -> None:
        """Every mask of an answer is the one that counts now."""
        truth = self.truth()
        for mask in masks:
            expected = truth.get((mask.label, mask.frame_index))
            if expected is None:
                assert (mask.area, mask.blob) == (0, None)
            else:
                assert (blobs.get_bytes(mask.blob), mask.accepted) == expected

    def check(self) -> None:
        """The folds agree, now and at every revision before."""
        truth = self.truth()
        found = {
            (mask.label, mask.frame_index): (blobs.get_bytes(mask.blob or ""), mask.accepted)
            for mask in current_masks(self.reading)
        }
        assert found == truth
        assert accepted_frames(self.reading) == self.naive.accepted()
        for code in LABELS:
            for frame in range(FRAMES):
                expected = self.naive.prompts((code, frame))
                assert prompts_of(self.reading, frame, label_of(self.reading, code)).points == expected
        progress = progress_of([self.reading])[self.reading.pk]
        assert progress.masked == len({pair[1] for pair, (mask, _) in truth.items() if mask_area(mask)})
        assert progress.accepted == len(self.naive.accepted())
        summary = summarise_events(self.reading)
        assert summary["total"] == len(self.naive.events) == self.reading.revision
        reversals = [event for event in self.naive.events if event["kind"] in ("undo", "redo")]
        assert summary["total"] - summary["undone"] - len(reversals) == len(self.naive.standing())
        self._check_since(truth)

    def _check_since(self, truth: dict[Any, tuple[bytes, bool]]) -> None:
        """Whoever fetched at any revision before and asks what changed since has the truth afterwards."""
        for revision, snapshot in self.snapshots:
            seen = dict(snapshot)
            for mask in current_masks(self.reading, since=revision):
                pair = (mask.label, mask.frame_index)
                if mask.blob is None:
                    seen.pop(pair, None)
                else:
                    seen[pair] = (blobs.get_bytes(mask.blob), mask.accepted)
            assert seen == truth, f"since {revision}"

    def snapshot(self) -> None:
        """Fetch everything, as a browser does that then loses its connection."""
        self.snapshots.append((self.reading.revision, self.truth()))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from((*STEPS, "snapshot")), max_size=24))
def test_random_work_folds_as_the_naive_model_does(seed: int, steps: list[str]) -> None:
    """After every step the answer agrees, and at the end everything that can be asked."""
    worker = Worker(make_reading(make_campaign(slug=f"fold-{uuid.uuid4().hex}"), frames=FRAMES), seed)
    for kind in steps:
        if kind == "snapshot":
            worker.snapshot()
        else:
            worker.step(kind)
    worker.check()


def test_a_frame_that_was_drawn_and_cleared_is_not_counted_as_masked() -> None:
    """The newest mask counts, and it is empty."""
    reading = make_reading()
    tab = Tab(reading)
    tab.send("edit", drawing(square(), frame=2))
    assert progress_of([reading])[reading.pk].masked == 1
    tab.send("edit", drawing(square(side=0), frame=2))
    assert progress_of([reading])[reading.pk].masked == 0


def test_a_late_mask_of_a_prompt_does_not_cover_a_later_drawing() -> None:
    """It waits below the drawing until that is undone."""
    reading = make_reading()
    tab = Tab(reading)
    prompt = tab.send("prompt", click())
    drawn = tab.send("edit", drawing(square(8, 8)))
    late = encode_mask(square(1, 1))
    kept = {"event": prompt.event, "label": label_of(reading), "frame_index": 0, "provenance": Provenance.MODEL}
    record_mask(**kept, mask=late, base_revision=2)
    assert current_masks(reading)[0].provenance == Provenance.HUMAN
    (shown,) = tab.undo(drawn).masks
    assert (decode_mask(blobs.get_bytes(shown.blob or "")) == square(1, 1)).all()
    assert shown.provenance == Provenance.MODEL


def test_a_mask_recorded_twice_is_one_row() -> None:
    """The same pixels of the same event again change nothing; other pixels of it count instead."""
    reading = make_reading()
    prompt = Tab(reading).send("prompt", click())
    kept = {"event": prompt.event, "label": label_of(reading), "frame_index": 0, "provenance": Provenance.MODEL}
    first = record_mask(**kept, mask=encode_mask(square(1, 1)), base_revision=1)
    again = record_mask(**kept, mask=encode_mask(square(1, 1)), base_revision=1)
    other = record_mask(**kept, mask=encode_mask(square(2, 2)), base_revision=1, score=1.5)
    assert first == again
    assert (other.ordinal, other.score) == (2, 1.0)
    assert current_masks(reading)[0].blob == other.blob


def test_a_mask_that_comes_after_a_fetch_is_among_the_changes() -> None:
    """The revision did not move, yet the pair has changed since."""
    reading = make_reading()
    tab = Tab(reading)
    tab.send("edit", drawing(frame=3))
    prompt = tab.send("prompt", click())
    fetched = reading.revision
    assert changed_pairs(reading, fetched) == set()
    record_mask(
        event=prompt.event,
        label=label_of(reading),
        frame_index=0,
        mask=encode_mask(square()),
        provenance=Provenance.MODEL,
        base_revision=fetched,
    )
    assert changed_pairs(reading, fetched) == {(ARTERY, 0)}
    tab.send("edit", drawing(frame=1))
    assert changed_pairs(reading, fetched) == {(ARTERY, 0), (ARTERY, 1)}
    assert changed_pairs(reading, fetched + 1) == set()
    assert current_masks(reading, since=fetched + 1) == []
