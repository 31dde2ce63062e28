"""Appending: every good event is one row, every bad one changes nothing and says what is wrong."""

from __future__ import annotations

import base64
import math
import uuid
from typing import Any

import numpy as np
import pytest

from annotator.core.errors import DomainError, IllegalTransition, InvalidInput, PermissionDenied, StaleRevision
from annotator.readings.models import Mask, Reading, ReadingEvent
from annotator.readings.selectors import accepted_frames, current_masks, labels_by_code, prompts_of
from annotator.readings.services import append_event, submit_reading
from annotator.readings.services.events import MAX_STANDING_POINTS
from annotator.readings.services.payloads import MAX_MASKS_PER_EDIT, parse_event
from annotator.readings.services.prompts import MAX_POINTS_PER_EVENT
from tests.annotator.inference_fixtures import Hints
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    COLUMNS,
    FRAMES,
    ROWS,
    Tab,
    click,
    drawing,
    drawings,
    encoded,
    label_of,
    make_member,
    make_reading,
    propagation,
    square,
)
from workers.protocol.rle import decode_mask, read_header

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]


@pytest.fixture
def reading() -> Reading:
    """Return a fresh reading."""
    return make_reading()


def points(count: int) -> list[dict[str, Any]]:
    """Return so many positive points."""
    return [{"x": 1.0, "y": 1.0, "positive": True}] * count


def prompt(**changes: Any) -> dict[str, Any]:
    """Return the payload of a prompt with some fields changed."""
    return {**click(), **changes}


def edit(**changes: Any) -> dict[str, Any]:
    """Return the payload of an edit with some fields changed."""
    return {**drawing(), **changes}


def spread(**changes: Any) -> dict[str, Any]:
    """Return the payload of a propagation with some fields changed."""
    return {**propagation(), **changes}


def raw_mask(**changes: Any) -> str:
    """Return a base64 mask whose bytes were spoilt."""
    data = bytearray(base64.b64decode(encoded(square())))
    for place, value in changes.get("at", {}).items():
        data[place] = value
    data = data[: changes.get("stop")] + changes.get("end", b"")
    return base64.b64encode(bytes(data)).decode()


