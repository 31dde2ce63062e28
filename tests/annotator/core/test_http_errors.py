"""Errors over HTTP: one shape, the right status, one human sentence, and never the text of an unexpected error."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from annotator.core import errors
from annotator.core.http_errors import INTERNAL, STATUS, error_body, exception_handler, status_of

SECRET = "password=hunter2"


class PointSerializer(serializers.Serializer[Any]):
    """A point of a body."""

    x = serializers.FloatField()


class BodySerializer(serializers.Serializer[Any]):
    """What the view of these tests takes."""

    name = serializers.SlugField(max_length=8)
    points = PointSerializer(many=True, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=8), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse one name, as a rule about the whole body."""
        if attrs["name"] == "whole":
            raise serializers.ValidationError("These do not go together")
        return attrs


class FailingView(APIView):
    """Takes a body, and fails in the way that the address asks for."""

    permission_classes = [AllowAny]

    def get(self, request: Request, kind: str) -> Response:
        """Fail."""
        raise {
            "unexpected": RuntimeError(SECRET),
            "domain": errors.Unprocessable("The reading has no mask.", code="nothing_accepted", details={"masks": 0}),
            "missing": Http404(SECRET),
            "denied": DjangoPermissionDenied(SECRET),
        }[kind]

    def post(self, request: Request, kind: str) -> Response:
        """Check the body."""
        body = BodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(body.validated_data)


def failing_page(request: HttpRequest) -> HttpResponse:
    """Fail outside of the API."""
    raise RuntimeError(SECRET)


def refusing_page(request: HttpRequest) -> HttpResponse:
    """Be refused by Django itself."""
    raise SuspiciousOperation(SECRET)


urlpatterns = [
    path("api/v1/fails/<slug:kind>/", FailingView.as_view()),
    path("fails/", failing_page),
    path("refuses/", refusing_page),
]
handler400 = "annotator.core.views.bad_request"
handler404 = "annotator.core.views.not_found"
handler500 = "annotator.core.views.server_error"
here = pytest.mark.urls(__name__)


def error_of(response: Any) -> dict[str, Any]:
    """Return the error of an answer after checking its shape: a code, one sentence, details, nothing else."""
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["code"].replace("_", "").islower()
    assert error["message"].endswith((".", "!", "?"))
    assert isinstance(error["details"], dict)
    return error


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidInput, 400),
        (errors.PermissionDenied, 403),
        (errors.NotFound, 404),
        (errors.IllegalTransition, 409),
        (errors.StaleRevision, 409),
        (errors.TooLarge, 413),
        (errors.Unprocessable, 422),
        (errors.Busy, 503),
        (errors.DomainError, 400),
    ],
)
def test_each_domain_error_has_its_status(kind: type[errors.DomainError], status: int) -> None:
    """And keeps its code, sentence and details."""
    error = kind("One sentence.", code="some_code", details={"limit": 3})
    answer = exception_handler(error, {})
    assert answer.status_code == status_of(error) == status
    assert answer.data == {"error": {"code": "some_code", "message": "One sentence.", "details": {"limit": 3}}}
    assert str(error) == "One sentence."


def test_no_domain_error_is_forgotten() -> None:
    """A new kind of error is added to the table, or is a kind of one that stands there."""
    kinds = set(errors.DomainError.__subclasses__())
    assert kinds == {kind for kind, _ in STATUS}


def test_a_narrower_error_is_answered_as_its_kind() -> None:
    """An app may name its own."""

    class NoSuchFrame(errors.NotFound):
        pass

    assert status_of(NoSuchFrame("There is no such frame.", code="frame_out_of_range")) == 404


def test_details_are_always_an_object() -> None:
    """A client need not ask whether they are there."""
    assert errors.Busy("Try again.", code="busy").details == {}
    assert error_body("busy", "Try again.") == {"error": {"code": "busy", "message": "Try again.", "details": {}}}


@here
def test_an_unexpected_error_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """The answer is the same whatever went wrong; the traceback is in the log."""
    with caplog.at_level(logging.ERROR, logger="annotator.core.http_errors"):
        answer = APIClient().get("/api/v1/fails/unexpected/")
    assert answer.status_code == 500
    assert error_of(answer) == {"code": "internal", "message": INTERNAL, "details": {}}
    assert SECRET not in answer.content.decode()
    assert "FailingView" in caplog.text
    assert SECRET in caplog.text


