"""Tokens: how scripts use the API."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from annotator.accounts.authentication import user_of
from annotator.accounts.models import User
from tests.annotator.accounts.conftest import PASSWORD

API = "/api/v1"


@pytest.fixture
def token(user: User) -> str:
    """Return the user's token, asked for as a script does."""
    answer = Client().post(f"{API}/auth/token/", {"username": "ada", "password": PASSWORD}, "application/json")
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    return str(answer.json()["token"])


def ask(authorization: str | None, path: str = "auth/me/") -> tuple[int, dict[str, object]]:
    """Return status and body of a request with an Authorization header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client(enforce_csrf_checks=True).get(f"{API}/{path}", headers=headers)
    return answer.status_code, answer.json()


def test_a_token_stands_for_its_user(token: str, user: User) -> None:
    """On the API, without a session and without a form token."""
    status, body = ask(f"Token {token}")
    assert (status, body["username"]) == (200, "ada")
    status, body = ask(f"Token {token}", "campaigns/")
    assert (status, body["count"]) == (200, 0)
    answer = Client(enforce_csrf_checks=True).post(
        f"{API}/datasets/", {}, "application/json", headers={"Authorization": f"Token {token}"}
    )
    assert answer.json()["error"]["code"] == "invalid_input"


def test_a_token_begins_no_session(token: str) -> None:
    """Asking for one leaves no cookie behind."""
    client = Client()
    client.post(f"{API}/auth/token/", {"username": "ada", "password": PASSWORD}, "application/json")
    client.get(f"{API}/auth/me/", headers={"Authorization": f"Token {token}"})
    assert "sessionid" not in client.cookies


def test_a_user_has_one_token(token: str, user: User) -> None:
    """Asking again gives the same, so that scripts that run already are not cut off."""
    answer = Client().post(f"{API}/auth/token/", {"username": "ada", "password": PASSWORD}, "application/json")
    assert answer.json()["token"] == token
    assert Token.objects.filter(user=user).count() == 1
    assert len(token) == 40


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Token",
        "Token wrong",
        "Token two words",
        f"Token {'0' * 40}",
        f"Bearer {'0' * 40}",
        f"Basic {'YWRhOmEgbG9uZyBwYXNzd29yZA=='}",
        "Token \xff\xfe",
    ],
)
def test_what_is_no_token_is_refused(token: str, authorization: str | None) -> None:
    """401 with the way to sign in, and nothing of the API."""
    for path in ("auth/me/", "campaigns/", "worklist/"):
        status, body = ask(authorization, path)
        assert status == 401
        error = body["error"]
        assert isinstance(error, dict)
        assert error["code"] in ("not_authenticated", "authentication_failed")
        assert error["message"].endswith(".")


def test_the_token_of_a_closed_account_is_worth_nothing(token: str, user: User) -> None:
    """At once; and nobody learns from the answer whether it was ever good."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    status, body = ask(f"Token {token}")
    assert status == 401
    assert "error" in body


def test_a_withdrawn_token_is_worth_nothing(token: str, user: User) -> None:
    """The next one that is made is another."""
    Token.objects.filter(user=user).delete()
    assert ask(f"Token {token}")[0] == 401
    answer = Client().post(f"{API}/auth/token/", {"username": "ada", "password": PASSWORD}, "application/json")
    assert answer.json()["token"] != token


def test_a_view_knows_its_user_or_refuses(user: User) -> None:
    """`user_of` never hands out somebody who has not signed in."""
    request = APIRequestFactory().get("/")
    anonymous: Request = APIView().initialize_request(request)
    with pytest.raises(NotAuthenticated):
        user_of(anonymous)
    force_authenticate(request, user)
    assert user_of(APIView().initialize_request(request)) == user
