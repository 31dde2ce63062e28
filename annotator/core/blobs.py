"""Content-addressed blobs behind Django's storage API: written once, never changed."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from annotator.core.errors import IllegalTransition, NotFound
from workers.protocol.digests import array_digest, bytes_digest

CHUNK_BYTES = 1 << 20
DIGEST_LENGTH = 64


def storage_name(digest: str) -> str:
    """Return the name of a blob in the storage, ``sha256/<aa>/<digest>``.

    Raises
    ------
    NotFound
        When the text is no SHA-256 hex digest, so that no other name can be reached.
    """
    if len(digest) != DIGEST_LENGTH or not set(digest) <= set("0123456789abcdef"):
        raise NotFound("There is no such blob.", code="blob_not_found")
    return f"sha256/{digest[:2]}/{digest}"


def exists(digest: str) -> bool:
    """Tell whether a blob is stored."""
    return default_storage.exists(storage_name(digest))


def put_bytes(data: bytes) -> str:
    """Store bytes and return their SHA-256 hex digest; storing the same again changes nothing."""
    digest = bytes_digest(data)
    _store(digest, ContentFile(data))
    return digest


def put_file(path: Path, *, move: bool = False) -> str:
    """Store the bytes of a file of any size, read in pieces; storing the same again changes nothing.

    Parameters
    ----------
    path : Path
    move : bool
        Take the file over, without a copy where the storage allows it; otherwise it stays where it is.

    Returns
    -------
    str
        SHA-256 of the bytes.

    Raises
    ------
    IllegalTransition
        With code ``file_changed`` when the file was written while it was being stored; nothing is stored then.
    OSError
        When it cannot be read, or the disk is full.
    """
    digest = file_digest(path)
    target = _local_target(digest)
    if move and target is not None and not target.is_file() and _moved(path, target):
        return digest
    if not exists(digest):
        with path.open("rb") as file:
            if target is None:
                default_storage.save(storage_name(digest), File(file))
            else:
                _write_whole(target, _unchanged(File(file).chunks(CHUNK_BYTES), digest))
    if move:
        path.unlink()
    return digest


def put_array(array: NDArray[Any]) -> str:
    """Store an array as a .npy file and return the digest of its content (dtype, shape, C-order bytes)."""
    digest = array_digest(array)
    if not exists(digest):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        buffer.seek(0)
        _store(digest, File(buffer))
    return digest


def put_array_file(path: Path, digest: str) -> None:
    """Store a .npy file that already lies on disk under the digest of its array, moving it where possible."""
    if exists(digest):
        path.unlink()
        return
    target = _local_target(digest)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
        return
    with path.open("rb") as file:
        _store(digest, File(file))
    path.unlink()


def file_digest(path: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(digest: str) -> int | None:
    """Return how many bytes a blob has, None when it is not stored."""
    name = storage_name(digest)
    return default_storage.size(name) if default_storage.exists(name) else None


def get_bytes(digest: str) -> bytes:
    """Return the bytes of a blob.

    Raises
    ------
    NotFound
        With code ``blob_not_found``.
    """
    try:
        with default_storage.open(storage_name(digest), "rb") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        raise NotFound("There is no such blob.", code="blob_not_found") from None
    return data


def local_path(digest: str) -> Path:
    """Return a file on this machine that holds a blob, fetching it into a cache when the storage is remote.

    Raises
    ------
    NotFound
        With code ``blob_not_found``.
    """
    target = _local_target(digest)
    if target is not None:
        if not target.is_file():
            raise NotFound("There is no such blob.", code="blob_not_found")
        return target
    cached = Path(settings.DATA_DIR) / "cache" / storage_name(digest)
    if not cached.is_file():
        try:
            with default_storage.open(storage_name(digest), "rb") as file:
                _write_whole(cached, file.chunks(CHUNK_BYTES))
        except FileNotFoundError:
            raise NotFound("There is no such blob.", code="blob_not_found") from None
    return cached


def open_array(digest: str) -> NDArray[Any]:
    """Return an array blob, memory-mapped and read-only.

    Raises
    ------
    NotFound
        With code ``blob_not_found``.
    """
    array: NDArray[Any] = np.load(local_path(digest), mmap_mode="r", allow_pickle=False)
    return array


def _local_target(digest: str) -> Path | None:
    """Return where the file system storage keeps a blob, or None when the storage is remote."""
    try:
        return Path(default_storage.path(storage_name(digest)))
    except NotImplementedError:
        return None


def _store(digest: str, content: File[Any]) -> None:
    """Write a blob unless it exists; a crash in the middle leaves no blob under the digest."""
    target = _local_target(digest)
    if target is None:
        if not exists(digest):
            default_storage.save(storage_name(digest), content)
        return
    if target.is_file():
        return
    _write_whole(target, content.chunks())


def _moved(path: Path, target: Path) -> bool:
    """Move a file at once; False where it lies on another file system, so that it has to be copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    os.chmod(target, 0o644)
    return True


def _unchanged(pieces: Iterable[bytes], digest: str) -> Iterator[bytes]:
    """Yield the pieces of a file and raise IllegalTransition at the end when they are not those of the digest."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
        yield piece
    if found.hexdigest() != digest:
        raise IllegalTransition("The file changed while it was being stored.", code="file_changed")


def _write_whole(target: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that appears under its name when it is complete; a failure, such as a full disk, leaves nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
        try:
            for chunk in chunks:
                partial.write(chunk)
            partial.close()
            os.chmod(partial.name, 0o644)
            os.replace(partial.name, target)
        except BaseException:
            os.unlink(partial.name)
            raise
