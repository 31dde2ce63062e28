"""Make accounts and sign people in."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest

from annotator.accounts.models import User
from annotator.core import audit
from annotator.core.errors import InvalidInput


@transaction.atomic
def create_user(*, username: str, password: str, display_name: str = "", is_staff: bool = False) -> User:
    """Make an account, or return the one of that name unchanged.

    Parameters
    ----------
    username, password : str
    display_name : str, optional
        Shown instead of the user name.
    is_staff : bool
        Staff see every campaign.
    """
    existing = User.objects.filter(username=username).first()
    if existing is not None:
        return existing
    user = User(username=username, display_name=display_name, is_staff=is_staff)
    user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save()
    audit.record(actor=None, action="user.create", target=user)
    return user


def user_group(user_id: object) -> str:
    """Return the channel group of a user's sockets, which are told when a session ends."""
    return f"user.{user_id}"


def check_credentials(*, request: HttpRequest | None, username: str, password: str) -> User:
    """Return the active user of these credentials.

    Raises
    ------
    InvalidInput
        With code ``bad_credentials``; the sentence does not say which half was wrong.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise InvalidInput("The user name or the password is wrong.", code="bad_credentials")
    return user
