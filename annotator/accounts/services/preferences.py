"""What a person has set for themselves, kept on the account: small JSON documents by name, each checked by its kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotator.accounts.models import Preference, User
from annotator.core.errors import InvalidInput, NotFound, StaleRevision, TooLarge

MAX_BYTES = 64 * 1024
MAX_ACTIONS = 500
MAX_CHORDS = 8
MAX_NAME = 64
KEYMAP_FORMAT = "cineloop.keymap"


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid_keymap")


def check_keymap(value: dict[str, Any]) -> None:
    """Refuse what no editor could read as keys and mouse; which actions and keys there are, the editor alone knows.

    Raises
    ------
    InvalidInput
        `invalid_keymap`, or `key_conflict` where one key is given to two actions.
    """
    if set(value) - {"format", "version", "keys", "mouse"}:
        raise _wrong("A key map has format, version, keys and mouse, and nothing else.")
    if value.get("format") != KEYMAP_FORMAT:
        raise _wrong(f"The format of a key map is {KEYMAP_FORMAT!r}.")
    version = value.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _wrong("The version of a key map is a whole number from 1.")
    keys, mouse = value.get("keys"), value.get("mouse", {})
    if not isinstance(keys, dict) or len(keys) > MAX_ACTIONS or not all(map(_is_name, keys)):
        raise _wrong(f"The keys are an object of at most {MAX_ACTIONS} actions.")
    if not isinstance(mouse, dict) or not all(_is_name(part) and _is_name(does) for part, does in mouse.items()):
        raise _wrong("The mouse is an object of names.")
    holders: dict[str, str] = {}
    for action, chords in keys.items():
        if not isinstance(chords, list) or len(chords) > MAX_CHORDS or not all(map(_is_name, chords)):
            raise _wrong(f"The keys of {action!r} are a list of at most {MAX_CHORDS} names.")
        for chord in chords:
            if chord in holders:
                raise InvalidInput(
                    f"The key {chord!r} is given to both {holders[chord]!r} and {action!r}.",
                    code="key_conflict",
                    details={"key": chord, "actions": [holders[chord], action]},
                )
            holders[chord] = action


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_NAME and value.isprintable()


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {"keymap": check_keymap}


def require_known(name: str) -> None:
    """Raise NotFound unless there is a preference of that name."""
    if name not in CHECKS:
        raise NotFound(f"There is no preference of that name; there is {', '.join(CHECKS)}.", code="unknown_preference")


def preference_of(*, user: User, name: str) -> Preference:
    """Return a preference, one without a value where the user has set none."""
    require_known(name)
    return Preference.objects.filter(user=user, name=name).first() or Preference(user=user, name=name)


def set_preference(*, user: User, name: str, value: object, changed_at: datetime) -> Preference:
    """Keep a preference, unless a newer one is kept already.

    Parameters
    ----------
    user : User
    name : str
    value : object
        Checked by its name's own rule.
    changed_at : datetime
        When the person chose it, by the clock of their computer; a time to come counts as now.

    Raises
    ------
    NotFound, InvalidInput, TooLarge
    StaleRevision
        `newer_preference` where another computer has set a newer one.
    """
    require_known(name)
    if not isinstance(value, dict):
        raise InvalidInput("A preference is an object.", code="invalid_preference")
    if len(json.dumps(value).encode()) > MAX_BYTES:
        raise TooLarge(f"A preference takes at most {MAX_BYTES // 1024} KiB.", code="preference_too_large")
    CHECKS[name](value)
    changed_at = min(changed_at, timezone.now())
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        kept = Preference.objects.filter(user=user, name=name).first() or Preference(user=user, name=name)
        if kept.changed_at is not None and kept.changed_at > changed_at:
            raise StaleRevision(
                "A newer choice is kept on the account.",
                code="newer_preference",
                details={"changed_at": kept.changed_at.isoformat()},
            )
        kept.value, kept.changed_at = value, changed_at
        kept.save()
    return kept
