"""Checks that stand in for that of the workers, and a blob store of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

ACCEPT = """
import hashlib, json, sys
family, path, *beside = sys.argv[1:]
digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
print("a line of some library")
print(json.dumps({"ok": True, "family": family, "preprocess_id": "p-1", "licence": "Apache-2.0",
                  "parameters": 1234567, "sha256": digest, "image_size": 512}))
"""


def use_check(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script stand in for the check of the workers."""
    path = folder / "check.py"
    path.write_text(script)
    monkeypatch.setattr("annotator.registry.services.add_model.CHECK", (str(path),))


def accept_everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the check find every file good."""
    use_check(folder, monkeypatch, ACCEPT)


def use_store(settings: Settings, folder: Path) -> Path:
    """Give a test an empty data directory and blob store, and return the former."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder / "b")}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.DATA_DIR = folder / "data"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR
