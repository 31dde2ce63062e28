"""Blobs: written once under the digest of their content, whole or not at all."""

from __future__ import annotations

import errno
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from pytest_django import Settings

from annotator.core import blobs
from annotator.core.errors import IllegalTransition, NotFound
from workers.protocol.digests import array_digest, bytes_digest

DATA = b"a few bytes"
ABSENT = "0" * 64


@pytest.fixture
def store(settings: Settings, tmp_path: Path) -> Path:
    """Return the folder of an empty blob store of this test's own."""
    folder = tmp_path / "blobs"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.DATA_DIR = tmp_path
    return folder


class RemoteStorage(Storage):
    """A storage whose files have no path on this machine, as those of S3."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def exists(self, name: str) -> bool:
        """Tell whether a file has been saved."""
        return name in self.contents

    def _save(self, name: str, content: File[Any]) -> str:
        assert name not in self.contents, "a blob is written once"
        self.contents[name] = content.read()
        return name

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        return len(self.contents[name])

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        if name not in self.contents:
            raise FileNotFoundError(name)
        return ContentFile(self.contents[name])


@pytest.fixture
def remote(settings: Settings, tmp_path: Path) -> Path:
    """Use a storage without paths; return the data directory of this machine."""
    storage = {"BACKEND": f"{__name__}.RemoteStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.DATA_DIR = tmp_path
    return tmp_path


def files(folder: Path) -> list[str]:
    """Return the names of all files below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_bytes_come_back(store: Path) -> None:
    """Under the SHA-256 of the bytes, in the folder of its first two digits, readable by other users' workers."""
    digest = blobs.put_bytes(DATA)
    assert digest == bytes_digest(DATA)
    assert files(store) == [f"sha256/{digest[:2]}/{digest}"]
    assert blobs.exists(digest)
    assert blobs.get_bytes(digest) == DATA
    assert blobs.local_path(digest).read_bytes() == DATA
    assert blobs.local_path(digest).stat().st_mode & 0o777 == 0o644


def test_the_empty_blob_is_a_blob(store: Path) -> None:
    """No bytes have a digest too."""
    assert blobs.get_bytes(blobs.put_bytes(b"")) == b""


def test_a_stored_blob_is_never_written_again(store: Path) -> None:
    """Storing the same twice leaves the first file as it is."""
    path = blobs.local_path(blobs.put_bytes(DATA))
    before = path.stat()
    assert blobs.put_bytes(DATA) == path.name
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(files(store)) == 1


class CutOff(ContentFile):
    """Content whose reading breaks off in the middle."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield some bytes, then fail as a full disk does."""
        yield DATA[:4]
        raise OSError(28, "No space left on device")


def test_a_write_that_breaks_off_leaves_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a blob under the digest nor a forgotten temporary file; trying again succeeds."""
    with monkeypatch.context() as patch:
        patch.setattr(blobs, "ContentFile", CutOff)
        with pytest.raises(OSError, match="No space left"):
            blobs.put_bytes(DATA)
    assert files(store) == []
    assert not blobs.exists(bytes_digest(DATA))
    assert blobs.get_bytes(blobs.put_bytes(DATA)) == DATA


def test_a_blob_appears_only_when_it_is_whole(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is being written nobody sees it, so that a process killed then has left no blob."""
    digest = bytes_digest(DATA)
    seen: list[bool] = []

    class Watched(ContentFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            for chunk in super().chunks(chunk_size):
                seen.append(blobs.exists(digest))
                yield chunk
                seen.append(blobs.exists(digest))

    monkeypatch.setattr(blobs, "ContentFile", Watched)
    blobs.put_bytes(DATA)
    assert seen == [False, False]
    assert blobs.exists(digest)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../secret-key",
        "sha256/00/" + "0" * 64,
        "0" * 63,
        "0" * 65,
        "A" * 64,
        "g" * 64,
        "0" * 63 + "/",
        "." * 64,
        "0" * 63 + "\n",
    ],
)
def test_only_digests_name_blobs(store: Path, name: str) -> None:
    """No other text reaches the file system."""
    (store.parent / "secret-key").write_text("secret")
    for ask in (blobs.storage_name, blobs.exists, blobs.get_bytes, blobs.local_path, blobs.open_array):
        with pytest.raises(NotFound) as refused:
            ask(name)
        assert refused.value.code == "blob_not_found"


@pytest.mark.parametrize("place", ["store", "remote"])
def test_a_missing_blob_is_not_found(place: str, request: pytest.FixtureRequest) -> None:
    """Whoever asks for it hears the same, and no empty file is made on the way."""
    folder: Path = request.getfixturevalue(place)
    assert not blobs.exists(ABSENT)
    for ask in (blobs.get_bytes, blobs.local_path, blobs.open_array):
        with pytest.raises(NotFound) as refused:
            ask(ABSENT)
        assert refused.value.code == "blob_not_found"
    assert files(folder) == []


@pytest.mark.parametrize("dtype", ["|u1", "<u2", ">u2", "<f4", "|b1"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 3), (7,), (0, 4)])
def test_arrays_come_back(store: Path, dtype: str, shape: tuple[int, ...]) -> None:
    """Type, byte order, shape and values; a second time nothing is written."""
    array = np.random.default_rng(5).integers(0, 200, shape).astype(dtype)
    digest = blobs.put_array(array)
    found = blobs.open_array(digest)
    assert (found.dtype.str, found.shape) == (dtype, shape)
    np.testing.assert_array_equal(found, array)
    assert digest == array_digest(array) == array_digest(found)
    assert blobs.put_array(array.copy()) == digest
    assert len(files(store)) == 1


