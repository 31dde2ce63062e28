"""The OpenAPI schema is complete: it is what the TypeScript client is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the generated schema; generating it fails on any warning and validates it."""
    path: Path = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(path))
    loaded = yaml.safe_load(path.read_text())
    assert isinstance(loaded, dict)
    return loaded


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (path, method, operation) of the whole schema."""
    return [
        (path, method, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_every_promised_path_is_there(schema: dict[str, Any]) -> None:
    """The table of docs/architecture.md is served."""
    promised = {
        "auth/csrf/": "get",
        "auth/login/": "post",
        "auth/logout/": "post",
        "auth/me/": "get",
        "auth/token/": "post",
        "campaigns/": "get",
        "campaigns/{slug}/": "patch",
        "campaigns/{slug}/summary/": "get",
        "campaigns/{slug}/rollback/": "post",
        "imports/": "post",
        "imports/{id}/": "get",
        "cines/": "get",
        "cines/{id}/": "get",
        "cines/{id}/frames/{n}/": "get",
        "cines/{id}/thumbnail/": "get",
        "worklist/": "get",
        "readings/": "post",
        "readings/{id}/": "get",
        "readings/{id}/events/": "post",
        "readings/{id}/masks/": "get",
        "readings/{id}/answers/": "get",
        "readings/{id}/others/": "get",
        "readings/{id}/others/{other}/masks/": "get",
        "readings/{id}/submit/": "post",
        "readings/{id}/reopen/": "post",
        "readings/{id}/jobs/": "get",
        "readings/{id}/jobs/{job}/cancel/": "post",
        "datasets/": "post",
        "datasets/{id}/": "get",
        "datasets/{id}/manifest/": "get",
        "datasets/{id}/items/": "get",
        "training-runs/": "post",
        "training-runs/{id}/": "get",
        "training-runs/{id}/cancel/": "post",
        "models/": "get",
        "model-presets/": "get",
        "models/{id}/": "get",
        "models/{id}/promote/": "post",
        "evaluations/": "get",
        "promotions/": "get",
    }
    served = {(anonymous(path), method) for path, method, _ in operations(schema)}
    missing = [
        f"{method.upper()} {path}"
        for path, method in promised.items()
        if (anonymous(f"/api/v1/{path}"), method) not in served
    ]
    assert not missing, missing


def anonymous(path: str) -> str:
    """Return a path with nameless parameters."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def test_every_operation_has_its_own_name(schema: dict[str, Any]) -> None:
    """Names of the client's functions are unique and hold no number that drf-spectacular had to add."""
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(names) == len(set(names))
    assert not [name for name in names if name[-1].isdigit()]


def test_every_operation_says_what_it_answers(schema: dict[str, Any]) -> None:
    """No operation leaves its answer open."""
    silent = [
        f"{method.upper()} {path}"
        for path, method, operation in operations(schema)
        if all(
            list(answer) == ["description"] and not answer["description"] for answer in operation["responses"].values()
        )
        and not set(operation["responses"]) & {"204"}
    ]
    assert not silent, silent


def test_the_api_asks_who_is_there(schema: dict[str, Any]) -> None:
    """Without a session or a token only signing in and the CSRF cookie are open."""
    open_paths = {path for path, _, operation in operations(schema) if {} in operation.get("security", [{}])}
    assert open_paths <= {"/api/v1/auth/csrf/", "/api/v1/auth/login/", "/api/v1/auth/token/"}, open_paths
