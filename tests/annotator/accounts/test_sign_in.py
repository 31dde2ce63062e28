"""Signing in and out with a session, as browsers do it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.campaigns.models import Membership
from annotator.campaigns.services import add_member
from tests.annotator.accounts.conftest import PASSWORD
from tests.factories.readings import make_campaign

API = "/api/v1/auth"
SAME_REFUSAL = {
    "error": {"code": "bad_credentials", "message": "The user name or the password is wrong.", "details": {}}
}
LIMIT = 30


@pytest.fixture
def browser() -> Client:
    """Return a client that must send the form token, as a browser must."""
    return Client(enforce_csrf_checks=True)


def form_token(browser: Client) -> dict[str, str]:
    """Fetch the form token and return the header that carries it."""
    return {"X-CSRFToken": browser.get(f"{API}/csrf/").json()["csrf_token"]}


def sign_in(browser: Client, username: str = "ada", password: str = PASSWORD, **headers: str) -> Any:
    """Post credentials with the form token."""
    body = {"username": username, "password": password}
    return browser.post(f"{API}/login/", body, "application/json", headers={**form_token(browser), **headers})


def test_the_form_token_comes_first(browser: Client, settings: Settings) -> None:
    """With its cookie, and whether this site is a demo, so that the page can offer the demo's accounts."""
    answer = browser.get(f"{API}/csrf/")
    assert answer.status_code == 200
    assert answer.json() == {"csrf_token": answer.json()["csrf_token"], "demo": False}
    assert answer.cookies["csrftoken"]["samesite"] == "Lax"
    settings.DEMO = True
    assert browser.get(f"{API}/csrf/").json()["demo"] is True


def test_signing_in_begins_a_session(browser: Client, user: User) -> None:
    """The answer is what `me` says; the cookie is kept from scripts and from other sites."""
    answer = sign_in(browser)
    assert answer.status_code == 200
    expected = {
        "id": str(user.pk),
        "username": "ada",
        "display_name": "Ada L.",
        "is_staff": False,
        "memberships": [],
    }
    assert answer.json() == expected
    assert answer.cookies["sessionid"]["httponly"]
    assert answer.cookies["sessionid"]["samesite"] == "Lax"
    assert browser.get(f"{API}/me/").json() == expected
    user.refresh_from_db()
    assert user.last_login is not None


def test_me_names_the_roles(browser: Client, user: User) -> None:
    """By campaign, in the order of their names; nothing of campaigns of others."""
    for slug, role in (("vessels", Membership.Role.READER), ("echo", Membership.Role.MANAGER)):
        add_member(campaign=make_campaign(slug=slug), user=user, role=role)
    make_campaign(slug="others")
    sign_in(browser)
    assert browser.get(f"{API}/me/").json()["memberships"] == [
        {"campaign": "echo", "role": "MANAGER"},
        {"campaign": "vessels", "role": "READER"},
    ]


def test_without_a_display_name_the_user_name_is_shown(browser: Client, db: None) -> None:
    """Something is always shown."""
    create_user(username="grace", password=PASSWORD, is_staff=True)
    shown = sign_in(browser, "grace").json()
    assert (shown["display_name"], shown["is_staff"]) == ("grace", True)


def test_nobody_has_signed_in(browser: Client, db: None) -> None:
    """`me` and signing out need somebody; the answer says how to sign in."""
    for answer in (browser.get(f"{API}/me/"), browser.post(f"{API}/logout/")):
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "not_authenticated"
        assert answer["WWW-Authenticate"] == "Token"


def test_signing_out_ends_the_session(browser: Client, user: User) -> None:
    """On the server, not only in the browser: the old cookie is worth nothing."""
    sign_in(browser)
    old = browser.cookies["sessionid"].value
    answer = browser.post(f"{API}/logout/", None, "application/json", headers=form_token(browser))
    assert (answer.status_code, answer.content) == (204, b"")
    assert browser.get(f"{API}/me/").status_code == 401
    browser.cookies["sessionid"] = old
    assert browser.get(f"{API}/me/").status_code == 401


def test_signing_out_needs_the_form_token(browser: Client, user: User) -> None:
    """Another site cannot sign somebody out, nor do anything else with their cookie."""
    sign_in(browser)
    refused = browser.post(f"{API}/logout/", None, "application/json")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "permission_denied"
    assert refused.json()["error"]["message"].startswith("CSRF Failed")
    assert browser.get(f"{API}/me/").status_code == 200


def test_a_form_of_another_site_cannot_sign_somebody_in(browser: Client, user: User) -> None:
    """Only JSON is read, which no form can send."""
    body = f"username=ada&password={PASSWORD}"
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        answer = browser.post(f"{API}/login/", body, kind)
        assert answer.status_code == 415
    assert "sessionid" not in browser.cookies