BAD = [
    ("paint", {}, "unknown_event_kind"),
    ("7", {}, "unknown_event_kind"),
    (None, {}, "unknown_event_kind"),
    ({"a": 1}, {}, "unknown_event_kind"),
    ("prompt", [], "invalid_payload"),
    ("prompt", None, "invalid_payload"),
    ("prompt", {}, "invalid_payload"),
    ("prompt", prompt(colour="red"), "invalid_payload"),
    ("prompt", prompt(frame_index="0"), "invalid_payload"),
    ("prompt", prompt(frame_index=0.0), "invalid_payload"),
    ("prompt", prompt(frame_index=True), "invalid_payload"),
    ("prompt", prompt(frame_index=-1), "frame_out_of_range"),
    ("prompt", prompt(frame_index=FRAMES), "frame_out_of_range"),
    ("prompt", prompt(frame_index=10**30), "frame_out_of_range"),
    ("prompt", prompt(label="spleen"), "unknown_label"),
    ("prompt", prompt(label=1), "invalid_payload"),
    ("prompt", prompt(points=[{"x": 900.0, "y": 5.0, "positive": True}]), "prompt_outside_image"),
    ("prompt", prompt(points=[{"x": -0.5, "y": 5.0, "positive": True}]), "prompt_outside_image"),
    ("prompt", prompt(points=[{"x": 1.0, "y": ROWS + 0.01, "positive": True}]), "prompt_outside_image"),
    ("prompt", prompt(points=[{"x": math.nan, "y": 5.0, "positive": True}]), "invalid_payload"),
    ("prompt", prompt(points=[{"x": 10**400, "y": 5.0, "positive": True}]), "invalid_payload"),
    ("prompt", prompt(points=[{"x": "1", "y": 5.0, "positive": True}]), "invalid_payload"),
    ("prompt", prompt(points=[{"x": 1.0, "y": 5.0, "positive": 1}]), "invalid_payload"),
    ("prompt", prompt(points=[{"x": 1.0, "y": 5.0}]), "invalid_payload"),
    ("prompt", prompt(points=[[1.0, 5.0, True]]), "invalid_payload"),
    ("prompt", prompt(points={"x": 1}), "invalid_payload"),
    ("prompt", prompt(points=points(MAX_POINTS_PER_EVENT + 1)), "too_many_points"),
    ("prompt", prompt(points=[]), "empty_prompt"),
    ("prompt", click(positive=False), "only_negative_points"),
    ("prompt", prompt(box=[1, 1, 1, 5]), "empty_box"),
    ("prompt", prompt(box=[5, 5, 2, 8]), "empty_box"),
    ("prompt", prompt(box=[1, 1, 5]), "invalid_payload"),
    ("prompt", prompt(box="all"), "invalid_payload"),
    ("prompt", prompt(box=[1, 1, COLUMNS + 1, 5]), "prompt_outside_image"),
    ("prompt", prompt(points=[], line=[3, 3, 3, 3]), "empty_line"),
    ("prompt", prompt(points=[], line=[3, 3, 3.6, 3.7]), "empty_line"),
    ("prompt", prompt(points=[], line=[3, 3, 8]), "invalid_payload"),
    ("prompt", prompt(points=[], line=[3, 3, 8, None]), "invalid_payload"),
    ("prompt", prompt(points=[], line=[3, 3, 8, math.inf]), "invalid_payload"),
    ("prompt", prompt(points=[], line="long"), "invalid_payload"),
    ("prompt", prompt(points=[], line=[-0.5, 1, 5, 5]), "prompt_outside_image"),
    ("prompt", prompt(points=[], line=[1, 1, 5, ROWS + 0.5]), "prompt_outside_image"),
    ("prompt", prompt(box=[1, 1, 5, 5], line=[1, 1, 5, 5]), "box_and_line"),
    ("prompt", prompt(points=[], text=""), "empty_text"),
    ("prompt", prompt(points=[], text="   "), "empty_text"),
    ("prompt", prompt(points=[], text="x" * 201), "text_too_long"),
    ("prompt", prompt(points=[], text="left\nventricle"), "invalid_payload"),
    ("prompt", prompt(points=[], text="left\0ventricle"), "invalid_payload"),
    ("prompt", prompt(points=[], text=7), "invalid_payload"),
    ("prompt", prompt(points=[], text=["vessel"]), "invalid_payload"),
    ("prompt", prompt(text="vessel"), "text_and_places"),
    ("prompt", prompt(points=[], box=[1, 1, 5, 5], text="vessel"), "text_and_places"),
    ("prompt", prompt(points=[], line=[1, 1, 5, 5], text="vessel"), "text_and_places"),
    ("prompt", prompt(points=[], text="vessel"), "no_text_prompts"),
    ("edit", edit(mask=encoded(np.ones((ROWS, COLUMNS + 1), bool))), "mask_size_mismatch"),
    ("edit", edit(mask=raw_mask(at={8: 255, 9: 255})), "mask_size_mismatch"),
    ("edit", edit(mask="not base64!"), "malformed_mask"),
    ("edit", edit(mask=""), "malformed_mask"),
    ("edit", edit(mask=raw_mask(at={0: 0})), "malformed_mask"),
    ("edit", edit(mask=raw_mask(stop=-1)), "malformed_mask"),
    ("edit", edit(mask=raw_mask(stop=20)), "malformed_mask"),
    ("edit", edit(mask=raw_mask(end=b"\x01")), "malformed_mask"),
    ("edit", edit(mask=base64.b64encode(bytes(10_000)).decode()), "malformed_mask"),
    ("edit", edit(mask=7), "invalid_payload"),
    ("edit", edit(tool=""), "invalid_payload"),
    ("edit", edit(tool="x" * 33), "invalid_payload"),
    ("edit", edit(tool=None), "invalid_payload"),
    ("edit", edit(frame_index=FRAMES), "frame_out_of_range"),
    ("edit", edit(label="spleen"), "unknown_label"),
    ("edit", drawings(), "invalid_payload"),
    ("edit", drawings(drawing(), drawing()), "invalid_payload"),
    ("edit", drawings(drawing(), edit(mask="not base64!", frame_index=1)), "malformed_mask"),
    ("edit", drawings(drawing(), edit(label="spleen")), "unknown_label"),
    ("edit", drawings(drawing(), edit(frame_index=FRAMES)), "frame_out_of_range"),
    ("edit", drawings(*[drawing()] * (MAX_MASKS_PER_EDIT + 1)), "too_many_masks"),
    ("edit", drawings(drawing(), tool=""), "invalid_payload"),
    ("edit", drawings(drawing(), provenance="MODEL"), "invalid_payload"),
    ("edit", drawings(drawing(), provenance=["HUMAN"]), "invalid_payload"),
    ("edit", {**drawings(drawing()), "frame_index": 0}, "invalid_payload"),
    ("edit", {"edits": {"0": drawing()}, "tool": "copy"}, "invalid_payload"),
    ("edit", {"edits": [drawing()], "tool": "copy"}, "invalid_payload"),
    ("edit", {"edits": [None], "tool": "copy"}, "invalid_payload"),
    ("propagate", spread(labels=[]), "invalid_payload"),
    ("propagate", spread(labels=ARTERY), "invalid_payload"),
    ("propagate", spread(labels=[ARTERY, ARTERY]), "invalid_payload"),
    ("propagate", spread(labels=["spleen"]), "unknown_label"),
    ("propagate", spread(stop=FRAMES), "frame_out_of_range"),
    ("propagate", spread(start=3, frame_index=2), "invalid_range"),
    ("propagate", spread(direction="sideways"), "invalid_payload"),
    ("propagate", spread(direction=["both"]), "invalid_payload"),
    ("propagate", spread(), "nothing_to_propagate"),
    ("accept", {"frame_indices": [], "accepted": True}, "invalid_payload"),
    ("accept", {"frame_indices": [0, 0], "accepted": True}, "invalid_payload"),
    ("accept", {"frame_indices": [0], "accepted": "yes"}, "invalid_payload"),
    ("accept", {"frame_indices": [FRAMES], "accepted": True}, "frame_out_of_range"),
    ("accept", {"frame_indices": list(range(FRAMES)) * 2, "accepted": True}, "invalid_payload"),
    ("undo", {"target": "x"}, "invalid_payload"),
    ("undo", {"target": None}, "invalid_payload"),
    ("undo", {"target": str(uuid.uuid4())}, "unknown_event"),
    ("redo", {"target": str(uuid.uuid4())}, "unknown_event"),
    ("undo", {"target_client": str(uuid.uuid4())}, "unknown_event"),
    ("undo", {"target_client": 7}, "invalid_payload"),
    ("undo", {"target_client": str(uuid.uuid4()), "target": str(uuid.uuid4())}, "invalid_payload"),
]


