"""Runs, models, evaluations and promotions over HTTP: who sees and does what, and how refusals look."""

from __future__ import annotations

import uuid

import pytest
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.registry.models import TrainingRun
from tests.factories.datasets import accepted_campaign, make_campaign, make_user, manager_of, reader_of
from tests.factories.registry import finish, make_model, queued_run, tell

pytestmark = pytest.mark.django_db
API = "/api/v1"


def client_of(user: object) -> APIClient:
    """Return a client that is signed in as a user."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def campaign() -> Campaign:
    """Return a campaign with a model and accepted readings of three patients."""
    made = accepted_campaign(patients=3)
    make_model(made)
    return made


@pytest.fixture
def manager(campaign: Campaign) -> APIClient:
    """Return a client of the campaign's manager."""
    return client_of(manager_of(campaign))


@pytest.fixture
def reader(campaign: Campaign) -> APIClient:
    """Return a client of the campaign's reader."""
    return client_of(reader_of(campaign))


def test_the_loop_of_a_manager(campaign: Campaign, manager: APIClient, reader: APIClient) -> None:
    """Train, watch, compare, promote, roll back."""
    answer = manager.post(f"{API}/training-runs/", {"campaign": campaign.slug, "config": {"steps": 9}}, format="json")
    assert answer.status_code == 201, answer.content
    started = answer.json()
    assert (started["status"], started["config"], started["model"]) == ("QUEUED", {"steps": 9, "method": "full"}, None)
    run = TrainingRun.objects.get(pk=started["id"])
    tell(run, "progress", step=3, total_steps=9, loss=0.5, elapsed_s=1.0)
    shown = reader.get(f"{API}/training-runs/{run.pk}/").json()
    assert (shown["status"], shown["curve"], shown["progress"]["step"]) == ("RUNNING", [[3, 0.5, None]], 3)
    summary = reader.get(f"{API}/campaigns/{campaign.slug}/summary/").json()
    assert summary["running_training"]["id"] == str(run.pk)
    assert summary["latest_version"]["number"] == 1
    finish(run, before=0.4, after=0.6)
    models = reader.get(f"{API}/models/", {"campaign": campaign.slug}).json()["results"]
    candidate = next(row for row in models if row["training_run"] == str(run.pk))
    assert (candidate["status"], candidate["campaign"]) == ("EVALUATED", campaign.slug)
    evaluations = reader.get(f"{API}/evaluations/", {"campaign": campaign.slug}).json()["results"]
    assert {row["model_number"]: row["iou"] for row in evaluations} == {0: 0.4, 1: 0.6}
    assert all(row["is_locked_test"] and row["cines"] for row in evaluations)
    promoted = manager.post(f"{API}/models/{candidate['id']}/promote/", {"campaign": campaign.slug}, format="json")
    assert promoted.status_code == 201, promoted.content
    shown = reader.get(f"{API}/campaigns/{campaign.slug}/").json()
    assert shown["current_checkpoint"] == candidate["checkpoint"]
    back = manager.post(f"{API}/campaigns/{campaign.slug}/rollback/")
    assert back.status_code == 201
    assert back.json()["model"]["number"] == 0
    history = reader.get(f"{API}/promotions/", {"campaign": campaign.slug}).json()["results"]
    assert [row["reason"] for row in history] == ["rollback", "manual", "rule"]


def test_models_tell_how_they_can_be_trained(campaign: Campaign, manager: APIClient) -> None:
    """The usual choice first; what cannot be trained is refused by code when it is asked for."""
    make_model(tag="published", family="medsam2")
    make_model(campaign, tag="unknown", family="sam9")
    rows = manager.get(f"{API}/models/").json()["results"]
    assert {row["family"]: row["training_methods"] for row in rows} == {
        "bundled": ["full", "decoder", "lora"],
        "medsam2": ["lora", "decoder", "full"],
        "sam9": [],
    }
    answer = manager.post(f"{API}/training-runs/", {"campaign": campaign.slug}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "family_not_trainable")


