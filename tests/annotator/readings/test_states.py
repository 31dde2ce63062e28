"""Opening, submitting, reopening, importing."""

from __future__ import annotations

import numpy as np
import pytest

from annotator.campaigns.models import Assignment
from annotator.campaigns.services import assign_reader
from annotator.core import blobs
from annotator.core.errors import (
    DomainError,
    IllegalTransition,
    NotFound,
    PermissionDenied,
    StaleRevision,
    Unprocessable,
)
from annotator.core.models import AuditEntry
from annotator.readings.models import Provenance, Reading, ReadingEvent, ReadingStatus
from annotator.readings.selectors import accepted_masks, accepted_readings, current_masks
from annotator.readings.services import (
    import_accepted_reading,
    open_reading,
    record_mask,
    reopen_reading,
    submit_reading,
)
from tests.annotator.inference_fixtures import Hints
from tests.factories.readings import (
    ARTERY,
    CATHETER,
    CHECKPOINT,
    FRAMES,
    ROWS,
    Tab,
    click,
    drawing,
    label_of,
    make_campaign,
    make_cine,
    make_member,
    make_reading,
    make_user,
    square,
)
from workers.protocol.rle import decode_mask, encode_mask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]


def drawn_reading() -> Reading:
    """Return a reading with one mask, at revision 1."""
    reading = make_reading()
    Tab(reading).send("edit", drawing())
    return reading


def submitted_reading() -> Reading:
    """Return a submitted reading."""
    reading = drawn_reading()
    return submit_reading(reading=reading, actor=reading.reader, base_revision=1)


def test_opening_accepts_the_assignment_and_pins_the_model(hints: Hints) -> None:
    """A promotion after the opening does not change what the reading is assisted by."""
    campaign = make_campaign()
    reader, cine = make_member(campaign), make_cine(campaign)
    assignment = assign_reader(campaign=campaign, cine=cine, reader=reader)
    assert assignment.status == "OFFERED"
    reading = open_reading(reader=reader, cine=cine, campaign=campaign)
    assignment.refresh_from_db()
    assert assignment.status == "ACCEPTED"
    assert reading.assignment == assignment
    assert (reading.status, reading.revision) == ("DRAFT", 0)
    assert (reading.model_id, reading.checkpoint) == (campaign.current_model_id, CHECKPOINT)
    campaign.current_checkpoint = "f" * 64
    campaign.save()
    again = open_reading(reader=reader, cine=cine, campaign=campaign)
    assert (again.pk, again.checkpoint) == (reading.pk, CHECKPOINT)
    following = open_reading(reader=reader, cine=make_cine(campaign), campaign=campaign)
    assert following.checkpoint == "f" * 64
    assert hints.of("reading")[0] == {"type": "reading", "cine": str(cine.pk)}
    assert AuditEntry.objects.filter(action="reading.open", target_id=str(reading.pk)).count() == 1


def test_opening_uses_the_model_promoted_after_the_campaign_was_loaded() -> None:
    """The model is read when the reading is made."""
    campaign = make_campaign()
    type(campaign).objects.filter(pk=campaign.pk).update(current_checkpoint="e" * 64)
    reading = open_reading(reader=make_member(campaign), cine=make_cine(campaign), campaign=campaign)
    assert reading.checkpoint == "e" * 64


def test_a_cine_is_read_as_often_as_the_campaign_asks() -> None:
    """Readers pick until the places are taken; one who was assigned always has a place."""
    campaign = make_campaign(readings_per_cine=2)
    cine = make_cine(campaign)
    first, second, third = (make_member(campaign) for _ in range(3))
    open_reading(reader=first, cine=cine, campaign=campaign)
    open_reading(reader=second, cine=cine, campaign=campaign)
    with pytest.raises(IllegalTransition) as refused:
        open_reading(reader=third, cine=cine, campaign=campaign)
    assert refused.value.code == "cine_taken"
    Assignment.objects.filter(reader=second).update(status="WITHDRAWN")
    open_reading(reader=third, cine=cine, campaign=campaign)
    fourth = make_member(campaign)
    assign_reader(campaign=campaign, cine=cine, reader=fourth)
    assert open_reading(reader=fourth, cine=cine, campaign=campaign).reader == fourth


