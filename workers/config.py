"""What a worker is told by its environment, read once."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from workers.protocol.families import Precision

BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps", "memory")
NAME_LIMIT = 120
PRECISIONS = get_args(Precision)
AUTO = "auto"


class ConfigError(Exception):
    """A variable is missing or wrong; the message is one sentence that names it."""


@dataclass(frozen=True)
class S3Config:
    """Where blobs lie when they are not files on this machine."""

    bucket: str
    endpoint_url: str | None
    access_key: str | None
    secret_key: str | None


@dataclass(frozen=True)
class WorkerConfig:
    """Everything a worker has to know before it starts.

    Attributes
    ----------
    broker_url : str
    data_dir : Path
        Holds `blobs/`, and `training/` for runs under way.
    name : str
        Unique among the workers; its queue is ``gpu.<name>``.
    s3 : S3Config or None
    feature_bytes : int
        Most bytes of encoded frames kept for the next prompt.
    threads : int
        Threads of one matrix operation; 0 leaves the choice to torch.
    model_bytes : int or None
        Most bytes of weights kept loaded, beyond the model in use; None for half of the memory that there is.
    precision : {"float32", "mixed", "bfloat16"} or None
        For the families that know more than one (`workers.engine.sam21`); None for what suits the machine.
    """

    broker_url: str
    data_dir: Path
    name: str
    s3: S3Config | None = None
    feature_bytes: int = 512_000_000
    threads: int = 0
    model_bytes: int | None = None
    precision: Precision | None = None


def config_from_environment(environ: Mapping[str, str] = os.environ, **instead: str) -> WorkerConfig:
    """Return the configuration that the environment describes, some of its variables replaced.

    Raises
    ------
    ConfigError
        Naming the variable.
    """

    def text(name: str) -> str:
        return instead.get(name, environ.get(name, "")).strip()

    def number(name: str, default: int) -> int:
        value = text(name) or str(default)
        if not value.isdecimal():
            raise ConfigError(f"{name} must be a whole number, not {value!r}.")
        return int(value)

    broker = text("BROKER_URL") or text("REDIS_URL")
    if not broker:
        raise ConfigError("BROKER_URL or REDIS_URL must be set: the broker that this worker takes its jobs from.")
    if _scheme(broker) not in BROKER_SCHEMES:
        raise ConfigError("BROKER_URL or REDIS_URL must begin with redis://, rediss://, amqp:// or amqps://.")
    folder = _data_dir(text("CINELOOP_DATA_DIR") or "data")
    name = text("WORKER_NAME") or f"{socket.gethostname()}-{os.getpid()}"
    if len(name) > NAME_LIMIT or not all(letter.isalnum() or letter in "-_." for letter in name):
        raise ConfigError(f"WORKER_NAME may hold letters, digits, - _ and ., at most {NAME_LIMIT}.")
    return WorkerConfig(
        broker_url=broker,
        data_dir=folder,
        name=name,
        s3=_s3(text),
        feature_bytes=number("FEATURE_CACHE_MB", 512) * 1_000_000,
        threads=number("TORCH_THREADS", 0),
        model_bytes=number("MODEL_CACHE_MB", 0) * 1_000_000 if text("MODEL_CACHE_MB") else None,
        precision=_precision(text("MODEL_PRECISION") or AUTO),
    )


def _precision(value: str) -> Precision | None:
    if value == AUTO:
        return None
    for known in PRECISIONS:
        if value == known:
            return known
    raise ConfigError(f"MODEL_PRECISION must be one of {', '.join((AUTO, *PRECISIONS))}, not {value!r}.")


def _scheme(url: str) -> str:
    """Return the scheme of an address, nothing for what is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _data_dir(value: str) -> Path:
    """Return the data folder, made if need be."""
    try:
        folder = Path(value).expanduser().resolve()
    except RuntimeError as error:
        raise ConfigError(f"CINELOOP_DATA_DIR {value} begins with the home of an unknown user.") from error
    try:
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"CINELOOP_DATA_DIR {folder} cannot be made or written: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"CINELOOP_DATA_DIR {folder} cannot be written.")
    return folder


def _s3(text: Any) -> S3Config | None:
    bucket = text("S3_BUCKET")
    if not bucket:
        for name in ("S3_ENDPOINT_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
            if text(name):
                raise ConfigError(f"{name} is set but S3_BUCKET is not; set both or neither.")
        return None
    if bool(text("S3_ACCESS_KEY")) != bool(text("S3_SECRET_KEY")):
        raise ConfigError("S3_ACCESS_KEY and S3_SECRET_KEY must be set together, or neither of them.")
    if text("S3_ENDPOINT_URL") and _scheme(text("S3_ENDPOINT_URL")) not in ("http", "https"):
        raise ConfigError("S3_ENDPOINT_URL must begin with http:// or https://.")
    keys = (text("S3_ENDPOINT_URL") or None, text("S3_ACCESS_KEY") or None, text("S3_SECRET_KEY") or None)
    return S3Config(bucket, *keys)
