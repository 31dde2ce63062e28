"""Choose the model from which the next readings of a campaign start."""

from __future__ import annotations

from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core import audit
from annotator.core.errors import IllegalTransition
from annotator.core.transitions import transition
from annotator.registry.models import ModelStatus, ModelVersion, Promotion, PromotionReason
from annotator.registry.selectors import current_model, promotion_stack

from .announce import announce_model


def promote_model(
    *,
    campaign: Campaign,
    model: ModelVersion,
    actor: User | None,
    reason: str = PromotionReason.MANUAL,
) -> Promotion:
    """Make a model the current one of a campaign; readings opened from now on use it, older ones keep theirs.

    Parameters
    ----------
    campaign : Campaign
    model : ModelVersion
        Evaluated, or in use already elsewhere or before.
    actor : User or None
        None when a rule of the campaign promotes.
    reason : {"manual", "rule", "rollback"}

    Returns
    -------
    Promotion

    Raises
    ------
    IllegalTransition
        `already_current`: the campaign uses this model. `model_not_evaluated`: it has no evaluation yet.
    """
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        model = ModelVersion.objects.select_for_update().get(pk=model.pk)
        if campaign.current_model_id == model.pk:
            raise IllegalTransition(
                f"Model {model.number} already is the model of {campaign.name}.",
                code="already_current",
                details={"model": str(model.pk)},
            )
        if model.status == ModelStatus.CANDIDATE:
            raise IllegalTransition(
                f"Model {model.number} has not been evaluated, so it cannot be promoted.",
                code="model_not_evaluated",
                details={"model": str(model.pk)},
            )
        if model.status != ModelStatus.PROMOTED:
            model = transition(model, ModelStatus.PROMOTED, actor=actor, reason=reason)
        previous = current_model(campaign)
        campaign.current_model_id = model.pk
        campaign.current_checkpoint = model.checkpoint
        campaign.current_family = model.family
        campaign.save(update_fields=["current_model_id", "current_checkpoint", "current_family", "updated_at"])
        promotion = Promotion.objects.create(
            campaign=campaign, model=model, previous=previous, actor=actor, reason=reason
        )
        _retire_unused(previous, actor=actor)
        audit.record(
            actor=actor,
            action="registry.model_promoted",
            target=campaign,
            data={
                "model": str(model.pk),
                "previous": str(previous.pk) if previous else None,
                "reason": str(reason),
            },
        )
        announce_model(campaign=campaign, model=model)
    return promotion


def rollback_promotion(*, campaign: Campaign, actor: User) -> Promotion:
    """Go back to the model that the campaign used before the current one; a second call goes one further back.

    Raises
    ------
    IllegalTransition
        `nothing_to_roll_back`: the campaign has had no other model.
    """
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        stack = promotion_stack(campaign)
        if len(stack) < 2:
            raise IllegalTransition(
                f"{campaign.name} has had no earlier model to go back to.", code="nothing_to_roll_back"
            )
        return promote_model(campaign=campaign, model=stack[-2], actor=actor, reason=PromotionReason.ROLLBACK)


def _retire_unused(model: ModelVersion | None, *, actor: User | None) -> None:
    """Retire a model that no campaign uses any longer."""
    if model is None or model.status != ModelStatus.PROMOTED:
        return
    if not Campaign.objects.filter(current_model_id=model.pk).exists():
        transition(model, ModelStatus.RETIRED, actor=actor, reason="no campaign uses it any longer")
