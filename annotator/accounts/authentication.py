"""Who made a request."""

from __future__ import annotations

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from annotator.accounts.models import User


def user_of(request: Request) -> User:
    """Return the user of a request that authentication has let through.

    Raises
    ------
    NotAuthenticated
        When nobody has signed in; views that ask for authentication have refused such a request before.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
