"""Every app has the same rooms, so that whoever knows one finds the way in all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.machine import ROOT

APPS = ("accounts", "imaging", "campaigns", "readings", "inference", "datasets", "registry")
ROOMS = {
    "__init__",
    "api",
    "apps",
    "authentication",
    "consumers",
    "filters",
    "management",
    "migrations",
    "models",
    "negotiation",
    "permissions",
    "retry",
    "routing",
    "selectors",
    "serializers",
    "services",
    "tasks",
    "transitions",
    "triggers",
    "urls",
}
NEEDED = {"__init__", "apps", "migrations", "models", "services", "urls", "api", "serializers"}
LONGEST_FILE = 400


def python_files(folder: Path) -> list[Path]:
    """Return the Python files below a folder, without migrations."""
    return sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("app", APPS)
def test_an_app_has_the_rooms_of_the_house_and_no_others(app: str) -> None:
    """A new kind of room is a decision: it is added here and to the import contracts."""
    folder = ROOT / "annotator" / app
    rooms = {
        path.stem for path in folder.iterdir() if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
    }
    assert not rooms - ROOMS, f"unknown rooms in {app}"
    assert not NEEDED - rooms, f"missing rooms in {app}"


@pytest.mark.parametrize("folder", ["annotator", "workers", "fixtures"])
def test_files_stay_small_and_say_what_they_are_for(folder: str) -> None:
    """A file has one purpose, told by its docstring, and fewer than 400 lines."""
    for path in python_files(ROOT / folder):
        text = path.read_text()
        name = path.relative_to(ROOT)
        assert len(text.splitlines()) < LONGEST_FILE, f"{name} has grown past {LONGEST_FILE} lines: split it"
        if text.strip():
            assert ast.get_docstring(ast.parse(text)), f"{name} does not say what it is for"


def test_the_environment_is_read_only_where_it_may_be() -> None:
    """Settings (web) and workers/config.py read it; entry points may set a default."""
    allowed = {"annotator/bootstrap.py", "annotator/asgi.py", "annotator/celery.py", "workers/config.py"}
    for folder in ("annotator", "workers"):
        for path in python_files(ROOT / folder):
            name = str(path.relative_to(ROOT))
            if name in allowed or name.startswith("annotator/settings/") or name.startswith("workers/training/"):
                continue
            assert not re.search(r"\b(environb?|getenvb?)\b", path.read_text()), f"{name} reads the environment"


def test_domain_logic_uses_no_signals_and_no_save() -> None:
    """What happens when something is saved stands in a service, where one can see it."""
    for path in python_files(ROOT / "annotator"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("django.db.models.signals", "django.dispatch"), path
            if isinstance(node, ast.FunctionDef) and "models" in path.parts:
                assert node.name not in ("save", "delete"), f"{path} overrides {node.name}()"


@pytest.mark.parametrize("app", APPS)
def test_public_services_take_keywords_and_are_typed(app: str) -> None:
    """A service is called by the names of its arguments and returns a declared type."""
    package = ROOT / "annotator" / app / "services"
    if not (package / "__init__.py").is_file():
        return
    exported = set()
    for node in ast.walk(ast.parse((package / "__init__.py").read_text())):
        if isinstance(node, ast.ImportFrom):
            exported |= {alias.asname or alias.name for alias in node.names}
    for path in python_files(package):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name in exported:
                where = f"{path.relative_to(ROOT)}: {node.name}"
                assert node.returns is not None, f"{where} declares no return type"
                assert ast.get_docstring(node), f"{where} has no docstring"