@pytest.mark.parametrize(("kind", "payload", "code"), BAD)
def test_bad_events_are_refused_by_their_code_and_leave_nothing(
    reading: Reading, kind: Any, payload: Any, code: str
) -> None:
    """A refusal has its own code and a sentence; the reading stays as it was."""
    with pytest.raises(DomainError) as refused:
        Tab(reading).send(kind, payload)
    assert refused.value.code == code
    assert refused.value.message.endswith((".", "?"))
    reading.refresh_from_db()
    assert reading.revision == 0
    assert not ReadingEvent.objects.filter(reading=reading).exists()


def test_the_edges_of_the_image_are_inside(reading: Reading) -> None:
    """Points on the very edge are allowed, since a pixel's area reaches there."""
    payload = prompt(points=[{"x": 0, "y": 0, "positive": True}, {"x": COLUMNS, "y": ROWS, "positive": True}])
    assert Tab(reading).send("prompt", payload).revision == 1


def test_an_edit_is_stored_at_once(reading: Reading, hints: Hints) -> None:
    """The mask is there before the answer, HUMAN, with its pixels and its event."""
    mask = square(1, 2)
    result = Tab(reading).send("edit", drawing(mask, frame=3))
    (current,) = current_masks(reading)
    assert result.masks == [current]
    assert (current.label, current.frame_index, current.provenance) == (ARTERY, 3, "HUMAN")
    assert (current.area, current.event_seq, current.score) == (16, 1, None)
    (sent,) = hints.masks()
    assert (decode_mask(sent) == mask).all()
    header = read_header(sent)
    assert (header.label, header.frame_index, header.status, header.flags) == (1, 3, 0, 0)
    assert hints.of("revision") == [{"type": "revision", "revision": 1}]


