"""A worker reads its environment once, and names the variable that is wrong in one sentence."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from workers.config import ConfigError, S3Config, WorkerConfig, config_from_environment

BROKER = "redis://broker.example:6379/1"
S3 = {
    "S3_BUCKET": "blobs",
    "S3_ENDPOINT_URL": "http://storage.example:9000",
    "S3_ACCESS_KEY": "reader",
    "S3_SECRET_KEY": "secret",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The least that a worker needs, and a folder that is not yet there."""
    return {"BROKER_URL": BROKER, "CINELOOP_DATA_DIR": str(tmp_path / "data")}


def test_what_is_not_set_has_a_default(environment: dict[str, str], tmp_path: Path) -> None:
    found = config_from_environment(environment)
    name = f"{socket.gethostname()}-{os.getpid()}"
    assert found == WorkerConfig(BROKER, tmp_path / "data", name, None, 512_000_000, 0, None, None)
    assert (tmp_path / "data" / "blobs").is_dir()


@pytest.mark.parametrize(
    ("variable", "value", "field", "wanted"),
    [
        ("WORKER_NAME", "gpu-7_b.ward", "name", "gpu-7_b.ward"),
        ("WORKER_NAME", "  gpu-7 ", "name", "gpu-7"),
        ("WORKER_NAME", "w" * 120, "name", "w" * 120),
        ("FEATURE_CACHE_MB", "64", "feature_bytes", 64_000_000),
        ("FEATURE_CACHE_MB", "0", "feature_bytes", 0),
        ("FEATURE_CACHE_MB", " ", "feature_bytes", 512_000_000),
        ("TORCH_THREADS", "3", "threads", 3),
        ("MODEL_CACHE_MB", "6000", "model_bytes", 6_000_000_000),
        ("MODEL_CACHE_MB", "0", "model_bytes", 0),
        ("MODEL_CACHE_MB", " ", "model_bytes", None),
        ("MODEL_PRECISION", "bfloat16", "precision", "bfloat16"),
        ("MODEL_PRECISION", " mixed ", "precision", "mixed"),
        ("MODEL_PRECISION", "", "precision", None),
        ("MODEL_PRECISION", "auto", "precision", None),
        ("BROKER_URL", "rediss://broker.example/0", "broker_url", "rediss://broker.example/0"),
        ("BROKER_URL", "amqp://u:p@broker.example//", "broker_url", "amqp://u:p@broker.example//"),
        ("BROKER_URL", "amqps://broker.example", "broker_url", "amqps://broker.example"),
        ("BROKER_URL", "memory://", "broker_url", "memory://"),
        ("S3_BUCKET", "blobs", "s3", S3Config("blobs", None, None, None)),
    ],
)
def test_each_variable_is_heard(
    environment: dict[str, str], variable: str, value: str, field: str, wanted: Any
) -> None:
    found = config_from_environment({**environment, variable: value})
    assert getattr(found, field) == wanted


def test_the_data_folder_is_absolute_wherever_the_worker_starts(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value, wanted in (("elsewhere", "elsewhere"), ("", "data")):
        found = config_from_environment({**environment, "CINELOOP_DATA_DIR": value})
        assert found.data_dir == tmp_path / wanted


def test_the_redis_url_serves_as_broker_where_no_other_is_named(environment: dict[str, str]) -> None:
    environment["REDIS_URL"] = "redis://other.example/0"
    assert config_from_environment(environment).broker_url == BROKER
    del environment["BROKER_URL"]
    assert config_from_environment(environment).broker_url == "redis://other.example/0"


def test_a_bucket_is_described_whole(environment: dict[str, str]) -> None:
    wanted = S3Config("blobs", "http://storage.example:9000", "reader", "secret")
    assert config_from_environment({**environment, **S3}).s3 == wanted


MISTAKES: list[tuple[str, dict[str, str]]] = [
    ("BROKER_URL", {"BROKER_URL": ""}),
    ("REDIS_URL", {"BROKER_URL": " "}),
    ("BROKER_URL", {"BROKER_URL": "localhost:6379"}),
    ("BROKER_URL", {"BROKER_URL": "http://broker.example"}),
    ("BROKER_URL", {"BROKER_URL": "redis://[::1"}),
    ("REDIS_URL", {"BROKER_URL": "", "REDIS_URL": "sqlite:///x"}),
    ("WORKER_NAME", {"WORKER_NAME": "two words"}),
    ("WORKER_NAME", {"WORKER_NAME": "a/b"}),
    ("WORKER_NAME", {"WORKER_NAME": "w" * 121}),
    ("FEATURE_CACHE_MB", {"FEATURE_CACHE_MB": "many"}),
    ("FEATURE_CACHE_MB", {"FEATURE_CACHE_MB": "-1"}),
    ("TORCH_THREADS", {"TORCH_THREADS": "1.5"}),
    ("TORCH_THREADS", {"TORCH_THREADS": "²"}),
    ("MODEL_CACHE_MB", {"MODEL_CACHE_MB": "half"}),
    ("MODEL_CACHE_MB", {"MODEL_CACHE_MB": "-1"}),
    ("MODEL_PRECISION", {"MODEL_PRECISION": "float16"}),
    ("MODEL_PRECISION", {"MODEL_PRECISION": "BFLOAT16"}),
    ("CINELOOP_DATA_DIR", {"CINELOOP_DATA_DIR": "~nobody-of-this-name/data"}),
    ("S3_ENDPOINT_URL", {"S3_ENDPOINT_URL": S3["S3_ENDPOINT_URL"]}),
    ("S3_ACCESS_KEY", {"S3_ACCESS_KEY": "reader"}),
    ("S3_SECRET_KEY", {"S3_SECRET_KEY": "secret"}),
    ("S3_SECRET_KEY", {"S3_BUCKET": "blobs", "S3_ACCESS_KEY": "reader"}),
    ("S3_ACCESS_KEY", {"S3_BUCKET": "blobs", "S3_SECRET_KEY": "secret"}),
    ("S3_ENDPOINT_URL", {"S3_BUCKET": "blobs", "S3_ENDPOINT_URL": "storage.example:9000"}),
]


@pytest.mark.parametrize(("variable", "changes"), MISTAKES, ids=[str(changes) for _, changes in MISTAKES])
def test_a_mistake_is_one_sentence_that_names_its_variable(
    environment: dict[str, str], variable: str, changes: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_environment({**environment, **changes})
    sentence = str(caught.value)
    assert variable in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_a_data_folder_that_is_a_file_is_a_mistake(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match=r"CINELOOP_DATA_DIR .* cannot be made or written: .*\."):
        config_from_environment(environment)


def test_a_data_folder_that_cannot_be_written_is_a_mistake(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(ConfigError, match=r"CINELOOP_DATA_DIR .* cannot be .*written"):
        config_from_environment(environment)
