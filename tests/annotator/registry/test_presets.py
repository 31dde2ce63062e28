"""Which model to try first for which modality: advice, then what was measured."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.registry.models import Evaluation, ModelVersion
from annotator.registry.services.presets import ADVICE
from tests.factories.datasets import accept_new, accepted_campaign, make_campaign, make_user, manager_of, reader_of
from tests.factories.registry import finish, make_model, queued_run
from workers.protocol.families import FAMILIES

pytestmark = pytest.mark.django_db
PATH = "/api/v1/model-presets/"


def presets_of(user: object) -> dict[str, dict[str, Any]]:
    """Return what a user is told, by modality."""
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.content
    return {row["modality"]: row for row in answer.json()}


def measured_campaign(
    slug: str = "study", *, modality: str = "XA", before: float = 0.4, after: float = 0.6
) -> Campaign:
    """Return a campaign whose training was measured on a test part of one cine."""
    campaign = accepted_campaign(patients=3, slug=slug)
    Campaign.objects.filter(pk=campaign.pk).update(modality=modality)
    campaign.refresh_from_db()
    finish(queued_run(campaign), tag=f"trained in {slug}", before=before, after=after)
    return campaign


def test_advice_stands_until_something_is_measured() -> None:
    """Six modalities, each with a family that is known, a reason and a way to window."""
    told = presets_of(reader_of(make_campaign()))
    assert list(told) == ["XA", "US", "MR", "CT", "IVUS", "OCT"]
    first = {modality: row["family"] for modality, row in told.items()}
    assert first == {
        "XA": "bundled",
        "US": "medsam2",
        "MR": "medsam2",
        "CT": "medsam2",
        "IVUS": "medsam2",
        "OCT": "medsam2",
    }
    assert told["XA"]["reason"].startswith("Neither MedSAM2 nor SAM 2.1 has seen X-ray angiograms")
    for row in told.values():
        assert (row["source"], row["measured"]) == ("advice", None)
        assert row["reason"].endswith(".")
        assert row["window"]
        assert row["labels"]
        assert row["preprocess_id"] == FAMILIES[row["family"]].preprocess_id
    assert {modality for modality, row in told.items() if row["also_try"]} == {"CT", "IVUS", "OCT"}
    assert told["CT"]["also_try"] == ["SAM 2.1 tiny"]


def test_advised_families_exist() -> None:
    """No advice names a family that no worker knows."""
    assert {family for advice in ADVICE for family in advice.families} <= set(FAMILIES)


def test_ct_has_window_presets() -> None:
    """Level and width in Hounsfield units."""
    told = presets_of(make_user("anybody"))
    windows = {row["name"]: (row["level"], row["width"], row["unit"]) for row in told["CT"]["windows"]}
    assert windows == {
        "brain": (40, 80, "HU"),
        "abdomen": (40, 400, "HU"),
        "lung": (-600, 1500, "HU"),
        "mediastinum": (50, 350, "HU"),
        "bone": (400, 1800, "HU"),
    }
    assert all(not row["windows"] for modality, row in told.items() if modality != "CT")


def test_a_measured_comparison_takes_the_place_of_advice() -> None:
    """The best model of its modality with its figures; other modalities keep their advice."""
    campaign = measured_campaign(modality="US")
    told = presets_of(reader_of(campaign))
    best = ModelVersion.objects.get(number=1)
    assert told["US"]["source"] == "measured"
    assert told["US"]["family"] == "bundled"
    measured = told["US"]["measured"]
    assert measured["model"]["id"] == str(best.pk)
    assert (measured["iou"], measured["cines"], measured["compared"]) == (0.6, 1, 2)
    assert (measured["campaign"], measured["version"]) == ("study", 1)
    assert told["US"]["reason"] == (
        "Best of 2 models measured on 1 test cine of Study, version 1. Not measured yet: MedSAM2."
    )
    assert {row["source"] for modality, row in told.items() if modality != "US"} == {"advice"}


def test_the_best_model_need_not_be_the_newest() -> None:
    """A training that made it worse does not become the advice."""
    campaign = measured_campaign(before=0.7, after=0.5)
    assert presets_of(reader_of(campaign))["XA"]["measured"]["model"]["number"] == 0


def test_the_newest_measured_version_counts() -> None:
    """Figures on other cines are not compared with those of today."""
    campaign = measured_campaign(after=0.9)
    accept_new(campaign, patient="P-9", seed=90)
    finish(queued_run(campaign), tag="again", before=0.3, after=0.5)
    told = presets_of(reader_of(campaign))["XA"]
    assert (told["measured"]["version"], told["measured"]["iou"], told["measured"]["compared"]) == (2, 0.5, 2)


def test_the_campaign_with_the_most_cines_speaks() -> None:
    """Of those of one modality that the user may see."""
    small, large = measured_campaign("small", after=0.9), measured_campaign("large", after=0.6)
    rows = Evaluation.objects.filter(dataset_version__campaign=large)
    rows.update(cines=[{"cine": f"c-{place}", "iou": 0.6, "dice": 0.7} for place in range(5)])
    staff = make_user("staff", is_staff=True)
    told = presets_of(staff)["XA"]["measured"]
    assert (told["campaign"], told["cines"]) == ("large", 5)
    assert presets_of(reader_of(small))["XA"]["measured"]["campaign"] == "small"


def test_figures_of_the_train_part_are_no_measurement() -> None:
    """They say nothing of new patients."""
    campaign = measured_campaign()
    Evaluation.objects.update(split="train")
    assert presets_of(reader_of(campaign))["XA"]["source"] == "advice"


def test_a_single_model_is_told_to_be_the_only_one() -> None:
    """And an added model of another family counts as measured once it was."""
    campaign = measured_campaign(modality="MR")
    Evaluation.objects.filter(model__number=0).delete()
    told = presets_of(manager_of(campaign))["MR"]
    assert told["reason"].startswith("The only model measured on 1 test cine of Study, version 1.")
    other = make_model(None, "medsam2-latest")
    ModelVersion.objects.filter(pk=other.pk).update(family="medsam2", preprocess_id="medsam2-512-v1")
    row = Evaluation.objects.get()
    Evaluation.objects.create(
        model=other, dataset_version=row.dataset_version, split="test", iou=0.8, dice=0.85, cines=row.cines
    )
    told = presets_of(manager_of(campaign))["MR"]
    assert (told["family"], told["family_title"], told["preprocess_id"]) == ("medsam2", "MedSAM2", "medsam2-512-v1")
    assert told["reason"] == "Best of 2 models measured on 1 test cine of Study, version 1."


def test_strangers_get_advice_and_nobody_without_a_session() -> None:
    """Figures of a campaign are for those who may see it."""
    measured_campaign()
    stranger = manager_of(make_campaign("other"))
    told = presets_of(stranger)
    assert {row["source"] for row in told.values()} == {"advice"}
    assert "Study" not in str(told)
    assert APIClient().get(PATH).status_code in (401, 403)
    client = APIClient()
    client.force_authenticate(stranger)
    assert client.post(PATH, {}, format="json").status_code == 405