def test_a_stored_mask_is_canonical_whatever_header_the_client_wrote(reading: Reading) -> None:
    """Two encodings of the same mask have one digest."""
    tab = Tab(reading)
    tab.send("edit", drawing(square(), frame=0))
    tab.send("edit", {**drawing(frame=1), "mask": raw_mask(at={3: 2, 4: 9, 21: 1})})
    assert len(set(Mask.objects.values_list("blob", flat=True))) == 1


def test_an_edit_retires_the_prompts_before_it(reading: Reading) -> None:
    """Prompts add up on a frame until it is drawn on; undoing the drawing brings them back."""
    tab, label = Tab(reading), label_of(reading)
    tab.send("prompt", click(1, 1))
    tab.send("prompt", {**click(2, 2), "box": [0, 0, 8, 8]})
    tab.send("prompt", click(3, 3, label=CATHETER))
    tab.send("prompt", click(3, 3, frame=1))
    standing = prompts_of(reading, 0, label)
    assert standing.points == [[1, 1, 1], [2, 2, 1]]
    assert standing.box == [0, 0, 8, 8]
    drawn = tab.send("edit", drawing())
    assert prompts_of(reading, 0, label).points == []
    assert prompts_of(reading, 0, label).box is None
    tab.send("prompt", click(4, 4))
    assert prompts_of(reading, 0, label).points == [[4, 4, 1]]
    tab.undo(drawn)
    assert prompts_of(reading, 0, label).points == [[1, 1, 1], [2, 2, 1], [4, 4, 1]]


