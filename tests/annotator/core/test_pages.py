"""What lies outside the API: the page of the frontend, its files, and the headers that every answer carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from annotator.core.middleware import DOCS_POLICY, POLICY

# A request hands its database connections back at its end, so there has to be a database.
pytestmark = pytest.mark.django_db
PAGE = b"<!doctype html><title>CineLoop</title>"


@pytest.fixture
def built(settings: Settings, tmp_path: Path) -> Path:
    """Return a folder that stands for the built frontend, served as in production."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "assets" / "index-abc.js").write_text("let built = true;")
    settings.FRONTEND_DIST = settings.WHITENOISE_ROOT = tmp_path
    return tmp_path


def directives(policy: str) -> dict[str, set[str]]:
    """Return the sources of each directive."""
    return {name: set(sources) for name, *sources in (part.split() for part in policy.split(";"))}


@pytest.mark.parametrize("address", ["/", "/readings/12/", "/campaigns/demo/models", "/anything.else"])
def test_every_address_of_the_site_is_the_page(built: Path, address: str) -> None:
    """The frontend's own router decides what it shows; the form token comes along."""
    answer = Client().get(address)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    assert "csrftoken" in answer.cookies


@pytest.mark.parametrize("address", ["/api/v1/nothing/", "/api/", "/assets/old-hash.js", "/static/none.js", "/ws/x/"])
def test_what_is_no_page_is_not_found(built: Path, address: str) -> None:
    """A script that is gone must not be answered with HTML."""
    answer = Client().get(address)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_before_the_first_build(settings: Settings, tmp_path: Path) -> None:
    """The page says what to run."""
    settings.FRONTEND_DIST = tmp_path / "none"
    answer = Client().get("/")
    assert answer.status_code == 503
    assert b"make run" in answer.content


def test_the_page_is_only_read(built: Path) -> None:
    """Nothing is posted to it."""
    assert Client().post("/").status_code == 405


@pytest.mark.parametrize(
    "address",
    ["/", "/index.html", "/assets/index-abc.js", "/healthz/", "/api/v1/auth/csrf/", "/api/v1/auth/me/", "/api/none/"],
)
def test_every_answer_names_what_may_be_loaded(built: Path, address: str) -> None:
    """Pages, files, the API and its errors."""
    answer = Client().get(address)
    answer.close()
    assert answer["Content-Security-Policy"] == POLICY


def test_the_policy_allows_this_site_only() -> None:
    """No other host, no inline script, no frame around it, no plugin; WebAssembly and workers are the editor's."""
    allowed = directives(POLICY)
    assert allowed["default-src"] == {"'self'"}
    assert allowed["script-src"] == {"'self'", "'wasm-unsafe-eval'"}
    assert allowed["worker-src"] == {"'self'", "blob:"}
    assert allowed["frame-ancestors"] == allowed["object-src"] == {"'none'"}
    assert allowed["base-uri"] == allowed["form-action"] == {"'self'"}
    everything = set().union(*allowed.values())
    assert "'unsafe-eval'" not in everything
    assert not [source for source in everything if "*" in source or source.startswith("http")]


def test_the_pages_of_the_documentation_alone_may_run_inline_scripts() -> None:
    """Swagger's page holds one; nothing else about it is different."""
    answer = Client().get("/api/docs/")
    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == DOCS_POLICY
    strict, loose = directives(POLICY), directives(DOCS_POLICY)
    assert loose.pop("script-src") - strict.pop("script-src") == {"'unsafe-inline'"}
    assert loose == strict


def test_the_other_headers(built: Path) -> None:
    """No sniffing, no framing, no address told to other sites; cookies that scripts of others cannot use."""
    answer = Client().get("/")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer.cookies["csrftoken"]["samesite"] == "Lax"


def test_a_wrong_host_is_refused() -> None:
    """In the shape of every other error."""
    answer = Client(raise_request_exception=False).get("/api/v1/auth/csrf/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
