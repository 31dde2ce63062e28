"""Dataset versions over HTTP: who sees and freezes them, and how refusals look."""

from __future__ import annotations

import hashlib

import pytest
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.datasets.services import freeze_dataset_version
from tests.factories.datasets import accepted_campaign, make_campaign, make_user, manager_of, reader_of

pytestmark = pytest.mark.django_db
URL = "/api/v1/datasets/"


@pytest.fixture
def campaign() -> Campaign:
    """Return a campaign with accepted readings of three patients."""
    return accepted_campaign(patients=3)


def client_of(user: object) -> APIClient:
    """Return a client that is signed in as a user."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_a_manager_freezes_and_everybody_of_the_campaign_sees_it(campaign: Campaign) -> None:
    """Create, list, show, items and manifest."""
    answer = client_of(manager_of(campaign)).post(URL, {"campaign": campaign.slug, "reason": "now"}, format="json")
    assert answer.status_code == 201, answer.content
    version = answer.json()
    assert (version["status"], version["number"], version["created_by"]) == ("FROZEN", 1, "study-manager")
    reader = client_of(reader_of(campaign))
    listed = reader.get(URL, {"campaign": campaign.slug}).json()
    assert [row["id"] for row in listed["results"]] == [version["id"]]
    assert reader.get(f"{URL}{version['id']}/").json()["counts"]["splits"].keys() == {"train", "val", "test"}
    items = reader.get(f"{URL}{version['id']}/items/").json()
    assert items["count"] == 3
    manifest = reader.get(f"{URL}{version['id']}/manifest/")
    assert hashlib.sha256(manifest.content).hexdigest() == version["manifest_digest"]
    assert manifest["Content-Disposition"] == 'attachment; filename="study-v1.jsonl"'
    lineage = reader.get(f"{URL}{version['id']}/items/{items['results'][0]['id']}/lineage/").json()
    assert {row["event_kind"] for row in lineage} == {"edit"}


def test_only_managers_freeze(campaign: Campaign) -> None:
    """A reader is refused, a stranger is not even told that the campaign exists."""
    answer = client_of(reader_of(campaign)).post(URL, {"campaign": campaign.slug}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "manager_only")
    answer = client_of(make_user("stranger")).post(URL, {"campaign": campaign.slug}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "campaign_not_found")
    assert APIClient().post(URL, {"campaign": campaign.slug}, format="json").status_code in (401, 403)


def test_others_do_not_see_the_versions_of_a_campaign(campaign: Campaign) -> None:
    """Lists are empty and addresses lead nowhere."""
    version = freeze_dataset_version(campaign=campaign, actor=None)
    stranger = client_of(manager_of(make_campaign("other")))
    assert stranger.get(URL).json()["count"] == 0
    for path in ("", "manifest/", "items/"):
        assert stranger.get(f"{URL}{version.pk}/{path}").status_code == 404


def test_refusals_have_a_code_and_a_sentence(campaign: Campaign) -> None:
    """Nothing new is a conflict that names the version; an empty campaign cannot be processed."""
    manager = client_of(manager_of(campaign))
    version = manager.post(URL, {"campaign": campaign.slug}, format="json").json()
    again = manager.post(URL, {"campaign": campaign.slug}, format="json")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "nothing_new"
    assert again.json()["error"]["details"]["version"] == version["id"]
    empty = make_campaign("empty")
    answer = client_of(manager_of(empty)).post(URL, {"campaign": "empty"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "nothing_accepted")
    assert manager.post(URL, {}, format="json").status_code == 400
    assert manager.post(URL, {"campaign": ["x"]}, format="json").status_code == 400
    assert manager.get(f"{URL}not-a-uuid/").status_code == 404
    assert manager.delete(f"{URL}{version['id']}/").status_code == 405
    assert manager.patch(f"{URL}{version['id']}/", {"reason": "x"}, format="json").status_code == 405