def test_a_negative_point_may_take_away_from_a_mask(reading: Reading) -> None:
    """Once there is a mask, or a positive prompt, a negative point means something."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    assert tab.send("prompt", click(positive=False)).revision == 2


def test_the_points_that_stand_on_a_frame_are_bounded(reading: Reading) -> None:
    """Many prompts of allowed size cannot add up to more than the model takes."""
    tab = Tab(reading)
    for _ in range(MAX_STANDING_POINTS // MAX_POINTS_PER_EVENT):
        tab.send("prompt", prompt(points=points(MAX_POINTS_PER_EVENT)))
    with pytest.raises(InvalidInput) as refused:
        tab.send("prompt", click())
    assert refused.value.code == "too_many_points"


def test_accepted_frames_follow_the_last_word(reading: Reading) -> None:
    """Frames are accepted and taken back; undo of the taking back accepts them again."""
    tab = Tab(reading)
    tab.send("edit", drawing(frame=1))
    accepted = tab.send("accept", {"frame_indices": [3, 1, 2], "accepted": True})
    assert [mask.accepted for mask in accepted.masks] == [True]
    back = tab.send("accept", {"frame_indices": [2], "accepted": False})
    assert accepted_frames(reading) == {1, 3}
    tab.undo(back)
    assert accepted_frames(reading) == {1, 2, 3}
    undone = tab.undo(accepted)
    assert accepted_frames(reading) == set()
    assert [mask.accepted for mask in undone.masks] == [False]


def test_undo_and_redo_of_edits(reading: Reading) -> None:
    """Undo shows the mask before, or an empty one; redo shows it again."""
    tab = Tab(reading)
    first = tab.send("edit", drawing(square(0, 0)))
    second = tab.send("edit", drawing(square(5, 5)))
    assert tab.undo(second).masks[0].event_seq == first.event.seq
    assert current_masks(reading)[0].event_seq == first.event.seq
    cleared = tab.undo(first)
    assert (cleared.masks[0].area, cleared.masks[0].blob) == (0, None)
    assert current_masks(reading) == []
    assert tab.redo(second).masks[0].event_seq == second.event.seq
    assert tab.redo(first).masks[0].event_seq == second.event.seq, "the newest event counts, not the newest redo"


def test_what_cannot_be_undone(reading: Reading) -> None:
    """Twice undone, redone while standing, an undo itself, an event of another reading."""
    tab, other = Tab(reading), make_reading()
    drawn = tab.send("edit", drawing())
    with pytest.raises(IllegalTransition) as refused:
        tab.redo(drawn)
    assert refused.value.code == "not_undone"
    undone = tab.undo(drawn)
    for target, code in ((drawn, "already_undone"), (undone, "not_undoable")):
        with pytest.raises(DomainError) as failed:
            tab.undo(target)
        assert failed.value.code == code
    with pytest.raises(InvalidInput) as unknown:
        Tab(other).undo(drawn)
    assert unknown.value.code == "unknown_event"


def test_a_resend_changes_nothing_and_gives_the_same_answer(
    reading: Reading, worker: FakeWorker, broker: MemoryBroker
) -> None:
    """Also after later events, after undo, and after the submission."""
    tab = Tab(reading)
    ids = [uuid.uuid4() for _ in range(3)]
    first = tab.send("edit", drawing(square(0, 0)), client_uuid=ids[0])
    second = tab.send("prompt", click(frame=2), client_uuid=ids[1])
    third = tab.send("undo", {"target": str(first.event.pk)}, client_uuid=ids[2])
    tab.send("edit", drawing(square(5, 5)))
    submit_reading(reading=reading, actor=reading.reader, base_revision=4)

    def resend(client_uuid: uuid.UUID, kind: str, payload: dict[str, Any], base: int) -> Any:
        return append_event(
            reading=reading,
            actor=reading.reader,
            client_uuid=client_uuid,
            base_revision=base,
            kind=kind,
            payload=payload,
        )

    again = resend(ids[0], "edit", drawing(square(0, 0)), 0)
    assert (again.event, again.revision, again.masks) == (first.event, 1, first.masks)
    assert first.created
    assert not again.created
    again = resend(ids[1], "prompt", click(frame=2), 1)
    assert (again.event, again.revision) == (second.event, 2)
    assert again.job is not None
    assert second.job is not None
    assert again.job.id == second.job.id
    again = resend(ids[2], "undo", {"target": str(first.event.pk)}, 2)
    assert (again.event, again.revision, again.masks) == (third.event, 3, third.masks)
    assert ReadingEvent.objects.filter(reading=reading).count() == 4
    assert len(broker.named("gpu.predict")) == 1


def test_undo_may_name_its_target_by_client_uuid(reading: Reading) -> None:
    """As a tab does that was offline; the log holds the event's id, and a resend is known again in either form."""
    tab, drawn, taken_back = Tab(reading), uuid.uuid4(), uuid.uuid4()
    first = tab.send("edit", drawing(), client_uuid=drawn)
    undone = tab.send("undo", {"target_client": str(drawn)}, client_uuid=taken_back)
    assert undone.event.payload == {"target": str(first.event.pk)}
    assert undone.event.target == first.event
    assert current_masks(reading) == []
    for payload in ({"target_client": str(drawn)}, {"target": str(first.event.pk)}):
        again = tab.send("undo", payload, client_uuid=taken_back)
        assert (again.event, again.created) == (undone.event, False)
    tab.revision = undone.revision
    tab.send("redo", {"target_client": str(drawn)})
    assert len(current_masks(reading)) == 1


