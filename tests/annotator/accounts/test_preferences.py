"""The choices of a user kept on the account: checked, bounded, private, and the newer one wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotator.accounts.models import Preference, User
from annotator.accounts.services import create_user
from tests.annotator.accounts.conftest import PASSWORD

URL = "/api/v1/auth/me/preferences/keymap/"
NOW = "2026-01-02T03:04:05.678000Z"
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(user: User) -> Client:
    """Return the client of a signed-in user."""
    client = Client()
    client.force_login(user)
    return client


def keymap(keys: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a key map with some fields changed."""
    return {"format": "cineloop.keymap", "version": 1, "keys": {"play": ["f2"]} if keys is None else keys, **changes}


def put(browser: Client, value: Any, changed_at: Any = NOW, url: str = URL) -> Any:
    """Put a value."""
    return browser.put(url, {"value": value, "changed_at": changed_at}, "application/json")


def test_a_choice_is_kept_and_found_again(browser: Client) -> None:
    """Nothing at first; then what was put, whichever browser asks."""
    assert browser.get(URL).json() == {"value": None, "changed_at": None}
    answer = put(browser, keymap(mouse={"wheel": "zoom"}))
    assert answer.status_code == 200
    assert browser.get(URL).json() == {"value": keymap(mouse={"wheel": "zoom"}), "changed_at": NOW}
    assert put(browser, keymap({}), "2026-01-02T03:04:06Z").status_code == 200
    assert browser.get(URL).json()["value"] == keymap({})
    assert Preference.objects.count() == 1


def test_an_older_choice_is_refused_and_a_repeated_one_is_not(browser: Client) -> None:
    """A browser that was offline does not cover what another has set since."""
    put(browser, keymap())
    answer = put(browser, keymap({}), "2026-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "newer_preference")
    assert put(browser, keymap()).status_code == 200


def test_a_clock_that_is_fast_does_not_lock_the_others_out(browser: Client) -> None:
    """A time to come counts as now."""
    put(browser, keymap(), (timezone.now() + timedelta(days=900)).isoformat())
    assert put(browser, keymap({}), (timezone.now() + timedelta(seconds=1)).isoformat()).status_code == 200


def test_a_choice_is_of_one_user(browser: Client) -> None:
    """Others neither see nor change it, and nobody does without signing in."""
    put(browser, keymap())
    other = Client()
    other.force_login(create_user(username="bob", password=PASSWORD))
    assert other.get(URL).json()["value"] is None
    assert Client().get(URL).status_code == 401
    assert put(Client(), keymap()).status_code == 401


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ([], 400, "invalid_preference"),
        ("keys", 400, "invalid_preference"),
        (None, 400, "invalid_input"),
        ({}, 400, "invalid_keymap"),
        (keymap(format="other"), 400, "invalid_keymap"),
        (keymap(version=0), 400, "invalid_keymap"),
        (keymap(version=True), 400, "invalid_keymap"),
        (keymap([]), 400, "invalid_keymap"),
        (keymap({"play": "f2"}), 400, "invalid_keymap"),
        (keymap({"play": [2]}), 400, "invalid_keymap"),
        (keymap({"play": ["a", "b", "c", "d", "e", "f", "g", "h", "i"]}), 400, "invalid_keymap"),
        (keymap({"play": ["x" * 65]}), 400, "invalid_keymap"),
        (keymap({"play": ["\0"]}), 400, "invalid_keymap"),
        (keymap({"\ud800": ["f2"]}), 400, "invalid_keymap"),
        (keymap({"play": ["f2"], "undo": ["f2"]}), 400, "key_conflict"),
        (keymap(mouse={"wheel": 1}), 400, "invalid_keymap"),
        (keymap(theme="light"), 400, "invalid_keymap"),
        (keymap(theme="x" * 70_000), 413, "preference_too_large"),
    ],
)
def test_a_bad_choice_is_refused_with_a_sentence(browser: Client, value: Any, status: int, code: str) -> None:
    """And nothing is kept."""
    answer = put(browser, value)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"].endswith(".")
    assert not Preference.objects.exists()


def test_an_unknown_name_or_time_is_refused(browser: Client) -> None:
    """With a code of its own."""
    answer = put(browser, keymap(), url=URL.replace("keymap", "theme"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_preference")
    assert put(browser, keymap(), "yesterday").status_code == 400
    assert put(browser, keymap(), None).status_code == 400
