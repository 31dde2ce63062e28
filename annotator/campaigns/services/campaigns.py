"""Make campaigns, and change what their managers may change."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, CampaignCine, LabelSchema, Membership
from annotator.campaigns.permissions import require_manager
from annotator.core import audit
from annotator.core.errors import InvalidInput
from annotator.imaging.models import Cine

CHANGEABLE = frozenset({"name", "train_after", "auto_promote", "min_gain", "readings_per_cine", "training_config"})


@transaction.atomic
def create_campaign(
    *, slug: str, name: str, schema: LabelSchema, modality: str, actor: User | None = None, **settings: Any
) -> Campaign:
    """Make a campaign.

    Parameters
    ----------
    slug, name, modality : str
    schema : LabelSchema
    actor : User, optional
        Becomes its manager.
    **settings
        Any other field of `Campaign`.

    Raises
    ------
    InvalidInput
        With code ``invalid_campaign``.
    """
    campaign = Campaign(slug=slug, name=name, schema=schema, modality=modality, **settings)
    _clean(campaign)
    campaign.save()
    audit.record(actor=actor, action="campaign.create", target=campaign)
    if isinstance(actor, User):
        add_member(campaign=campaign, user=actor, role=Membership.Role.MANAGER)
    return campaign


@transaction.atomic
def update_campaign(*, campaign: Campaign, actor: User, changes: dict[str, Any]) -> Campaign:
    """Change settings of a campaign.

    Raises
    ------
    PermissionDenied
        Unless the actor manages the campaign.
    InvalidInput
        With code ``invalid_campaign`` or ``unknown_setting``.
    """
    require_manager(actor, campaign)
    unknown = sorted(changes.keys() - CHANGEABLE)
    if unknown:
        raise InvalidInput(f"A campaign has no setting {unknown[0]!r} to change.", code="unknown_setting")
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    before = {key: getattr(locked, key) for key in changes}
    for key, value in changes.items():
        setattr(locked, key, value)
    _clean(locked)
    locked.save(update_fields=[*changes, "updated_at"])
    audit.record(actor=actor, action="campaign.update", target=locked, data={"before": before, "after": changes})
    return locked


@transaction.atomic
def add_member(*, campaign: Campaign, user: User, role: str) -> Membership:
    """Give a user a role in a campaign, replacing an earlier one."""
    membership, _ = Membership.objects.update_or_create(campaign=campaign, user=user, defaults={"role": role})
    return membership


@transaction.atomic
def add_cine(*, campaign: Campaign, cine: Cine) -> CampaignCine:
    """Put a cine at the end of a campaign's reading order; a no-op when it is there already."""
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    existing = CampaignCine.objects.filter(campaign=campaign, cine=cine).first()
    if existing is not None:
        return existing
    last = CampaignCine.objects.filter(campaign=campaign).aggregate(last=Max("order"))["last"] or 0
    return CampaignCine.objects.create(campaign=campaign, cine=cine, order=last + 1)


def _clean(campaign: Campaign) -> None:
    try:
        campaign.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(f"{field}: {messages[0]}", code="invalid_campaign", details={"field": field}) from error
