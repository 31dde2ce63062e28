"""A model of several files, stored as one: a small blob that names each file by its digest, and is the model's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from workers.protocol import checks
from workers.protocol.errors import MessageError
from workers.protocol.families import FAMILIES

FORMAT = "cineloop-package-1"
WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
BESIDE = (CONFIG, TOKENIZER)
"""What may lie beside the weights, by the names that the Hugging Face hub has for it."""
MAX_BYTES = 4_096


@dataclass(frozen=True)
class Package:
    """What a package holds.

    Attributes
    ----------
    family : str
        One that `takes_files_beside`.
    files : mapping of str to str
        Digest of each file by its name: `WEIGHTS`, and some of `BESIDE`.
    """

    family: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if not takes_files_beside(self.family):
            raise MessageError(f"Models of the family {self.family!r} are one file.")
        files = checks.mapping(self.files, "files")
        if WEIGHTS not in files or not set(files) <= {WEIGHTS, *BESIDE}:
            raise MessageError(f"A package holds {WEIGHTS}, and perhaps {' and '.join(BESIDE)}.")
        for digest in files.values():
            checks.digest(digest, "files")

    def to_bytes(self) -> bytes:
        """Return the one form in which the package is stored."""
        data = {"format": FORMAT, "family": self.family, "files": dict(self.files)}
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def takes_files_beside(family: str) -> bool:
    """Tell whether models of a family can make use of more than their weights."""
    return family in FAMILIES and "text" in FAMILIES[family].prompts


def read_package(data: bytes) -> Package | None:
    """Return the package that bytes hold, or None when they hold something else.

    Raises
    ------
    MessageError
        When it says that it is a package and is none.
    """
    try:
        found = json.loads(data) if len(data) <= MAX_BYTES else None
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    found = checks.mapping(found, "package", fields=("format", "family", "files"))
    return Package(found["family"], found["files"])