def test_who_and_what_cannot_be_opened() -> None:
    """Strangers, withdrawn orders, cines of other campaigns."""
    campaign, other = make_campaign(), make_campaign()
    reader, cine = make_member(campaign), make_cine(campaign)
    with pytest.raises(PermissionDenied):
        open_reading(reader=make_user(), cine=cine, campaign=campaign)
    with pytest.raises(NotFound) as elsewhere:
        open_reading(reader=reader, cine=make_cine(other), campaign=campaign)
    assert elsewhere.value.code == "cine_not_in_campaign"
    assign_reader(campaign=campaign, cine=cine, reader=reader)
    Assignment.objects.filter(reader=reader).update(status="WITHDRAWN")
    with pytest.raises(PermissionDenied) as withdrawn:
        open_reading(reader=reader, cine=cine, campaign=campaign)
    assert withdrawn.value.code == "assignment_withdrawn"
    assert not Reading.objects.exists()


def test_submitting(hints: Hints) -> None:
    """Status, time, assignment and audit change together."""
    reading = drawn_reading()
    submitted = submit_reading(reading=reading, actor=reading.reader, base_revision=1)
    assert submitted.status == "SUBMITTED"
    stored = Reading.objects.get(pk=reading.pk)
    assert stored.status == "SUBMITTED"
    assert stored.submitted_at is not None
    assert stored.assignment.status == "DONE"
    entry = AuditEntry.objects.get(action="reading.submit", target_id=str(reading.pk))
    assert entry.actor == reading.reader
    assert entry.data == {"revision": 1, "masks": 1}
    assert list(accepted_readings(reading.campaign)) == [reading]
    assert hints.of("reading")[-1]["cine"] == str(reading.cine_id)


def test_what_cannot_be_submitted() -> None:
    """Nothing drawn, only cleared frames, an old revision, somebody else's, twice."""
    reading = make_reading()
    tab = Tab(reading)
    tab.send("edit", drawing(square(side=0)))

    def refused(actor: object = None, revision: int = 1) -> str:
        with pytest.raises(DomainError) as failed:
            submit_reading(reading=reading, actor=actor or reading.reader, base_revision=revision)
        return failed.value.code

    assert refused() == "nothing_to_submit"
    tab.send("edit", drawing())
    assert refused(revision=1) == "stale_revision"
    assert refused(actor=make_member(reading.campaign, "MANAGER"), revision=2) == "not_your_reading"
    submit_reading(reading=reading, actor=reading.reader, base_revision=2)
    assert refused(revision=2) == "reading_not_editable"
    assert AuditEntry.objects.filter(action="reading.submit").count() == 1