def test_signing_in_makes_a_new_session(browser: Client, user: User) -> None:
    """A session that somebody else has planted beforehand does not become the user's."""
    session = browser.session
    session["planted"] = True
    session.save()
    planted = browser.cookies["sessionid"].value
    sign_in(browser)
    assert browser.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get(f"{API}/me/").status_code == 401


@pytest.mark.parametrize("path", ["login", "token"])
def test_a_refusal_does_not_tell_which_accounts_there_are(path: str, user: User, db: None) -> None:
    """Wrong password, unknown name, inactive account: the same status and the same words."""
    create_user(username="gone", password=PASSWORD)
    User.objects.filter(username="gone").update(is_active=False)
    attempts = [("ada", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("gone", "wrong"), ("ADA", PASSWORD)]
    for username, password in attempts:
        client = Client()
        body = {"username": username, "password": password}
        answer = client.post(f"{API}/{path}/", body, "application/json")
        assert (answer.status_code, answer.json()) == (400, SAME_REFUSAL), username
        assert "sessionid" not in client.cookies


def test_an_unknown_name_costs_the_server_as_much_as_a_known_one(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is hashed either way, so that the time of an answer does not tell them apart."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for number, username in enumerate(("ada", "nobody"), 1):
        Client().post(f"{API}/login/", {"username": username, "password": "wrong"}, "application/json")
        assert hashed == ["wrong"] * number


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "username"),
        ({"username": "ada"}, "password"),
        ({"username": "ada", "password": ""}, "password"),
        ({"username": "a" * 151, "password": "x"}, "username"),
        ({"username": "ada", "password": "x" * 257}, "password"),
        ({"username": "ada", "password": ["x"]}, "password"),
        ({"username": "a\0da", "password": "x"}, "username"),
    ],
)
def test_malformed_credentials(db: None, body: dict[str, Any], field: str) -> None:
    """The field is named; what was typed is not repeated."""
    answer = Client().post(f"{API}/login/", body, "application/json")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_input"
    assert error["message"].startswith(f"{field}: ")
    assert list(error["details"]["fields"]) == [field]


def test_a_password_may_begin_and_end_with_a_blank(db: None) -> None:
    """It is taken as it was typed."""
    create_user(username="blank", password=" with blanks ")
    assert sign_in(Client(), "blank", " with blanks ").status_code == 200
    assert sign_in(Client(), "blank", "with blanks").status_code == 400


def test_an_account_that_is_closed_loses_its_session(browser: Client, user: User) -> None:
    """At once, not at the next sign-in."""
    sign_in(browser)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert browser.get(f"{API}/me/").status_code == 401


def test_a_new_password_ends_the_other_sessions(browser: Client, user: User) -> None:
    """Whoever had the old one is out."""
    sign_in(browser)
    user.set_password("another long password")
    user.save()
    assert browser.get(f"{API}/me/").status_code == 401


@pytest.mark.parametrize("path", ["login", "token"])
def test_guessing_is_slowed_down(path: str, user: User) -> None:
    """After thirty attempts in a minute even the right password waits; the answer says how long."""
    client = Client()
    right, wrong = ({"username": "ada", "password": password} for password in (PASSWORD, "wrong"))
    for _ in range(LIMIT):
        assert client.post(f"{API}/{path}/", wrong, "application/json").status_code == 400
    answer = client.post(f"{API}/{path}/", right, "application/json")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60
    assert client.get(f"{API}/csrf/").status_code == 200
    cache.clear()
    assert client.post(f"{API}/{path}/", right, "application/json").status_code == 200


def test_both_doors_count_the_same_attempts(user: User) -> None:
    """The token's door is no second chance."""
    client = Client()
    body = {"username": "ada", "password": "wrong"}
    for number in range(LIMIT):
        client.post(f"{API}/{('login', 'token')[number % 2]}/", body, "application/json")
    assert client.post(f"{API}/token/", body, "application/json").status_code == 429


def test_who_guesses_cannot_pretend_to_be_many(user: User) -> None:
    """What a client writes into its own headers does not make it another client."""
    client = Client()
    body = {"username": "ada", "password": "wrong"}
    statuses = [
        client.post(
            f"{API}/login/", body, "application/json", headers={"X-Forwarded-For": f"10.0.0.{number}"}
        ).status_code
        for number in range(LIMIT + 1)
    ]
    assert statuses == [400] * LIMIT + [429]


def test_another_machine_is_not_slowed_down(user: User) -> None:
    """One who guesses does not lock the others out."""
    body = {"username": "ada", "password": PASSWORD}
    for _ in range(LIMIT + 1):
        Client(REMOTE_ADDR="10.0.0.1").post(f"{API}/login/", {**body, "password": "wrong"}, "application/json")
    assert Client(REMOTE_ADDR="10.0.0.2").post(f"{API}/login/", body, "application/json").status_code == 200
