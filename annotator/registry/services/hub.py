"""Fetch published weights by name from a hub: resumed where an earlier attempt broke off, and checked by SHA-256.

The Hugging Face library does the talking. It reads HF_TOKEN (for gated weights), HF_ENDPOINT (a mirror) and
HF_HUB_OFFLINE from the environment.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from annotator.core import blobs
from annotator.core.errors import Busy, DomainError, InvalidInput, NotFound, PermissionDenied, Unprocessable
from annotator.registry.models import ModelVersion
from workers.protocol.digests import bytes_digest, is_digest
from workers.protocol.families import FAMILIES, Family
from workers.protocol.packages import BESIDE, WEIGHTS, Package, takes_files_beside

from .add_model import add_model, published_names
from .model_files import size_of_model

FREE_LICENCES = ("Apache-2.0", "BSD", "MIT")
MAIN = "main"
INCONCLUSIVE = ("check_failed", "check_timed_out")
MB = 1_000_000


@dataclass(frozen=True)
class HubFile:
    """Weights that a hub has.

    Attributes
    ----------
    name : str
        What readers call them.
    family : Family
    file : str
        Name in the family's repository.
    endpoint : str
        Address of the hub.
    revision : str
        Branch, tag or commit.
    """

    name: str
    family: Family
    file: str
    endpoint: str
    revision: str

    @property
    def needs_consent(self) -> bool:
        """Whether the licence has terms that somebody has to agree to before the weights are fetched."""
        return not self.family.licence.startswith(FREE_LICENCES)

    @property
    def page(self) -> str:
        """The page that shows the licence."""
        return f"{self.endpoint}/{self.family.repository}"

    @property
    def url(self) -> str:
        """The address of the file."""
        return hf_hub_url(self.family.repository, self.file, revision=self.revision, endpoint=self.endpoint)


@dataclass(frozen=True)
class Offer:
    """What a hub says of a file before it is fetched; `sha256` is None where the hub names no digest."""

    etag: str
    size: int | None
    sha256: str | None


def find_hub_file(*, name: str, endpoint: str = "", revision: str = "") -> HubFile:
    """Return the weights of a published name or of a family (its usual choice).

    Raises
    ------
    NotFound
        `unknown_weights`, with the names that are known.
    InvalidInput
        `bad_endpoint`.
    """
    endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
    if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
        raise InvalidInput("The address of a hub begins with http:// or https://.", code="bad_endpoint")
    known = published_names()
    for found, (family, file) in known.items():
        is_usual = name == family.name and file == family.files[0]
        if name == found or is_usual:
            return HubFile(found, family, file, endpoint, revision or MAIN)
    hint = " It comes with CineLoop." if name in FAMILIES else ""
    raise NotFound(
        f"No published weights are called {name!r}; there are {', '.join(known)}.{hint}", code="unknown_weights"
    )


def fetch_model(*, source: HubFile, say: Callable[[str], None] = lambda text: None) -> tuple[ModelVersion, bool]:
    """Fetch weights into the blob store and register them; running it again fetches nothing that is there already.

    Parameters
    ----------
    source : HubFile
        From `find_hub_file`; whoever calls this has agreed to its licence.
    say : callable, optional
        Called with a sentence on what is done.

    Returns
    -------
    model : ModelVersion
    created : bool

    Raises
    ------
    PermissionDenied
        `hub_forbidden`: the repository is gated or private.
    NotFound
        `hub_file_missing`.
    Unprocessable
        `hub_unreachable`, `hub_failed`, `download_broke_off`, `disk_full`, `not_storable`, `hash_mismatch`, and what
        `add_model` raises.
    Busy
        `already_fetching`.
    """
    offer = ask_hub(source)
    beside = _fetch_beside(source, say) if takes_files_beside(source.family.name) else {}
    known = _known(source, offer, beside)
    if known is not None and size_of_model(known.family, known.checkpoint) is not None:
        _clear(beside.values())
        return known, False
    path = download(source, offer, say=say)
    say("Checking the weights.")
    name = source.name if source.revision == MAIN else f"{source.name}@{source.revision}"
    try:
        with _explained(source):
            added = add_model(family=source.family.name, path=path, name=name, move=True, beside=beside)
    except DomainError as error:
        if error.code not in INCONCLUSIVE:
            _clear([path, *beside.values()])
        raise
    _clear([path, *beside.values()])
    return added


def _clear(paths: Iterable[Path]) -> None:
    """Remove fetched files, where they are still there, and the folders that they had to themselves."""
    for path in paths:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def _fetch_beside(source: HubFile, say: Callable[[str], None]) -> dict[str, Path]:
    """Fetch what a hub has beside weights: small files, and first, because a model is known by all of its files."""
    found: dict[str, Path] = {}
    for name in BESIDE:
        one = replace(source, file=name)
        try:
            offer = ask_hub(one)
        except NotFound:
            continue
        found[name] = download(one, offer, say=say)
    return found


def _known(source: HubFile, offer: Offer, beside: Mapping[str, Path]) -> ModelVersion | None:
    """Return the model that a hub offers, if it is registered and the hub says enough to tell."""
    if offer.sha256 is None:
        return None
    digest = offer.sha256
    if beside:
        parts = {name: blobs.file_digest(path) for name, path in beside.items()}
        digest = bytes_digest(Package(source.family.name, {WEIGHTS: digest, **parts}).to_bytes())
    return ModelVersion.objects.filter(checkpoint=digest).first()


def ask_hub(source: HubFile) -> Offer:
    """Ask a hub for digest and size of a file, without its content; raises as `fetch_model` does."""
    with _explained(source):
        found = get_hf_file_metadata(source.url, endpoint=source.endpoint)
    if not found.etag:
        raise Unprocessable(f"What answers at {source.endpoint} is not a hub: it names no version.", code="hub_failed")
    return Offer(found.etag, found.size, found.etag if is_digest(found.etag) else None)


def download(source: HubFile, offer: Offer, *, say: Callable[[str], None]) -> Path:
    """Fetch a file into the data directory, going on where an earlier attempt stopped.

    Returns
    -------
    Path
        The complete file, in a folder of its own. Until it is complete and has the right SHA-256 it has another name.

    Raises
    ------
    DomainError
        As of `fetch_model`.
    """
    folder = Path(settings.DATA_DIR) / "downloads" / bytes_digest(offer.etag.encode())[:16]
    path, partial = folder / source.file, folder / f"{source.file}.partial"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"The file {source.file} is being fetched already.", code="already_fetching") from error
        _receive(source, offer, file, say)
        file.flush()
        if offer.sha256 is not None and blobs.file_digest(partial) != offer.sha256:
            partial.unlink()
            raise Unprocessable(
                f"What came as {source.file} does not have the SHA-256 that the hub names, so it was thrown away.",
                code="hash_mismatch",
            )
        os.replace(partial, path)
    return path


def _receive(source: HubFile, offer: Offer, file: BinaryIO, say: Callable[[str], None]) -> None:
    """Append to a file what it lacks."""
    if offer.size is None or file.tell() > offer.size:
        file.truncate(0)
    had = file.seek(0, os.SEEK_END)
    total = ""
    if offer.size is not None:
        _check_space(source, offer.size - had)
        total = f" of {offer.size / MB:,.1f} MB"
    say(f"Fetching {source.file} from {source.page}" + (f", going on after {had / MB:,.1f} MB{total}." if had else "."))
    headers = {**build_hf_headers(), "accept-encoding": "identity"}
    with _explained(source, lambda: f"{file.tell() / MB:,.1f} MB{total}"):
        http_get(
            source.url,
            file,
            resume_size=had,
            headers=headers,
            expected_size=offer.size,
            displayed_filename=source.file,
        )


def _check_space(source: HubFile, wanted: int) -> None:
    """Raise Unprocessable when the data directory has no room for so many bytes."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < wanted:
        raise Unprocessable(
            f"{source.file} needs {wanted / MB:,.0f} MB, but only {free / MB:,.0f} MB are free on the disk of the data "
            "directory.",
            code="disk_full",
        )


