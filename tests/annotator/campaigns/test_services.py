"""Making campaigns, schemas, members and assignments."""

from __future__ import annotations

import pytest

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Campaign, CampaignCine, LabelSchema, Membership
from annotator.campaigns.permissions import is_manager, is_member
from annotator.campaigns.services import (
    LabelSpec,
    add_cine,
    add_member,
    assign_reader,
    create_campaign,
    ensure_schema,
    update_campaign,
)
from annotator.core.errors import DomainError, InvalidInput, PermissionDenied
from tests.factories.readings import make_campaign, make_cine, make_user

pytestmark = pytest.mark.django_db


def test_who_makes_a_campaign_manages_it() -> None:
    """And one made by the system has no members."""
    schema = ensure_schema(name="One", labels=[LabelSpec("vessel", "Vessel", "#00ff00")])
    actor = make_user()
    campaign = create_campaign(slug="own", name="Own", schema=schema, modality="XA", actor=actor)
    assert is_manager(actor, campaign)
    other = create_campaign(slug="system", name="System", schema=schema, modality="XA")
    assert not other.memberships.exists()
    assert campaign.split_seed != other.split_seed


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": "not a slug"},
        {"slug": ""},
        {"name": ""},
        {"train_after": 0},
        {"min_gain": 2.0},
        {"readings_per_cine": 0},
    ],
    ids=str,
)
def test_a_campaign_that_makes_no_sense_is_not_made(changes: dict[str, object]) -> None:
    """The refusal names the field."""
    schema = ensure_schema(name="One", labels=[LabelSpec("vessel", "Vessel", "#00ff00")])
    with pytest.raises(InvalidInput) as caught:
        create_campaign(**{"slug": "fine", "name": "Fine", "schema": schema, "modality": "XA", **changes})
    assert caught.value.code == "invalid_campaign"
    assert not Campaign.objects.exists()


def test_a_short_name_is_given_once(campaign: Campaign) -> None:
    """The second campaign of that name is refused."""
    with pytest.raises(InvalidInput, match="slug"):
        make_campaign(slug="vessels")


@pytest.mark.parametrize("count", [0, 9])
def test_a_schema_has_one_to_eight_labels(count: int) -> None:
    """The viewer draws a bit for each."""
    labels = [LabelSpec(f"label_{number}", f"Label {number}", "#123456") for number in range(count)]
    with pytest.raises(InvalidInput) as caught:
        ensure_schema(name="Odd", labels=labels)
    assert caught.value.code == "bad_label_count"
    assert not LabelSchema.objects.filter(name="Odd").exists()


def test_a_schema_of_a_known_name_is_not_made_again() -> None:
    """Even with other labels: readings lean on it."""
    first = ensure_schema(name="Same", labels=[LabelSpec("vessel", "Vessel", "#00ff00")])
    again = ensure_schema(name="Same", labels=[LabelSpec("stent", "Stent", "#0000ff")])
    assert again.pk == first.pk
    assert [label.code for label in again.labels.all()] == ["vessel"]


def test_a_new_role_replaces_the_old_one(campaign: Campaign, reader: User) -> None:
    """A member has one role."""
    add_member(campaign=campaign, user=reader, role=Membership.Role.MANAGER)
    assert Membership.objects.filter(campaign=campaign, user=reader).count() == 1
    assert is_manager(reader, campaign)


def test_inactive_staff_take_part_in_nothing(campaign: Campaign) -> None:
    """A closed account loses what its flag gave."""
    staff = make_user(is_staff=True)
    assert is_member(staff, campaign)
    staff.is_active = False
    assert not is_member(staff, campaign)


def test_cines_keep_the_order_in_which_they_came(campaign: Campaign) -> None:
    """Adding one again changes nothing."""
    cines = [make_cine(campaign) for _ in range(3)]
    add_cine(campaign=campaign, cine=cines[0])
    rows = CampaignCine.objects.filter(campaign=campaign).order_by("order")
    assert [(row.cine_id, row.order) for row in rows] == [(cine.pk, n) for n, cine in enumerate(cines, 1)]


def test_a_reader_is_assigned_a_cine_once(campaign: Campaign, reader: User) -> None:
    """The blind code tells nothing of the name."""
    cine = make_cine(campaign)
    first = assign_reader(campaign=campaign, cine=cine, reader=reader)
    assert assign_reader(campaign=campaign, cine=cine, reader=reader).pk == first.pk
    assert Assignment.objects.count() == 1
    assert first.blind_code
    assert reader.username not in first.blind_code


def test_an_outsider_is_assigned_nothing(campaign: Campaign) -> None:
    """Nor a reader a cine of another campaign."""
    with pytest.raises(DomainError):
        assign_reader(campaign=campaign, cine=make_cine(campaign), reader=make_user())
    assert not Assignment.objects.exists()


def test_an_unknown_setting_is_not_changed(campaign: Campaign, manager: User, reader: User) -> None:
    """Services refuse what the API would not even pass on."""
    with pytest.raises(InvalidInput) as caught:
        update_campaign(campaign=campaign, actor=manager, changes={"split_seed": "known"})
    assert caught.value.code == "unknown_setting"
    with pytest.raises(PermissionDenied):
        update_campaign(campaign=campaign, actor=reader, changes={"train_after": 9})
