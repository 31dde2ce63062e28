"""The web tier runs without torch: a process that has loaded all of it has not loaded any of the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import ROOT

# Every module of every app, with what it imports at its top; settings of other modes would read the environment.
SCRIPT = """
import importlib, pkgutil, sys
import annotator.asgi
from celery import current_app
from django.urls import get_resolver
current_app.loader.import_default_modules()
assert get_resolver().url_patterns
for found in pkgutil.walk_packages(annotator.__path__, "annotator."):
    if not found.name.startswith("annotator.settings."):
        importlib.import_module(found.name)
engine = {"torch", "sam2", "workers.engine", "workers.training", "workers.app", "workers.gpu"}
assert "annotator.registry.api" in sys.modules and "workers.protocol.rle" in sys.modules
print("loaded:", *sorted(engine & set(sys.modules)))
"""
MODES = {
    "embedded": {},
    "production": {
        "SECRET_KEY": "a secret of this test, long enough to sign with",
        "ALLOWED_HOSTS": "cineloop.example",
        "DATABASE_URL": "postgresql://user:pw@db.example:5432/cineloop",
        "REDIS_URL": "redis://redis.example:6379/0",
    },
}


@pytest.mark.parametrize("mode", MODES)
def test_the_web_tier_never_loads_torch(mode: str, tmp_path: Path) -> None:
    """With every address, task, consumer and command imported, and no service reachable."""
    settings = {"DJANGO_SETTINGS_MODULE": f"annotator.settings.{mode}", "CINELOOP_DATA_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **settings, **MODES[mode]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "loaded:"