def test_the_layout_in_memory_does_not_matter(store: Path) -> None:
    """A view with strides is stored as what it shows, in C order."""
    array = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    turned = np.asfortranarray(array)
    assert blobs.put_array(turned) == blobs.put_array(array)
    assert blobs.open_array(blobs.put_array(array[:, ::2])).flags.c_contiguous
    np.testing.assert_array_equal(blobs.open_array(blobs.put_array(array[:, ::2])), array[:, ::2])


def test_opened_arrays_are_mapped_and_read_only(store: Path) -> None:
    """A cine is not read whole for one frame, and nobody writes into a blob by accident."""
    found = blobs.open_array(blobs.put_array(np.zeros((3, 4, 5), np.uint8)))
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_python_objects_are_no_pixels(store: Path) -> None:
    """Nothing that would have to be unpickled is stored."""
    with pytest.raises(TypeError):
        blobs.put_array(np.array([{}], dtype=object))
    assert files(store) == []


@pytest.mark.parametrize("place", ["store", "remote"])
def test_an_array_on_disk_is_taken_over(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The file is gone afterwards, whether the blob was new or known."""
    request.getfixturevalue(place)
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    digest = array_digest(array)
    for _ in range(2):
        path = tmp_path / "decoded.npy"
        np.save(path, array)
        blobs.put_array_file(path, digest)
        assert not path.exists()
    np.testing.assert_array_equal(blobs.open_array(digest), array)


def test_a_remote_blob_is_fetched_once(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its local copy lies in the cache of the data directory and is used from then on."""
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    digest = blobs.put_array(array)
    assert blobs.put_array(array) == digest
    path = blobs.local_path(digest)
    assert files(remote) == [f"cache/sha256/{digest[:2]}/{digest}"]
    assert path == remote / files(remote)[0]

    def refuse(storage: RemoteStorage, name: str, mode: str = "rb") -> File[Any]:
        raise AssertionError("fetched again")

    monkeypatch.setattr(RemoteStorage, "_open", refuse)
    np.testing.assert_array_equal(blobs.open_array(digest), array)


def test_remote_bytes_come_back(remote: Path) -> None:
    """Written once there too."""
    digest = blobs.put_bytes(DATA)
    assert blobs.put_bytes(DATA) == digest
    assert blobs.get_bytes(digest) == DATA
    assert files(remote) == []


@pytest.mark.parametrize("place", ["store", "remote"])
@pytest.mark.parametrize("move", [False, True])
def test_a_file_comes_back(place: str, move: bool, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Under the digest of its bytes, whatever its size; a copied file stays, a moved one is gone, both times."""
    request.getfixturevalue(place)
    data = np.random.default_rng(3).bytes(2 * blobs.CHUNK_BYTES + 17)
    for _ in range(2):
        path = tmp_path / "weights.pt"
        path.write_bytes(data)
        assert blobs.put_file(path, move=move) == bytes_digest(data)
        assert path.exists() != move
    assert blobs.get_bytes(bytes_digest(data)) == data
    assert blobs.size_of(bytes_digest(data)) == len(data)
    assert blobs.size_of(ABSENT) is None
    assert blobs.local_path(bytes_digest(data)).read_bytes() == data
    assert blobs.local_path(bytes_digest(data)).stat().st_mode & 0o777 == 0o644


def peak_of(action: Callable[[], object]) -> int:
    """Return how many bytes Python allocated at most during an action."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_is_stored_in_pieces(store: Path, tmp_path: Path) -> None:
    """Weights of gigabytes are never in memory whole."""
    path = tmp_path / "weights.pt"
    path.write_bytes(bytes(32 * blobs.CHUNK_BYTES))
    assert peak_of(lambda: blobs.put_file(path)) < 4 * blobs.CHUNK_BYTES


def test_a_large_remote_blob_is_fetched_in_pieces(remote: Path) -> None:
    """Nor on the way back."""
    digest = blobs.put_bytes(bytes(32 * blobs.CHUNK_BYTES))
    assert peak_of(lambda: blobs.local_path(digest)) < 4 * blobs.CHUNK_BYTES


def test_a_file_of_another_disk_is_copied_whole(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be moved at once, the blob still appears only when it is complete, and the source goes."""
    path = tmp_path / "weights.pt"
    path.write_bytes(DATA)
    replace = blobs.os.replace

    def across(source: Any, target: Any) -> None:
        if Path(source) == path:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(blobs.os, "replace", across)
    assert blobs.get_bytes(blobs.put_file(path, move=True)) == DATA
    assert not path.exists()


def test_a_file_that_changes_meanwhile_is_refused(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No blob lies under a digest that is not its own."""
    path = tmp_path / "weights.pt"
    path.write_bytes(DATA)
    digest_of = blobs.file_digest

    def changing(path: Path) -> str:
        digest = digest_of(path)
        path.write_bytes(b"other bytes")
        return digest

    monkeypatch.setattr(blobs, "file_digest", changing)
    with pytest.raises(IllegalTransition) as refused:
        blobs.put_file(path)
    assert refused.value.code == "file_changed"
    assert files(store) == []