def test_lineage(campaign: Campaign, reader: APIClient) -> None:
    """A model names its parent, run, version, masks and readings, and stands beside its parent."""
    run = finish(queued_run(campaign), before=0.4, after=0.6)
    lineage = reader.get(f"{API}/models/{run.model.pk}/").json()["lineage"]
    assert lineage["parent"]["number"] == 0
    assert lineage["training_run"]["id"] == str(run.pk)
    assert lineage["dataset_version"]["manifest_digest"] == run.dataset_version.manifest_digest
    assert (lineage["masks"], len(lineage["readings"])) == (6, 3)
    assert lineage["comparison"]["gain"] == pytest.approx(0.2)
    assert lineage["comparison"]["previous"]["model_number"] == 0
    bundled = reader.get(f"{API}/models/{run.base.pk}/").json()["lineage"]
    assert bundled == {
        "parent": None,
        "training_run": None,
        "dataset_version": None,
        "masks": 0,
        "readings": [],
        "comparison": None,
    }


def test_readers_look_and_managers_act(campaign: Campaign, reader: APIClient) -> None:
    """Every changing request of a reader is refused with the same code."""
    run = queued_run(campaign)
    requests = {
        "training-runs/": {"campaign": campaign.slug},
        f"training-runs/{run.pk}/cancel/": {},
        f"models/{run.base.pk}/promote/": {"campaign": campaign.slug},
        f"campaigns/{campaign.slug}/rollback/": {},
    }
    for path, body in requests.items():
        answer = reader.post(f"{API}/{path}", body, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "manager_only"), path
    run.refresh_from_db()
    assert run.is_live


def test_strangers_see_nothing(campaign: Campaign) -> None:
    """Lists are empty, addresses lead nowhere, and the bundled model is everybody's."""
    run = finish(queued_run(campaign))
    stranger = client_of(manager_of(make_campaign("other")))
    for path in ("training-runs", "evaluations", "promotions"):
        assert stranger.get(f"{API}/{path}/").json()["count"] == 0, path
    assert [row["number"] for row in stranger.get(f"{API}/models/").json()["results"]] == [0]
    for path in (f"training-runs/{run.pk}", f"models/{run.model.pk}", f"campaigns/{campaign.slug}/summary"):
        assert stranger.get(f"{API}/{path}/").status_code == 404, path
    answer = stranger.post(f"{API}/models/{run.base.pk}/promote/", {"campaign": campaign.slug}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "campaign_not_found")
    assert APIClient().get(f"{API}/models/").status_code in (401, 403)


def test_refusals_have_a_code_and_a_sentence(campaign: Campaign, manager: APIClient) -> None:
    """Every bad request is a 4xx of the one shape."""
    run = queued_run(campaign)
    other = client_of(make_user("staff", is_staff=True))
    cases = [
        (manager, "training-runs/", {"campaign": campaign.slug}, 409, "training_already_running"),
        (manager, "training-runs/", {"campaign": "nowhere"}, 404, "campaign_not_found"),
        (manager, "training-runs/", {}, 400, "invalid_input"),
        (manager, "training-runs/", {"campaign": campaign.slug, "config": {"steps": "many"}}, 400, "invalid_input"),
        (
            manager,
            "training-runs/",
            {"campaign": campaign.slug, "config": {"stepz": 4}},
            400,
            "unknown_training_setting",
        ),
        (
            manager,
            "training-runs/",
            {"campaign": campaign.slug, "dataset_version": str(uuid.uuid4())},
            404,
            "version_not_found",
        ),
        (manager, f"models/{run.base.pk}/promote/", {"campaign": campaign.slug}, 409, "already_current"),
        (manager, f"models/{run.base.pk}/promote/", {}, 400, "invalid_input"),
        (manager, f"models/{uuid.uuid4()}/promote/", {"campaign": campaign.slug}, 404, "not_found"),
        (manager, f"campaigns/{campaign.slug}/rollback/", {}, 409, "nothing_to_roll_back"),
        (other, "campaigns/nowhere/rollback/", {}, 404, "campaign_not_found"),
    ]
    for client, path, body, status, code in cases:
        answer = client.post(f"{API}/{path}", body, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), (path, body)
        assert answer.json()["error"]["message"].endswith(".")
    assert manager.post(f"{API}/training-runs/{run.pk}/cancel/").status_code == 200
    ended = manager.post(f"{API}/training-runs/{run.pk}/cancel/")
    assert (ended.status_code, ended.json()["error"]["code"]) == (409, "training_has_ended")
    assert manager.get(f"{API}/models/not-a-uuid/").status_code == 404
    assert manager.get(f"{API}/evaluations/", {"model": "not-a-uuid"}).status_code == 400
