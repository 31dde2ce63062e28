"""Who may do what in a campaign."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from annotator.campaigns.models import Campaign, Membership
from annotator.core.errors import PermissionDenied

AnyUser = AbstractBaseUser | AnonymousUser


def _is_active_staff(user: AnyUser) -> bool:
    return bool(user.is_active and getattr(user, "is_staff", False))


def is_member(user: AnyUser, campaign: Campaign) -> bool:
    """Tell whether a user takes part in a campaign in any role; staff take part in all."""
    return _is_active_staff(user) or Membership.objects.filter(user_id=user.pk, campaign=campaign).exists()


def is_manager(user: AnyUser, campaign: Campaign) -> bool:
    """Tell whether a user manages a campaign; staff manage all."""
    managers = Membership.objects.filter(user_id=user.pk, campaign=campaign, role=Membership.Role.MANAGER)
    return _is_active_staff(user) or managers.exists()


def require_manager(user: AnyUser, campaign: Campaign) -> None:
    """Raise PermissionDenied unless the user manages the campaign."""
    if not is_manager(user, campaign):
        raise PermissionDenied("Only a manager of this campaign may do this.", code="manager_only")


def require_member(user: AnyUser, campaign: Campaign) -> None:
    """Raise PermissionDenied unless the user takes part in the campaign."""
    if not is_member(user, campaign):
        raise PermissionDenied("Only members of this campaign may do this.", code="member_only")
