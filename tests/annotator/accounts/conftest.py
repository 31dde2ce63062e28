"""What the tests of accounts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from annotator.accounts.models import User
from annotator.accounts.services import create_user

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def no_attempts() -> Iterator[None]:
    """Forget the attempts to sign in that other tests have made."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def user(db: None) -> User:
    """Return a user who may sign in."""
    return create_user(username="ada", password=PASSWORD, display_name="Ada L.")
