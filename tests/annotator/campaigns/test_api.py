"""Campaigns over HTTP: who sees and changes them, and what may be changed to what."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core.models import AuditEntry
from tests.factories.readings import make_campaign, make_member, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/campaigns/"


def client_of(user: object) -> APIClient:
    """Return a client that is signed in as a user."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_members_and_staff_see_a_campaign_with_its_labels_and_members(
    campaign: Campaign, reader: User, manager: User
) -> None:
    """In lists and by its short name."""
    for user in (reader, manager, make_user(is_staff=True)):
        client = client_of(user)
        (row,) = client.get(URL).json()["results"]
        assert row == client.get(f"{URL}vessels/").json()
        assert [(label["index"], label["code"]) for label in row["labels"]] == [(1, "coronary_artery"), (2, "catheter")]
        assert {(member["username"], member["role"]) for member in row["members"]} == {
            ("vessels-reader", "READER"),
            ("vessels-manager", "MANAGER"),
        }
        assert "split_seed" not in row


def test_outsiders_are_not_told_that_a_campaign_exists(campaign: Campaign) -> None:
    """Neither to see nor to change."""
    for user in (make_user(), make_member(make_campaign(), "MANAGER")):
        client = client_of(user)
        assert "vessels" not in {row["slug"] for row in client.get(URL).json()["results"]}
        for answer in (
            client.get(f"{URL}vessels/"),
            client.patch(f"{URL}vessels/", {"train_after": 1}, format="json"),
            client.get(f"{URL}vessels/summary/"),
        ):
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] in {"not_found", "campaign_not_found"}
    assert APIClient().get(URL).status_code == 401


@pytest.mark.parametrize("role", ["READER", "ADJUDICATOR"])
def test_only_managers_change_a_campaign(role: str, campaign: Campaign) -> None:
    """Others are told so, and nothing changes."""
    answer = client_of(make_member(campaign, role)).patch(f"{URL}vessels/", {"train_after": 1}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "manager_only")
    campaign.refresh_from_db()
    assert campaign.train_after == 5


def test_a_manager_changes_the_settings_that_may_change(campaign: Campaign, manager: User) -> None:
    """The answer is the campaign; the audit log has before and after."""
    changes = {
        "name": "Vessels, second round",
        "train_after": 7,
        "auto_promote": True,
        "min_gain": 0.25,
        "readings_per_cine": 2,
        "training_config": {"steps": 20.0, "method": "lora"},
    }
    answer = client_of(manager).patch(f"{URL}vessels/", changes, format="json")
    assert answer.status_code == 200, answer.content
    assert {key: answer.json()[key] for key in changes} == changes
    campaign.refresh_from_db()
    assert {key: getattr(campaign, key) for key in changes} == changes
    entry = AuditEntry.objects.get(action="campaign.update")
    assert (entry.actor_id, entry.target_id) == (manager.pk, str(campaign.pk))
    assert (entry.data["before"]["train_after"], entry.data["after"]["train_after"]) == (5, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"train_after": 0},
        {"train_after": "soon"},
        {"train_after": 10**9},
        {"min_gain": 1.5},
        {"min_gain": "nan"},
        {"min_gain": "-inf"},
        {"readings_per_cine": 0},
        {"readings_per_cine": None},
        {"auto_promote": "perhaps"},
        {"name": ""},
        {"name": "x" * 161},
        {"name": "a\x00b"},
        {"training_config": [1]},
        {"training_config": {"lr": "fast"}},
        {"training_config": {"lr": "inf"}},
        {"training_config": {"method": ["lora"]}},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], campaign: Campaign, manager: User) -> None:
    """With the field that is wrong, on either database."""
    before = Campaign.objects.values().get(pk=campaign.pk)
    answer = client_of(manager).patch(f"{URL}vessels/", changes, format="json")
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert error["code"] == "invalid_input"
    assert error["details"]["fields"].keys() == changes.keys()
    assert error["message"].startswith(f"{next(iter(changes))}: ") or "training_config" in changes
    assert Campaign.objects.values().get(pk=campaign.pk) == before


def test_a_number_too_large_for_a_float_is_refused(campaign: Campaign, manager: User) -> None:
    """JSON can say it, a database cannot hold it."""
    body = '{"training_config": {"lr": 1e999}}'
    answer = client_of(manager).patch(f"{URL}vessels/", body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes", [{"slug": "other"}, {"split_seed": "x"}, {"current_checkpoint": "f" * 64}, {"modality": "US"}], ids=str
)
def test_what_is_fixed_stays_fixed(changes: dict[str, Any], campaign: Campaign, manager: User) -> None:
    """Above all the key of the split and the promoted model."""
    before = Campaign.objects.values().get(pk=campaign.pk)
    client_of(manager).patch(f"{URL}vessels/", changes, format="json")
    after = Campaign.objects.values().get(pk=campaign.pk)
    assert {key: value for key, value in after.items() if key != "updated_at"} == {
        key: value for key, value in before.items() if key != "updated_at"
    }


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_campaigns_are_neither_made_nor_deleted_over_http(method: str, campaign: Campaign, manager: User) -> None:
    """The answer says so in the usual shape."""
    url = URL if method == "post" else f"{URL}vessels/"
    answer = getattr(client_of(manager), method)(url, {}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
