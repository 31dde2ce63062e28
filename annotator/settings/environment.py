"""Read settings from the environment, or stop the start with one sentence that names the variable."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]


def required(name: str, purpose: str) -> str:
    """Return a variable that must be set.

    Raises
    ------
    ImproperlyConfigured
        Naming the variable and what it is for.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} must be set: {purpose}.")
    return value


def optional(name: str, default: str = "") -> str:
    """Return a variable or its default."""
    return os.environ.get(name, "").strip() or default


def positive_int(name: str, default: int) -> int:
    """Return a variable that must be a positive whole number, or its default."""
    value = optional(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise ImproperlyConfigured(f"{name} must be a positive whole number, not {value!r}.")
    return int(value)


def switch(name: str, *, default: bool) -> bool:
    """Return whether a variable that is `on` or `off` is on, or its default."""
    value = optional(name, "on" if default else "off")
    if value not in ("on", "off"):
        raise ImproperlyConfigured(f"{name} must be on or off, not {value!r}.")
    return value == "on"


def names(name: str, purpose: str) -> list[str]:
    """Return the parts, at least one, of a variable that is a list with commas."""
    found = [part.strip() for part in required(name, purpose).split(",") if part.strip()]
    if not found:
        raise ImproperlyConfigured(f"{name} must be set: {purpose}.")
    return found


def data_dir() -> Path:
    """Return the writable data directory, `CINELOOP_DATA_DIR` or `data` beside manage.py, making it if need be."""
    folder = Path(optional("CINELOOP_DATA_DIR", str(ROOT / "data"))).expanduser()
    try:
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror
        raise ImproperlyConfigured(f"CINELOOP_DATA_DIR {folder} cannot be made or written: {reason}.") from error
    if not os.access(folder, os.W_OK):
        raise ImproperlyConfigured(f"CINELOOP_DATA_DIR {folder} is not writable.")
    return folder


def kept_secret(folder: Path) -> str:
    """Return the secret key that the embedded mode makes once and keeps in the data directory."""
    path = folder / "secret-key"
    if not path.exists():
        # Whole or not at all: a start that is cut short must leave no empty key behind.
        partial = folder / f"secret-key-{os.getpid()}"
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_urlsafe(60))
        os.replace(partial, path)
    return path.read_text().strip()


def database(name: str = "DATABASE_URL") -> dict[str, Any]:
    """Return the PostgreSQL database that a URL names."""
    url = required(name, "the PostgreSQL database, such as postgresql://user:password@host:5432/cineloop")
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except (ValueError, KeyError, dj_database_url.UnknownSchemeError) as error:
        raise ImproperlyConfigured(f"{name} is not a database address: {error}.") from error
    if config.get("ENGINE") != "django.db.backends.postgresql" or not config.get("NAME"):
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL database (postgresql://...).")
    return config


def service_url(name: str, purpose: str, schemes: tuple[str, ...], default: str = "") -> str:
    """Return a URL that must have one of the given schemes and a host."""
    value = optional(name, default) or required(name, purpose)
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        allowed = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} must be an address that begins with {allowed}.")
    return value


def blob_storage(folder: Path) -> dict[str, Any]:
    """Return the storage of blobs: S3 when `S3_BUCKET` is set, else files below the data directory."""
    bucket = optional("S3_BUCKET")
    others = [name for name in ("S3_ENDPOINT_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY") if optional(name)]
    if not bucket:
        if others:
            raise ImproperlyConfigured(f"{others[0]} is set but S3_BUCKET is not; set both or neither.")
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder / "blobs")},
        }
    if bool(optional("S3_ACCESS_KEY")) != bool(optional("S3_SECRET_KEY")):
        raise ImproperlyConfigured("S3_ACCESS_KEY and S3_SECRET_KEY must be set together, or neither of them.")
    options: dict[str, Any] = {"bucket_name": bucket, "file_overwrite": False, "default_acl": None}
    for key, name in (
        ("endpoint_url", "S3_ENDPOINT_URL"),
        ("access_key", "S3_ACCESS_KEY"),
        ("secret_key", "S3_SECRET_KEY"),
    ):
        if optional(name):
            options[key] = optional(name)
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