def test_a_client_uuid_names_one_event_for_ever(reading: Reading) -> None:
    """The same UUID with other content is refused and changes nothing."""
    tab, client_uuid = Tab(reading), uuid.uuid4()
    tab.send("edit", drawing(square(0, 0)), client_uuid=client_uuid)
    with pytest.raises(StaleRevision) as refused:
        tab.send("edit", drawing(square(5, 5)), client_uuid=client_uuid)
    assert refused.value.code == "client_uuid_reused"
    reading.refresh_from_db()
    assert reading.revision == 1


def test_the_same_client_uuid_may_serve_another_reading(reading: Reading) -> None:
    """Client UUIDs are unique within a reading."""
    client_uuid = uuid.uuid4()
    Tab(reading).send("edit", drawing(), client_uuid=client_uuid)
    assert Tab(make_reading()).send("edit", drawing(), client_uuid=client_uuid).created


def test_the_second_tab_is_told_that_it_is_stale(reading: Reading) -> None:
    """A tab that has not seen the other's event is refused, learns the revision, and may go on from there."""
    first, second = Tab(reading), Tab(reading)
    first.send("edit", drawing(frame=0))
    first.send("edit", drawing(frame=1))
    with pytest.raises(StaleRevision) as refused:
        second.send("edit", drawing(frame=2))
    assert refused.value.code == "stale_revision"
    assert refused.value.details == {"revision": 2, "base_revision": 0}
    second.revision = 2
    second.send("edit", drawing(frame=2))
    with pytest.raises(StaleRevision):
        first.send("edit", drawing(frame=3))
    assert {mask.frame_index for mask in current_masks(reading)} == {0, 1, 2}


def test_a_revision_from_the_future_is_refused(reading: Reading) -> None:
    """A client that claims to have seen more than there is has lost its way too."""
    tab = Tab(reading)
    tab.revision = 5
    with pytest.raises(StaleRevision):
        tab.send("edit", drawing())


def test_nobody_else_writes(reading: Reading) -> None:
    """Not another reader, not a manager, not a reader who has left the campaign or lost the order."""
    for role in ("READER", "MANAGER"):
        with pytest.raises(PermissionDenied):
            Tab(reading, actor=make_member(reading.campaign, role)).send("edit", drawing())
    reading.assignment.status = "WITHDRAWN"
    reading.assignment.save()
    with pytest.raises(PermissionDenied):
        Tab(reading).send("edit", drawing())
    reading.assignment.status = "ACCEPTED"
    reading.assignment.save()
    assert Tab(reading).send("edit", drawing()).created
    reading.reader.memberships.all().delete()
    with pytest.raises(PermissionDenied):
        Tab(reading).send("edit", drawing())


def test_a_submitted_reading_does_not_change(reading: Reading) -> None:
    """Every kind of event is refused after the submission."""
    tab = Tab(reading)
    drawn = tab.send("edit", drawing())
    submit_reading(reading=reading, actor=reading.reader, base_revision=1)
    for kind, payload in (("edit", drawing()), ("prompt", click()), ("undo", {"target": str(drawn.event.pk)})):
        with pytest.raises(IllegalTransition) as refused:
            tab.send(kind, payload)
        assert refused.value.code == "reading_not_editable"


def test_parsing_is_idempotent(reading: Reading) -> None:
    """The canonical form of a canonical payload is itself, so that a resend compares equal."""
    labels = labels_by_code(reading.campaign)
    given = {
        "prompt": {**click(), "box": [1, 2, 3, 4]},
        "edit": drawings(drawing(frame=1), drawing(label=CATHETER), provenance="INTERPOLATED"),
        "propagate": propagation(labels=[CATHETER, ARTERY]),
        "accept": {"frame_indices": [5, 1], "accepted": True},
        "undo": {"target": str(uuid.uuid4()).upper()},
    }
    for kind, payload in given.items():
        once = parse_event(kind=kind, payload=payload, cine=reading.cine, labels=labels)
        assert parse_event(kind=kind, payload=once.payload, cine=reading.cine, labels=labels) == once
