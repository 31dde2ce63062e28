"""The content-addressed blobs, as workers see them: always files, fetched when they lie in S3."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

from workers.config import S3Config, WorkerConfig
from workers.engine.errors import EngineError
from workers.protocol.digests import bytes_digest

DIGEST_LENGTH = 64
PIECE_BYTES = 8 * 1024 * 1024


class Readable(Protocol):
    """What can be read in pieces, such as an object of S3."""

    def read(self, length: int = -1, /) -> bytes: ...


class BlobStore:
    """Blobs below a folder, `sha256/<aa>/<digest>`, as `annotator.core.blobs` lays them.

    Parameters
    ----------
    root : Path
        The store itself, or the cache of a remote one.
    bucket : optional
        A boto3 bucket that holds the blobs.
    """

    def __init__(self, root: Path, bucket: Any = None) -> None:
        self.root, self._bucket = root, bucket

    def path(self, digest: str) -> Path:
        """Return a file that holds a blob, fetching it first where the store is remote.

        Raises
        ------
        EngineError
            ``blob_missing``.
        """
        path = self._place(digest)
        if not path.is_file() and self._bucket is not None:
            self._fetch(digest, path)
        if not path.is_file():
            raise EngineError("Something this job needs is missing from the storage.", code="blob_missing")
        return path

    def get(self, digest: str) -> bytes:
        """Return the bytes of a blob; raises EngineError as `path` does."""
        return self.path(digest).read_bytes()

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest; storing them again changes nothing."""
        digest = bytes_digest(data)
        path = self._place(digest)
        if not path.is_file():
            self._write(path, io.BytesIO(data))
        if self._bucket is not None:
            self._bucket.put_object(Key=self._key(digest), Body=data)
        return digest

    def put_file(self, path: Path) -> str:
        """Store a file of any size as `put` stores bytes; return its digest."""
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            place = self._place(digest)
            if not place.is_file():
                source.seek(0)
                self._write(place, source)
            if self._bucket is not None:
                source.seek(0)
                self._bucket.put_object(Key=self._key(digest), Body=source)
        return digest

    def _place(self, digest: str) -> Path:
        if len(digest) != DIGEST_LENGTH or not set(digest) <= set("0123456789abcdef"):
            raise EngineError("Something this job needs has no proper name.", code="blob_missing")
        return self.root / self._key(digest)

    @staticmethod
    def _key(digest: str) -> str:
        return f"sha256/{digest[:2]}/{digest}"

    def _fetch(self, digest: str, path: Path) -> None:
        from botocore.exceptions import ClientError

        try:
            body = self._bucket.Object(self._key(digest)).get()["Body"]
        except ClientError as error:
            raise EngineError("Something this job needs is missing from the storage.", code="blob_missing") from error
        self._write(path, body)

    @staticmethod
    def _write(path: Path, source: Readable) -> None:
        """Write a file so that no reader ever sees half of it; a disk that is full keeps no half of it either."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as partial:
                shutil.copyfileobj(source, partial, PIECE_BYTES)
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise


def open_store(config: WorkerConfig) -> BlobStore:
    """Return the store that a configuration names."""
    if config.s3 is None:
        return BlobStore(config.data_dir / "blobs")
    return BlobStore(config.data_dir / "cache", _bucket(config.s3))


def _bucket(s3: S3Config) -> Any:
    import boto3

    resource = boto3.resource(
        "s3", endpoint_url=s3.endpoint_url, aws_access_key_id=s3.access_key, aws_secret_access_key=s3.secret_key
    )
    return resource.Bucket(s3.bucket)
