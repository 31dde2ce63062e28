"""Settings: what is missing or contradicts itself stops the start with one sentence that names the variable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from annotator.settings import environment
from tests.machine import ROOT

VARIABLES = (
    "ALLOWED_HOSTS",
    "BROKER_URL",
    "CINELOOP_DATA_DIR",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "HTTPS",
    "MAX_CINE_MB",
    "MAX_UPLOAD_MB",
    "REDIS_URL",
    "S3_ACCESS_KEY",
    "S3_BUCKET",
    "S3_ENDPOINT_URL",
    "S3_SECRET_KEY",
    "SECRET_KEY",
)
COMPLETE = {
    "SECRET_KEY": "a secret of this test, long enough to sign with",
    "ALLOWED_HOSTS": "cineloop.example, www.cineloop.example,",
    "DATABASE_URL": "postgresql://user:pw@db.example:5432/cineloop",
    "REDIS_URL": "redis://redis.example:6379/0",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset every variable that CineLoop reads, whatever this machine has set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def start(mode: str, folder: Path, variables: dict[str, str], show: str = "") -> subprocess.CompletedProcess[str]:
    """Load the settings of a mode in a process of their own, and print the values of some names."""
    inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    script = f"import annotator.settings.{mode} as s; print(*[getattr(s, name) for name in {show.split()!r}], sep='|')"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**inherited, "CINELOOP_DATA_DIR": str(folder / "data"), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_complete_production_settings_start(tmp_path: Path) -> None:
    """Redis is the broker where no other is named; the data directory is made; debug pages stay off."""
    started = start("production", tmp_path, COMPLETE, "DEBUG DEMO ALLOWED_HOSTS CELERY_BROKER_URL EMBEDDED_WORKER")
    assert started.returncode == 0, started.stderr
    hosts = "['cineloop.example', 'www.cineloop.example']"
    assert started.stdout.strip() == f"False|False|{hosts}|redis://redis.example:6379/0|"
    assert (tmp_path / "data" / "blobs").is_dir()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set: a long random string that signs sessions and pseudonyms."),
        ({"SECRET_KEY": "   "}, "SECRET_KEY must be set: a long random string that signs sessions and pseudonyms."),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must be set: the host names of this site, with commas."),
        ({"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS must be set: the host names of this site, with commas."),
        ({"DATABASE_URL": ""}, "DATABASE_URL must be set: the PostgreSQL database, such as"),
        ({"DATABASE_URL": "sqlite:///file"}, "DATABASE_URL must name a PostgreSQL database (postgresql://...)."),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is not a database address:"),
        ({"REDIS_URL": ""}, "REDIS_URL must be set: the Redis of the channel layer, such as"),
        ({"REDIS_URL": "http://h"}, "REDIS_URL must be an address that begins with redis:// or rediss://."),
        (
            {"BROKER_URL": "kafka://h"},
            "BROKER_URL must be an address that begins with redis:// or rediss:// or amqp://",
        ),
        ({"HTTPS": "true"}, "HTTPS must be on or off, not 'true'."),
        ({"S3_ENDPOINT_URL": "http://s3"}, "S3_ENDPOINT_URL is set but S3_BUCKET is not; set both or neither."),
        ({"S3_BUCKET": "b", "S3_ACCESS_KEY": "a"}, "S3_ACCESS_KEY and S3_SECRET_KEY must be set together"),
        ({"MAX_UPLOAD_MB": "much"}, "MAX_UPLOAD_MB must be a positive whole number, not 'much'."),
        ({"CINELOOP_DATA_DIR": "/dev/null/data"}, "CINELOOP_DATA_DIR /dev/null/data cannot be made or written:"),
    ],
    ids=lambda value: (
        "+".join(f"{k}={v}".replace("/", "") for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_production_does_not_start_on_less(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    """The last line of the output is the sentence."""
    stopped = start("production", tmp_path, {**COMPLETE, **changes})
    assert stopped.returncode != 0
    last = stopped.stderr.strip().splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {sentence}")
    assert last.endswith(".")
    assert "pw@" not in last


def test_https_makes_the_cookies_secure(tmp_path: Path) -> None:
    """On, off, and off by default, for a site inside a hospital's own network."""
    names = "SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_HSTS_SECONDS"
    secure = start("production", tmp_path, {**COMPLETE, "HTTPS": "on"}, names)
    assert secure.stdout.strip() == "True|True|31536000"
    for plain in ({}, {"HTTPS": "off"}):
        started = start("production", tmp_path, {**COMPLETE, **plain}, "SECURE_PROXY_SSL_HEADER")
        assert started.returncode == 0, started.stderr