@here
def test_a_page_outside_of_the_api_fails_the_same_way() -> None:
    """Django's own handlers answer in the same shape."""
    client = Client(raise_request_exception=False)
    failed = client.get("/fails/")
    assert failed.status_code == 500
    assert error_of(failed)["code"] == "internal"
    refused = client.get("/refuses/")
    assert refused.status_code == 400
    assert error_of(refused)["code"] == "bad_request"
    missing = client.get("/nothing/")
    assert missing.status_code == 404
    assert error_of(missing)["code"] == "not_found"
    for answer in (failed, refused, missing):
        assert SECRET not in answer.content.decode()


@here
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("domain", 422, "nothing_accepted"), ("missing", 404, "not_found"), ("denied", 403, "permission_denied")],
)
def test_expected_errors_of_a_view(kind: str, status: int, code: str) -> None:
    """What a view raises on purpose, and what Django's helpers raise for it."""
    answer = APIClient().get(f"/api/v1/fails/{kind}/")
    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert SECRET not in answer.content.decode()


@here
@pytest.mark.parametrize(
    ("body", "message", "fields"),
    [
        ({}, "name: This field is required.", {"name": ["This field is required."]}),
        (
            {"name": "a b", "tags": ["c d"]},
            'name: Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.',
            None,
        ),
        ({"name": "whole"}, "These do not go together.", {"non_field_errors": ["These do not go together"]}),
        (
            {"name": "good", "points": [{"x": 1}, {"x": "left"}]},
            "x: A valid number is required.",
            {"points": {"1": {"x": ["A valid number is required."]}}},
        ),
        (
            {"name": "good", "tags": ["fine", "far too long"]},
            "tags: Ensure this field has no more than 8 characters.",
            {"tags": {"1": ["Ensure this field has no more than 8 characters."]}},
        ),
        ([], "Invalid data. Expected a dictionary, but got list.", None),
    ],
)
def test_what_a_body_lacks_is_named(body: Any, message: str, fields: dict[str, Any] | None) -> None:
    """The message is the first fault with its field; the details hold all of them by field."""
    answer = APIClient().post("/api/v1/fails/not/", body, format="json")
    assert answer.status_code == 400
    error = error_of(answer)
    assert (error["code"], error["message"]) == ("invalid_input", message)
    assert list(error["details"]) == ["fields"]
    if fields is not None:
        assert error["details"]["fields"] == fields


@here
def test_what_the_framework_refuses() -> None:
    """Broken JSON, another format, another method: each with the framework's own status and code."""
    client = APIClient()
    broken = client.post("/api/v1/fails/not/", b'{"name": ', content_type="application/json")
    assert (broken.status_code, error_of(broken)["code"]) == (400, "parse_error")
    form = client.post("/api/v1/fails/not/", b"name=x", content_type="application/x-www-form-urlencoded")
    assert (form.status_code, error_of(form)["code"]) == (415, "unsupported_media_type")
    method = client.delete("/api/v1/fails/not/")
    assert (method.status_code, error_of(method)["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SuspiciousOperation(SECRET), 400, "bad_request"),
        (TooManyFilesSent(SECRET), 413, "too_many_files"),
        (exceptions.NotFound(), 404, "not_found"),
    ],
)
def test_what_else_is_refused(error: Exception, status: int, code: str) -> None:
    """Errors that Django raises while it reads a request."""
    answer = exception_handler(error, {})
    assert (answer.status_code, answer.data["error"]["code"]) == (status, code)
    assert SECRET not in str(answer.data)


def test_the_headers_that_an_error_asks_for_are_kept() -> None:
    """When to come back, and how to sign in."""
    throttled = exception_handler(exceptions.Throttled(wait=12.2), {})
    assert (throttled.status_code, throttled["Retry-After"]) == (429, "13")
    anonymous = exceptions.NotAuthenticated()
    anonymous.auth_header = "Token"
    answer = exception_handler(anonymous, {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert answer.data["error"]["code"] == "not_authenticated"
