"""Promotion and rollback: what new readings start from, and the history behind it."""

from __future__ import annotations

import pytest

from annotator.campaigns.models import Campaign
from annotator.core.errors import IllegalTransition
from annotator.core.models import AuditEntry
from annotator.readings.services import open_reading
from annotator.registry.models import ModelStatus, ModelVersion, Promotion, TrainingRun
from annotator.registry.selectors import promotion_stack
from annotator.registry.services import promote_model, rollback_promotion
from tests.factories.datasets import accepted_campaign, make_campaign, make_cine, manager_of, reader_of
from tests.factories.registry import figures, finish, make_model, queued_run, store_checkpoint, tell

pytestmark = pytest.mark.django_db


def status_of(model: ModelVersion) -> str:
    """Return the stored status of a model."""
    return ModelVersion.objects.get(pk=model.pk).status


def test_only_new_readings_use_the_promoted_model() -> None:
    """A reading keeps the model that it was opened with."""
    campaign = make_campaign()
    first, second = make_model(campaign, "a"), make_model(tag="b")
    before = open_reading(reader=reader_of(campaign), cine=make_cine(campaign, seed=1), campaign=campaign)
    promote_model(campaign=campaign, model=second, actor=manager_of(campaign))
    campaign.refresh_from_db()
    after = open_reading(reader=reader_of(campaign), cine=make_cine(campaign, seed=2), campaign=campaign)
    before.refresh_from_db()
    assert (before.model_id, before.checkpoint) == (first.pk, first.checkpoint)
    assert (after.model_id, after.checkpoint, after.family) == (second.pk, second.checkpoint, "bundled")


def test_promotion_is_written_down() -> None:
    """Who, when, from which to which; the model before is retired."""
    campaign = make_campaign()
    first, second = make_model(campaign, "a"), make_model(tag="b")
    promotion = promote_model(campaign=campaign, model=second, actor=manager_of(campaign))
    assert (promotion.model, promotion.previous, promotion.reason) == (second, first, "manual")
    assert (status_of(first), status_of(second)) == (ModelStatus.RETIRED, ModelStatus.PROMOTED)
    entry = AuditEntry.objects.filter(action="registry.model_promoted").latest("pk")
    assert entry.actor == manager_of(campaign)
    assert entry.data == {"model": str(second.pk), "previous": str(first.pk), "reason": "manual"}


def test_a_model_that_another_campaign_uses_is_not_retired() -> None:
    """Retired means that nobody uses it."""
    one, other = make_campaign("one"), make_campaign("other")
    shared = make_model(one, "shared")
    promote_model(campaign=other, model=shared, actor=None)
    promote_model(campaign=one, model=make_model(tag="b"), actor=None)
    assert status_of(shared) == ModelStatus.PROMOTED


def test_rollback_goes_back_one_model_each_time() -> None:
    """Two rollbacks go back two models; then there is none left."""
    campaign = make_campaign()
    models = [make_model(campaign, "a"), make_model(tag="b"), make_model(tag="c")]
    for model in models[1:]:
        promote_model(campaign=campaign, model=model, actor=None)
    for expected in (models[1], models[0]):
        rollback = rollback_promotion(campaign=campaign, actor=manager_of(campaign))
        campaign.refresh_from_db()
        assert (rollback.model, rollback.reason) == (expected, "rollback")
        assert campaign.current_checkpoint == expected.checkpoint
        assert status_of(expected) == ModelStatus.PROMOTED
    with pytest.raises(IllegalTransition) as refusal:
        rollback_promotion(campaign=campaign, actor=manager_of(campaign))
    assert refusal.value.code == "nothing_to_roll_back"
    promote_model(campaign=campaign, model=models[2], actor=None)
    assert promotion_stack(campaign) == [models[0], models[2]]
    assert Promotion.objects.filter(campaign=campaign).count() == 6


def test_refusals() -> None:
    """The current model, and one that was never measured, cannot be promoted."""
    campaign = make_campaign()
    current = make_model(campaign, "a")
    with pytest.raises(IllegalTransition) as refusal:
        promote_model(campaign=campaign, model=current, actor=None)
    assert refusal.value.code == "already_current"
    candidate = make_model(tag="b")
    ModelVersion.objects.filter(pk=candidate.pk).update(status=ModelStatus.CANDIDATE)
    with pytest.raises(IllegalTransition) as refusal:
        promote_model(campaign=campaign, model=candidate, actor=None)
    assert refusal.value.code == "model_not_evaluated"
    assert Promotion.objects.count() == 1


def trained(campaign: Campaign, *, before: float, after: float) -> TrainingRun:
    """Return a run that ended with these figures."""
    return finish(queued_run(campaign), before=before, after=after)


@pytest.mark.parametrize(
    ("auto", "min_gain", "before", "after", "promoted"),
    [
        (True, 0.0, 0.4, 0.5, True),
        (True, 0.0, 0.5, 0.5, False),
        (True, 0.0, 0.5, 0.4, False),
        (True, -0.5, 0.5, 0.4, False),
        (True, 0.2, 0.4, 0.5, False),
        (True, 0.2, 0.4, 0.7, True),
        (False, 0.0, 0.1, 0.9, False),
    ],
)
def test_the_rule_promotes_only_a_gain(
    auto: bool, min_gain: float, before: float, after: float, promoted: bool
) -> None:
    """The campaign must allow it, and the gain must be positive and large enough."""
    campaign = accepted_campaign(patients=3, auto_promote=auto, min_gain=min_gain)
    run = trained(campaign, before=before, after=after)
    campaign.refresh_from_db()
    assert (campaign.current_model_id == run.model.pk) is promoted
    if promoted:
        assert Promotion.objects.latest("created_at").reason == "rule"


def test_the_rule_needs_the_locked_test_part() -> None:
    """A figure on the train part of a single patient promotes nothing."""
    campaign = accepted_campaign(patients=1, auto_promote=True)
    run = queued_run(campaign)
    checkpoint = store_checkpoint("alone")
    data = {checkpoint: figures(0.9, split="train"), run.base.checkpoint: figures(0.1, split="train")}
    tell(run, "done", checkpoint=checkpoint, evaluations=data)
    campaign.refresh_from_db()
    assert campaign.current_model_id == run.base_id


def test_the_rule_needs_the_comparison_with_the_current_model() -> None:
    """Without the figures of the model before, or when another was promoted meanwhile, nobody is promoted."""
    campaign = accepted_campaign(patients=3, auto_promote=True)
    run = queued_run(campaign)
    checkpoint = store_checkpoint("single")
    tell(run, "done", checkpoint=checkpoint, evaluations={checkpoint: figures(0.9)})
    campaign.refresh_from_db()
    assert campaign.current_model_id == run.base_id
    second = queued_run(campaign, dataset_version=run.dataset_version)
    meanwhile = make_model(campaign, "meanwhile")
    finish(second, tag="late")
    campaign.refresh_from_db()
    assert campaign.current_model_id == meanwhile.pk
