"""What this machine has for the tests: shared sample data, PostgreSQL, Redis, a Chromium."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
]


def shared_data() -> Path | None:
    """Return the folder of real samples that stands beside the checkout, or None."""
    named = os.environ.get("CINELOOP_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if (folder / "MANIFEST.csv").is_file() else None


def is_listening(url: str) -> bool:
    """Tell whether something accepts TCP connections at the host and port of a URL."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=2):
            return True
    except OSError:
        return False


def missing_services() -> str | None:
    """Return a sentence naming the services that cannot be reached, or None."""
    services = {"PostgreSQL": DATABASE_URL, "Redis": REDIS_URL}
    lacking = [name for name, url in services.items() if not is_listening(url)]
    return f"{' and '.join(lacking)} cannot be reached on this machine." if lacking else None


def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def missing_browser() -> str | None:
    """Return a sentence when there is no Chromium, or None."""
    return None if chromium() else "no Chromium is installed (on Debian: apt-get install chromium)."
