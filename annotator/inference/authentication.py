"""Who is at the other end of a socket: the session's user, or the owner of a token in the address."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.auth import AuthMiddlewareStack, get_user
from channels.db import database_sync_to_async
from channels.middleware import BaseMiddleware
from django.conf import settings
from rest_framework.authtoken.models import Token


class TokenMiddleware(BaseMiddleware):
    """Replace the user of the scope where the address carries `?token=`.

    Notes
    -----
    Browsers cannot set headers on a WebSocket, so scripts send their token in the query. A wrong token leaves the
    connection anonymous: it never falls back to the session.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Look the token up, then go on."""
        values = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
        if values:
            scope = {**scope, "user": await _user_of(values[0]), "token": values[0]}
        return await super().__call__(scope, receive, send)


@database_sync_to_async
def _user_of(key: str) -> Any:
    if "\x00" in key:
        return None  # no key holds it, and PostgreSQL fails on the question
    token = Token.objects.select_related("user").filter(key=key, user__is_active=True).first()
    return token.user if token is not None else None


async def user_now(scope: Any) -> Any:
    """Return the user of a connection as of now: None or anonymous once the session or the token has ended."""
    if "token" in scope:
        return await _user_of(scope["token"])
    # A new store: the one of the scope remembers what the session held when the socket was opened.
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return await get_user({"session": store(scope["session"].session_key)})


def authenticated(application: Any) -> Any:
    """Wrap a consumer so that its scope names the user."""
    return AuthMiddlewareStack(TokenMiddleware(application))