def test_the_embedded_mode_needs_no_variable(tmp_path: Path) -> None:
    """It makes its own key once, for its owner's eyes only, and keeps it."""
    first = start("embedded", tmp_path, {}, "SECRET_KEY")
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) >= 50
    assert start("embedded", tmp_path, {}, "SECRET_KEY").stdout == first.stdout
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
    other = start("embedded", tmp_path / "other", {}, "SECRET_KEY")
    assert other.stdout != first.stdout


def test_a_key_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first start that is cut short leaves no empty key for the second."""

    def cut(source: object, target: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment.os, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            environment.kept_secret(tmp_path)
    assert not (tmp_path / "secret-key").exists()
    key = environment.kept_secret(tmp_path)
    assert key
    assert environment.kept_secret(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "²", "ten", "0x10"])
def test_a_limit_is_a_positive_whole_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Anything else is refused by name."""
    monkeypatch.setenv("MAX_CINE_MB", value)
    with pytest.raises(ImproperlyConfigured, match=r"^MAX_CINE_MB must be a positive whole number"):
        environment.positive_int("MAX_CINE_MB", 5)


def test_a_limit_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not set, or set to nothing."""
    assert environment.positive_int("MAX_CINE_MB", 5) == 5
    monkeypatch.setenv("MAX_CINE_MB", " ")
    assert environment.positive_int("MAX_CINE_MB", 5) == 5
    monkeypatch.setenv("MAX_CINE_MB", " 12 ")
    assert environment.positive_int("MAX_CINE_MB", 5) == 12


@pytest.mark.parametrize(
    "value", ["redis", "redis://", "redis:6379", "//host", "redis://[::1", "redis://host:port/0", "redis://host:99999"]
)
def test_an_address_has_scheme_host_and_port(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A slip in an address is found at the start and not at the first message."""
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL must be an address that begins with redis://"):
        environment.service_url("REDIS_URL", "the Redis", ("redis", "rediss"))


@pytest.mark.parametrize("value", ["redis://h", "rediss://user:p%40ss@[::1]:6380/3"])
def test_a_good_address_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """With or without port, credentials, database."""
    monkeypatch.setenv("REDIS_URL", value)
    assert environment.service_url("REDIS_URL", "the Redis", ("redis", "rediss")) == value


def test_blobs_lie_on_disk_or_in_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S3 as soon as a bucket is named; blobs there are never overwritten."""
    assert environment.blob_storage(tmp_path)["OPTIONS"] == {"location": str(tmp_path / "blobs")}
    monkeypatch.setenv("S3_BUCKET", "cines")
    options = {"bucket_name": "cines", "file_overwrite": False, "default_acl": None}
    assert environment.blob_storage(tmp_path) == {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    monkeypatch.setenv("S3_ENDPOINT_URL", "http://minio:9000")
    monkeypatch.setenv("S3_ACCESS_KEY", "key")
    monkeypatch.setenv("S3_SECRET_KEY", "secret")
    named = {"endpoint_url": "http://minio:9000", "access_key": "key", "secret_key": "secret"}
    assert environment.blob_storage(tmp_path)["OPTIONS"] == {**options, **named}


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_s3_without_a_bucket_is_a_slip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Blobs must not go to the disk while somebody believes them in S3."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is set but S3_BUCKET is not"):
        environment.blob_storage(tmp_path)


def test_a_data_directory_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It may exist, on a read-only disk."""
    monkeypatch.setenv("CINELOOP_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(environment.os, "access", lambda path, mode: False)
    with pytest.raises(ImproperlyConfigured, match=r"^CINELOOP_DATA_DIR .* is not writable\.$"):
        environment.data_dir()


def test_the_data_directory_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` is the home of who starts it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CINELOOP_DATA_DIR", "~/cines")
    assert environment.data_dir() == tmp_path / "cines"
    assert (tmp_path / "cines" / "blobs").is_dir()