def test_a_refused_submission_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails, the first ones have not happened."""
    reading = drawn_reading()

    def fail(**_: object) -> None:
        raise StaleRevision("No.", code="broken")

    monkeypatch.setattr("annotator.readings.services.states.audit.record", fail)
    with pytest.raises(StaleRevision):
        submit_reading(reading=reading, actor=reading.reader, base_revision=1)
    stored = Reading.objects.get(pk=reading.pk)
    assert (stored.status, stored.submitted_at, stored.assignment.status) == ("DRAFT", None, "ACCEPTED")


def test_reopening() -> None:
    """The reader or a manager reopens; the work goes on from the same revision and is submitted again."""
    reading = submitted_reading()
    for stranger in (make_member(reading.campaign), make_user()):
        with pytest.raises(PermissionDenied):
            reopen_reading(reading=reading, actor=stranger)
    reopened = reopen_reading(reading=reading, actor=make_member(reading.campaign, "MANAGER"), reason="Frame 3")
    assert reopened.status == "REOPENED"
    assert Reading.objects.get(pk=reading.pk).assignment.status == "ACCEPTED"
    assert not accepted_readings(reading.campaign).exists()
    tab = Tab(reopened)
    tab.send("edit", drawing(frame=1))
    again = submit_reading(reading=reading, actor=reading.reader, base_revision=2)
    assert again.status == "SUBMITTED"
    assert Reading.objects.get(pk=reading.pk).assignment.status == "DONE"
    assert reopen_reading(reading=reading, actor=reading.reader).status == "REOPENED"


@pytest.mark.parametrize("status", [ReadingStatus.DRAFT, ReadingStatus.LOCKED])
def test_only_submitted_readings_are_reopened(status: str) -> None:
    """A draft is open already, a locked one stays shut."""
    reading = submitted_reading()
    Reading.objects.filter(pk=reading.pk).update(status=status)
    with pytest.raises(IllegalTransition):
        reopen_reading(reading=reading, actor=reading.reader)


def test_accepted_masks_hold_what_a_dataset_needs() -> None:
    """Human and accepted masks, empty ones as "nothing here", with their provenance."""
    reading = make_reading()
    tab = Tab(reading)
    tab.send("edit", drawing(square(1, 1), frame=0))
    tab.send("edit", drawing(square(side=0), frame=1))
    tab.send("edit", drawing(square(2, 2), frame=2, label=CATHETER))
    tab.undo(tab.send("edit", drawing(square(3, 3), frame=4)))
    tab.send("accept", {"frame_indices": [2], "accepted": True})
    found = [(m.label, m.label_index, m.frame_index, m.area, m.provenance, m.accepted) for m in accepted_masks(reading)]
    assert found == [
        (ARTERY, 1, 0, 16, "HUMAN", False),
        (ARTERY, 1, 1, 0, "HUMAN", False),
        (CATHETER, 2, 2, 16, "HUMAN", True),
    ]


def test_what_only_the_model_has_seen_is_not_learnt_from() -> None:
    """A predicted mask counts once its frame is accepted; without any such mask nothing can be submitted."""
    reading = make_reading()
    tab = Tab(reading)
    for frame in (0, 1):
        prompt = tab.send("prompt", click(frame=frame))
        record_mask(
            event=prompt.event,
            label=label_of(reading),
            frame_index=frame,
            mask=encode_mask(square()),
            provenance=Provenance.MODEL,
            base_revision=reading.revision,
        )
    with pytest.raises(Unprocessable) as refused:
        submit_reading(reading=reading, actor=reading.reader, base_revision=2)
    assert refused.value.code == "nothing_accepted"
    tab.send("accept", {"frame_indices": [1], "accepted": True})
    submit_reading(reading=reading, actor=reading.reader, base_revision=3)
    assert [(mask.frame_index, mask.provenance) for mask in accepted_masks(reading)] == [(1, "MODEL")]


def test_importing_goes_through_the_same_events() -> None:
    """An imported reading looks as if its reader had drawn it."""
    campaign = make_campaign()
    reader, cine = make_member(campaign), make_cine(campaign)
    masks = {(ARTERY, 2): square(1, 1), (CATHETER, 0): square(5, 5), (ARTERY, 1): square(side=0)}
    reading = import_accepted_reading(campaign=campaign, cine=cine, reader=reader, masks=masks)
    assert reading.status == "SUBMITTED"
    assert reading.revision == 4
    kinds = list(ReadingEvent.objects.filter(reading=reading).values_list("kind", flat=True))
    assert kinds == ["edit", "edit", "edit", "accept"]
    stored = {(m.label, m.frame_index): decode_mask(blobs.get_bytes(m.blob)) for m in accepted_masks(reading)}
    assert stored.keys() == masks.keys()
    assert all((stored[pair] == mask).all() for pair, mask in masks.items())
    assert all(mask.accepted for mask in current_masks(reading))


@pytest.mark.parametrize(
    ("masks", "code"),
    [
        ({(ARTERY, 0): square(), (ARTERY, FRAMES): square()}, "frame_out_of_range"),
        ({(ARTERY, 0): square(), ("spleen", 0): square()}, "unknown_label"),
        ({(ARTERY, 0): square(), (ARTERY, 1): np.ones((ROWS, 3), bool)}, "mask_size_mismatch"),
        ({(ARTERY, 0): square(), (ARTERY, 1): np.ones((2, ROWS, 3), bool)}, "malformed_mask"),
        ({(ARTERY, 0): square(side=0)}, "nothing_to_submit"),
        ({}, "nothing_to_submit"),
    ],
)
def test_a_refused_import_leaves_nothing(masks: dict[tuple[str, int], np.ndarray], code: str) -> None:
    """One wrong mask, and neither reading nor assignment exists."""
    campaign = make_campaign()
    reader, cine = make_member(campaign), make_cine(campaign)
    with pytest.raises(DomainError) as refused:
        import_accepted_reading(campaign=campaign, cine=cine, reader=reader, masks=masks)
    assert refused.value.code == code
    assert not Reading.objects.exists()
    assert not Assignment.objects.exists()


def test_an_import_never_overwrites_work() -> None:
    """A reader who has begun keeps what is there."""
    reading = make_reading()
    Tab(reading).send("prompt", click())
    with pytest.raises(IllegalTransition) as refused:
        import_accepted_reading(
            campaign=reading.campaign, cine=reading.cine, reader=reading.reader, masks={(ARTERY, 0): square()}
        )
    assert refused.value.code == "reading_has_work"
    with pytest.raises(Unprocessable):
        submit_reading(reading=reading, actor=reading.reader, base_revision=1)
