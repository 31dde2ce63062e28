"""Blobs are written once, under their digest, whole or not at all, and fetched where they lie elsewhere."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any

import pytest
from botocore.exceptions import ClientError

from workers.blobs import BlobStore, open_store
from workers.config import S3Config, WorkerConfig
from workers.engine.errors import EngineError
from workers.protocol.digests import bytes_digest

DATA = b"a checkpoint"
DIGEST = bytes_digest(DATA)
ABSENT = bytes_digest(b"never stored")


class FakeObject:
    """One object of a fake bucket."""

    def __init__(self, objects: dict[str, bytes], key: str) -> None:
        self._objects, self._key = objects, key

    def get(self) -> dict[str, Any]:
        if self._key not in self._objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self._objects[self._key])}


class FakeBucket:
    """A bucket in memory that counts what is asked of it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []

    def Object(self, key: str) -> FakeObject:
        self.asked.append(key)
        return FakeObject(self.objects, key)

    def put_object(self, *, Key: str, Body: bytes | IO[bytes]) -> None:
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()


def key(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def files(folder: Path) -> list[str]:
    """Return every file below a folder by its path."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_bytes_come_back_by_their_digest(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    assert store.put(DATA) == DIGEST
    assert store.get(DIGEST) == DATA
    assert store.path(DIGEST) == tmp_path / key(DIGEST)
    assert files(tmp_path) == [key(DIGEST)]


def test_storing_again_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.put(DATA)
    before = store.path(DIGEST).stat()
    assert store.put(DATA) == DIGEST
    after = store.path(DIGEST).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert files(tmp_path) == [key(DIGEST)]


def test_others_may_read_what_is_stored(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.put(DATA)
    assert store.path(DIGEST).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "digest",
    ["", "abc", DIGEST.upper(), DIGEST[:-1], DIGEST + "0", "g" * 64, "../" + DIGEST[3:], "/" + DIGEST[1:]],
)
def test_a_bad_digest_reaches_no_file(tmp_path: Path, digest: str) -> None:
    bucket = FakeBucket()
    with pytest.raises(EngineError) as caught:
        BlobStore(tmp_path, bucket).path(digest)
    assert caught.value.code == "blob_missing"
    assert bucket.asked == []


@pytest.mark.parametrize("bucket", [None, FakeBucket()])
def test_what_is_not_stored_is_missing(tmp_path: Path, bucket: FakeBucket | None) -> None:
    store = BlobStore(tmp_path, bucket)
    for ask in (store.path, store.get):
        with pytest.raises(EngineError) as caught:
            ask(ABSENT)
        assert caught.value.code == "blob_missing"
    assert files(tmp_path) == []


def test_a_blob_is_fetched_from_its_bucket_once(tmp_path: Path) -> None:
    bucket = FakeBucket()
    bucket.objects[key(DIGEST)] = DATA
    store = BlobStore(tmp_path, bucket)
    assert [store.get(DIGEST), store.get(DIGEST)] == [DATA, DATA]
    assert bucket.asked == [key(DIGEST)]
    assert files(tmp_path) == [key(DIGEST)]


def test_a_blob_is_put_into_its_bucket_also_when_it_was_fetched_before(tmp_path: Path) -> None:
    store, bucket = BlobStore(tmp_path), FakeBucket()
    store.put(DATA)
    assert BlobStore(tmp_path, bucket).put(DATA) == DIGEST
    assert bucket.objects == {key(DIGEST): DATA}


@pytest.mark.parametrize("is_remote", [False, True])
def test_a_file_is_stored_as_its_bytes_are(tmp_path: Path, is_remote: bool) -> None:
    bucket = FakeBucket() if is_remote else None
    store, path = BlobStore(tmp_path / "blobs", bucket), tmp_path / "file"
    path.write_bytes(DATA)
    assert [store.put_file(path), store.put_file(path)] == [DIGEST, DIGEST]
    assert store.get(DIGEST) == DATA
    assert files(store.root) == [key(DIGEST)]
    if bucket is not None:
        assert bucket.objects == {key(DIGEST): DATA}


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bytes]] = []
    real = os.replace

    def replace(source: str, target: Path) -> None:
        seen.append((target.exists(), Path(source).read_bytes()))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    BlobStore(tmp_path).put(DATA)
    assert seen == [(False, DATA)]


@pytest.mark.parametrize("broken", ["replace", "chmod"])
@pytest.mark.parametrize("is_remote", [False, True])
def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, is_remote: bool
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    bucket = FakeBucket()
    bucket.objects[key(DIGEST)] = DATA
    store = BlobStore(tmp_path, bucket if is_remote else None)
    with monkeypatch.context() as patched:
        patched.setattr(os, broken, fail)
        with pytest.raises(OSError, match="No space left"):
            store.get(DIGEST) if is_remote else store.put(DATA)
    assert files(tmp_path) == []
    store.put(DATA)
    assert store.get(DIGEST) == DATA


def test_the_store_of_a_configuration_lies_in_its_data_folder(tmp_path: Path) -> None:
    config = WorkerConfig("redis://broker/0", tmp_path, "w1")
    assert open_store(config).root == tmp_path / "blobs"


def test_the_store_of_a_bucket_is_a_cache(tmp_path: Path) -> None:
    s3 = S3Config("blobs", "http://storage.invalid:9000", "key", "secret")
    store = open_store(WorkerConfig("redis://broker/0", tmp_path, "w1", s3))
    assert store.root == tmp_path / "cache"
    store.root.mkdir()
    path = store.root / key(DIGEST)
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    assert store.get(DIGEST) == DATA
