"""Making accounts and checking credentials."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotator.accounts.models import User
from annotator.accounts.services import check_credentials, create_user
from annotator.core.errors import InvalidInput
from annotator.core.models import AuditEntry
from tests.annotator.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_an_account_is_made_once(user: User) -> None:
    """Making it again returns it as it is: nobody's password is replaced by running a set-up twice."""
    again = create_user(username="ada", password="another password", display_name="Other", is_staff=True)
    assert again.pk == user.pk
    stored = User.objects.get(username="ada")
    assert (stored.display_name, stored.is_staff) == ("Ada L.", False)
    assert stored.check_password(PASSWORD)
    entries = AuditEntry.objects.filter(action="user.create")
    assert [(entry.target_type, entry.target_id, entry.actor) for entry in entries] == [
        ("accounts.user", str(user.pk), None)
    ]


def test_the_password_is_stored_as_a_hash(user: User) -> None:
    """And stands in no audit entry."""
    assert PASSWORD not in user.password
    assert not any(PASSWORD in str(entry.data) for entry in AuditEntry.objects.all())


@pytest.mark.parametrize("username", ["", "two words", "a" * 151, "semi;colon"])
def test_a_bad_name_makes_no_account(username: str) -> None:
    """Neither account nor entry."""
    with pytest.raises(ValidationError):
        create_user(username=username, password=PASSWORD)
    assert not User.objects.exists()
    assert not AuditEntry.objects.exists()


def test_good_credentials_return_the_user(user: User) -> None:
    """With or without a request."""
    assert check_credentials(request=None, username="ada", password=PASSWORD) == user


@pytest.mark.parametrize(("username", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("ada", ""), ("", "")])
def test_bad_credentials_are_refused_alike(user: User, username: str, password: str) -> None:
    """One code and one sentence, whichever half was wrong."""
    with pytest.raises(InvalidInput) as refused:
        check_credentials(request=None, username=username, password=password)
    assert refused.value.code == "bad_credentials"
    assert refused.value.message == "The user name or the password is wrong."


def test_an_inactive_user_is_refused_alike(user: User) -> None:
    """Also with the right password."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(InvalidInput) as refused:
        check_credentials(request=None, username="ada", password=PASSWORD)
    assert refused.value.code == "bad_credentials"


def test_how_a_user_is_shown() -> None:
    """By the display name, or else by the user name."""
    assert str(User(username="ada", display_name="Ada L.")) == "Ada L."
    assert str(User(username="ada")) == "ada"
