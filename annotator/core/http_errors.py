"""Turn errors into HTTP answers of one shape: {"error": {"code", "message", "details"}}."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation, TooManyFilesSent
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from annotator.core import errors

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.PermissionDenied, 403),
    (errors.NotFound, 404),
    (errors.IllegalTransition, 409),
    (errors.StaleRevision, 409),
    (errors.TooLarge, 413),
    (errors.Unprocessable, 422),
    (errors.Busy, 503),
    (errors.InvalidInput, 400),
)
INTERNAL = "Something went wrong on the server; nothing was changed. Please try again or tell the administrator."


def error_body(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of an error answer."""
    return {"error": {"code": code, "message": message, "details": details or {}}}


def status_of(error: errors.DomainError) -> int:
    """Return the HTTP status of a domain error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 400)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Answer any exception of an API view; unexpected ones are logged and answered without their text."""
    set_rollback()
    if isinstance(error, errors.DomainError):
        return Response(error_body(error.code, error.message, error.details), status=status_of(error))
    if isinstance(error, Http404):
        return Response(error_body("not_found", "There is no such thing."), status=404)
    if isinstance(error, DjangoPermissionDenied):
        return Response(error_body("permission_denied", "You may not do this."), status=403)
    if isinstance(error, exceptions.ValidationError):
        return Response(
            error_body("invalid_input", _first_sentence(error.detail), {"fields": error.detail}), status=400
        )
    if isinstance(error, TooManyFilesSent):
        message = "The upload holds more files than one request may; send them in parts, or as a .zip archive."
        return Response(error_body("too_many_files", message), status=413)
    if isinstance(error, SuspiciousOperation):
        return Response(error_body("bad_request", "The request cannot be understood."), status=400)
    if isinstance(error, exceptions.APIException):
        return _api_exception(error)
    logger.exception("unexpected error in %s", type(context.get("view")).__name__)
    return Response(error_body("internal", INTERNAL), status=500)


def _api_exception(error: exceptions.APIException) -> Response:
    """Answer one of DRF's own exceptions, keeping the headers it asks for."""
    headers = {}
    wait, challenge = getattr(error, "wait", None), getattr(error, "auth_header", None)
    if wait:
        headers["Retry-After"] = str(math.ceil(wait))
    if challenge:
        headers["WWW-Authenticate"] = challenge
    code = str(getattr(error.detail, "code", None) or error.default_code)
    message = str(error.detail)
    return Response(
        error_body(code, message if message.endswith(".") else f"{message}."),
        status=error.status_code,
        headers=headers,
    )


def _first_sentence(detail: Any, field: str = "") -> str:
    """Return the first message of a validation error, naming its field."""
    if isinstance(detail, dict) and detail:
        key, value = next(iter(detail.items()))
        if isinstance(key, int):  # a place in a list: the list is what the user knows by name
            return _first_sentence(value, field)
        return _first_sentence(value, "" if key == "non_field_errors" else str(key))
    if isinstance(detail, list) and detail:
        return _first_sentence(detail[0], field)
    text = str(detail) if detail else "The request is not valid."
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    return f"{field}: {text}" if field else text
