"""Who may do what in a campaign."""

from __future__ import annotations

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, Membership
from annotator.core.errors import PermissionDenied


def _is_active_staff(user: User) -> bool:
    return user.is_active and user.is_staff


def is_member(user: User, campaign: Campaign) -> bool:
    """Tell whether a user takes part in a campaign in any role; staff take part in all."""
    return _is_active_staff(user) or Membership.objects.filter(user_id=user.pk, campaign=campaign).exists()


def is_manager(user: User, campaign: Campaign) -> bool:
    """Tell whether a user manages a campaign; staff manage all."""
    managers = Membership.objects.filter(user_id=user.pk, campaign=campaign, role=Membership.Role.MANAGER)
    return _is_active_staff(user) or managers.exists()


def require_manager(user: User, campaign: Campaign) -> None:
    """Raise PermissionDenied unless the user manages the campaign."""
    if not is_manager(user, campaign):
        raise PermissionDenied("Only a manager of this campaign may do this.", code="manager_only")


def require_member(user: User, campaign: Campaign) -> None:
    """Raise PermissionDenied unless the user takes part in the campaign."""
    if not is_member(user, campaign):
        raise PermissionDenied("Only members of this campaign may do this.", code="member_only")
