"""Import files into a campaign."""

from __future__ import annotations

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.permissions import require_member
from annotator.campaigns.services.campaigns import add_cine
from annotator.core import audit
from annotator.core.errors import InvalidInput, TooLarge
from annotator.core.realtime import broadcast
from annotator.core.transitions import transition
from annotator.imaging.models import BatchStatus, ImportBatch
from annotator.imaging.services.ingest import FileOutcome, SourceFile, ingest_files

MAX_FILES = 20_000
ENCRYPTED = 0x1
BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, ValueError)
HIDDEN = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


def import_files(
    *,
    campaign: Campaign,
    actor: User | None,
    files: Iterable[SourceFile],
    scratch: Path,
    report: Callable[[FileOutcome], None] | None = None,
) -> ImportBatch:
    """Import files and archives into a campaign.

    Parameters
    ----------
    campaign : Campaign
    actor : User or None
        A member of the campaign; None for the command line.
    files : iterable of SourceFile
        DICOM files and .zip archives.
    scratch : Path
        A folder of the caller's, for the contents of archives; the caller removes it.
    report : callable, optional
        Called with each outcome.

    Returns
    -------
    ImportBatch
        DONE, with one item for each file.

    Raises
    ------
    PermissionDenied
        When the actor is no member.
    InvalidInput
        With code ``no_files``.
    """
    if actor is not None:
        require_member(actor, campaign)
    sources = list(files)
    if not sources:
        raise InvalidInput("Choose at least one file to import.", code="no_files")
    batch = ImportBatch.objects.create(campaign=campaign, actor_id=getattr(actor, "pk", None))
    refused: list[FileOutcome] = []

    def tell(outcome: FileOutcome) -> None:
        for cine in outcome.cines:
            add_cine(campaign=campaign, cine=cine)
        if report is not None:
            report(outcome)

    try:
        opened = _expand(sources, scratch, refused)
        outcomes = ingest_files(opened, keep_identity=campaign.keep_identity_mapping, report=tell)
        for outcome in refused:
            tell(outcome)
        return _finish(batch, [*outcomes, *refused], actor)
    except BaseException:
        ImportBatch.objects.filter(pk=batch.pk).update(status=BatchStatus.FAILED)
        raise


@transaction.atomic
def _finish(batch: ImportBatch, outcomes: list[FileOutcome], actor: User | None) -> ImportBatch:
    batch.items = [outcome.to_dict() for outcome in outcomes]
    batch.save(update_fields=["items", "updated_at"])
    counts = {kind: sum(item.outcome == kind for item in outcomes) for kind in ("imported", "duplicate", "refused")}
    batch = transition(batch, BatchStatus.DONE, actor=actor)
    audit.record(actor=actor, action="import.files", target=batch, data=counts)
    broadcast(f"campaign.{batch.campaign.slug}", json={"type": "import", "batch": str(batch.pk), **counts})
    return batch


def _expand(sources: list[SourceFile], scratch: Path, refused: list[FileOutcome]) -> Iterator[SourceFile]:
    """Yield files, archives opened; what cannot be opened goes to `refused`."""
    left = settings.MAX_UPLOAD_BYTES  # for the contents of all archives of one import together
    for number, source in enumerate(sources):
        if PurePosixPath(source.name).name in HIDDEN:
            continue
        if not zipfile.is_zipfile(source.path):
            yield source
            continue
        try:
            with zipfile.ZipFile(source.path) as archive:
                members = _members(archive, left)
                left -= sum(member.file_size for member in members)
                yield from _unpack(source, archive, members, scratch / f"archive-{number}", refused)
        except TooLarge as error:
            refused.append(FileOutcome(source.name, "refused", error.code, f"{source.name} was not opened: {error}"))
        except BAD_ARCHIVE:
            message = f"{source.name} was not opened: the archive is damaged or locked with a password."
            refused.append(FileOutcome(source.name, "refused", "bad_archive", message))


def _members(archive: zipfile.ZipFile, limit: int) -> list[zipfile.ZipInfo]:
    """Return the files of an archive that may be unpacked into `limit` bytes."""
    members = [item for item in archive.infolist() if not item.is_dir()]
    members = [item for item in members if not any(part in HIDDEN for part in PurePosixPath(item.filename).parts)]
    if len(members) > MAX_FILES:
        raise TooLarge(f"it holds more than {MAX_FILES} files.", code="archive_too_large")
    if sum(item.file_size for item in members) > limit:
        raise TooLarge("its contents are too large.", code="archive_too_large")
    if any(item.flag_bits & ENCRYPTED for item in members):
        raise zipfile.BadZipFile("locked with a password")
    return members


def _unpack(
    source: SourceFile,
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    folder: Path,
    refused: list[FileOutcome],
) -> Iterator[SourceFile]:
    """Yield the files of an archive, each written under a name of our own so that none can leave the folder."""
    folder.mkdir()
    for number, member in enumerate(members):
        name, path = f"{source.name}/{member.filename}", folder / str(number)
        try:
            with archive.open(member) as packed, path.open("wb") as out:
                # The declared size may lie: what is really unpacked is bounded too.
                shutil.copyfileobj(_Bounded(packed, member.file_size), out)
        except BAD_ARCHIVE:
            message = f"{name} was not imported: it is damaged inside the archive."
            refused.append(FileOutcome(name, "refused", "bad_archive", message))
            continue
        yield SourceFile(path, name)


class _Bounded:
    """Read at most the declared bytes of an archive's member."""

    def __init__(self, file: object, limit: int) -> None:
        self._file, self._left = file, limit

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data: bytes = self._file.read(wanted)  # type: ignore[attr-defined]
        self._left -= len(data)
        if self._left < 0:
            raise zipfile.BadZipFile("a member is larger than declared")
        return data
