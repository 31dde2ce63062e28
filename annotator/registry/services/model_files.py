"""The files of a model: weights alone, or weights with what lies beside them, which together are one package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from annotator.core import blobs
from annotator.core.errors import NotFound, Unprocessable
from workers.protocol.digests import bytes_digest
from workers.protocol.errors import MessageError
from workers.protocol.families import FAMILIES
from workers.protocol.packages import (
    BESIDE,
    MAX_BYTES,
    TOKENIZER,
    WEIGHTS,
    Package,
    read_package,
    takes_files_beside,
)

from .checkpoint_header import read_header_of


@dataclass(frozen=True)
class ModelFiles:
    """Where the files of a model lie.

    Attributes
    ----------
    weights : Path
    beside : mapping of str to Path
        The others by their names (`workers.protocol.packages.BESIDE`).
    """

    weights: Path
    beside: Mapping[str, Path] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """What the check of the workers is told of them."""
        return [str(self.weights.resolve()), *(f"{name}={path.resolve()}" for name, path in self.beside.items())]


def files_at(path: Path) -> ModelFiles:
    """Return the files that a path means.

    Parameters
    ----------
    path : Path
        Weights, or a folder with ``model.safetensors`` and what the hub has beside it, or a stored package.

    Raises
    ------
    NotFound
        `checkpoint_missing`.
    Unprocessable
        `checkpoint_unreadable` for a package that is none.
    """
    if path.is_dir():
        weights = path / WEIGHTS
        if not weights.is_file():
            raise NotFound(f"There is no {WEIGHTS} in the folder {path}.", code="checkpoint_missing")
        return ModelFiles(weights, {name: path / name for name in BESIDE if (path / name).is_file()})
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", code="checkpoint_missing")
    package = _package_in(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else None
    if package is None:
        return ModelFiles(path)
    places = {name: blobs.local_path(digest) for name, digest in package.files.items()}
    return ModelFiles(places.pop(WEIGHTS), places)


def digest_of(files: ModelFiles, family: str) -> str:
    """Return by which digest a model of these files is known, once it is stored."""
    digest = blobs.file_digest(files.weights)
    return bytes_digest(_package(files, family, digest).to_bytes()) if files.beside else digest


def store_files(files: ModelFiles, family: str, *, move: bool) -> tuple[str, str]:
    """Put the files of a model into the blob store; return the digests of the model and of its weights."""
    beside = {name: blobs.put_file(path, move=move) for name, path in files.beside.items()}
    weights = blobs.put_file(files.weights, move=move)
    if not beside:
        return weights, weights
    return blobs.put_bytes(Package(family, {WEIGHTS: weights, **beside}).to_bytes()), weights


def package_of(family: str, checkpoint: str) -> Package | None:
    """Return the package that a model is, None for weights alone and for what is not stored."""
    size = blobs.size_of(checkpoint) if takes_files_beside(family) else None
    return _package_in(blobs.get_bytes(checkpoint)) if size is not None and size <= MAX_BYTES else None


def prompts_of_model(*, family: str, checkpoint: str) -> list[str]:
    """Return what a model answers: what its family does, texts only where a tokenizer came with the weights.

    Notes
    -----
    An adapter finds by words what its base finds: the words go to the base's own detector.
    """
    known = FAMILIES.get(family)
    prompts = list(known.prompts) if known is not None else []
    if "text" not in prompts:
        return prompts
    package = package_of(family, base_of(checkpoint) or checkpoint)
    return prompts if package is not None and TOKENIZER in package.files else [one for one in prompts if one != "text"]


def base_of(checkpoint: str) -> str:
    """Return the digest of the model below a stored adapter; nothing for a whole model, a package, and what is gone."""
    if not blobs.exists(checkpoint):
        return ""
    try:
        return read_header_of(blobs.local_path(checkpoint)).base
    except Unprocessable:
        return ""


def size_of_model(family: str, checkpoint: str) -> int | None:
    """Return how many bytes the files of a model have, None when one of them is not stored."""
    package = package_of(family, checkpoint)
    digests = [checkpoint] if package is None else list(package.files.values())
    sizes = [blobs.size_of(digest) for digest in digests]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def require_one_file(files: ModelFiles, family: str) -> None:
    """Raise Unprocessable when files lie beside weights that can make no use of them."""
    if files.beside and not takes_files_beside(family):
        raise Unprocessable(
            f"Models of the family {family} are one file; name it instead of its folder.", code="not_one_file"
        )


def _package(files: ModelFiles, family: str, weights: str) -> Package:
    return Package(family, {WEIGHTS: weights, **{name: blobs.file_digest(path) for name, path in files.beside.items()}})


def _package_in(data: bytes) -> Package | None:
    try:
        return read_package(data)
    except MessageError as error:
        raise Unprocessable(f"The package of a model cannot be read: {error}", code="checkpoint_unreadable") from error