@contextlib.contextmanager
def _explained(source: HubFile, received: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn what goes wrong with the network, the hub or the disk into a refusal with a sentence."""
    try:
        yield
    except (HTTPError, OSError) as error:
        raise _refusal(source, error, received() if received is not None else "") from error


def _refusal(source: HubFile, error: Exception, received: str) -> DomainError:
    """Return what an error means; `received` says how much had come by then, if anything was to come."""
    if isinstance(error, HfHubHTTPError):
        return _status_refusal(source, error.response.status_code)
    if isinstance(error, OfflineModeIsEnabled):
        return Unprocessable("HF_HUB_OFFLINE is set, so nothing is fetched from a hub.", code="hub_unreachable")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unprocessable(
            "The disk of the data directory is full; make room and run this again to go on from where it stopped.",
            code="disk_full",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return Unprocessable(f"The file cannot be stored: {error.strerror}.", code="not_storable")
    if received:
        return Unprocessable(
            f"The download of {source.file} broke off after {received}; run this again to go on from there.",
            code="download_broke_off",
        )
    return Unprocessable(
        f"The hub at {source.endpoint} cannot be reached; is there a network, and is its address right?",
        code="hub_unreachable",
    )


def _status_refusal(source: HubFile, status: int) -> DomainError:
    """Return what the status of a hub's answer means."""
    if status in (401, 403):
        return PermissionDenied(
            f"{source.family.repository} is not open to everybody: agree to its terms on {source.page}, set HF_TOKEN "
            f"to a token of your account and run this again (HTTP {status}).",
            code="hub_forbidden",
        )
    if status == 404:
        return NotFound(
            f"The hub has no file {source.file} in {source.family.repository} at the revision {source.revision}.",
            code="hub_file_missing",
        )
    return Unprocessable(f"The hub answered with HTTP {status}; try again later.", code="hub_failed")
