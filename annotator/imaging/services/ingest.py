"""From files on disk to cines in the database: whole or not at all, one bad file never stopping its neighbours."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from pydicom.uid import UID

from annotator.core import blobs
from annotator.imaging.models import Cine, CineInstance, IdentityMapping, Instance, Patient, Series, Study
from annotator.imaging.services import identity
from annotator.imaging.services.decode import Decoded, decode_cine
from annotator.imaging.services.describe import describe_cine, intensity_relationship, title_of
from annotator.imaging.services.elements import tolerant_reading
from annotator.imaging.services.inspect import Inspected, inspect_file
from annotator.imaging.services.refusal import FileRefused
from annotator.imaging.services.timing import frame_times_ms, series_order


@dataclass(frozen=True)
class SourceFile:
    """A file to import: where it lies, and what the user calls it."""

    path: Path
    name: str


@dataclass
class FileOutcome:
    """What became of one file."""

    name: str
    outcome: str
    code: str = ""
    message: str = ""
    cines: list[Cine] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as the batch stores it."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "code": self.code,
            "message": self.message,
            "cine_ids": [str(cine.pk) for cine in self.cines],
        }


@dataclass
class Prepared:
    """All that is known of a cine before anything of it is stored; `copies` are de-identified files on disk."""

    decoded: Decoded
    notes: list[str]
    times: list[float]
    source: str
    facts: dict[str, Any]
    intensity: str
    key: str
    original: dict[str, str]
    study_uid: str
    series_uid: str
    bits_stored: int
    heads: list[dict[str, str]]
    copies: list[Path] = field(default_factory=list)


def ingest_files(
    files: Iterable[SourceFile], *, keep_identity: bool = False, report: Callable[[FileOutcome], None] | None = None
) -> list[FileOutcome]:
    """Import files; single-frame files of one series and view become one cine.

    Parameters
    ----------
    files : iterable of SourceFile
    keep_identity : bool
        Whether to keep the encrypted original identity of the patients.
    report : callable, optional
        Called with each outcome as it is known.

    Returns
    -------
    list of FileOutcome
        One for each file, in the order in which they were decided.
    """
    outcomes: list[FileOutcome] = []
    singles: dict[tuple[Any, ...], list[tuple[SourceFile, str]]] = defaultdict(list)
    waiting: set[str] = set()
    repeated: list[tuple[SourceFile, str]] = []

    def tell(outcome: FileOutcome) -> None:
        outcomes.append(outcome)
        if report is not None:
            report(outcome)

    for file in files:
        try:
            digest = blobs.file_digest(file.path)
            known = _known(digest, file.name)
            if known is not None:
                tell(known)
                continue
            if digest in waiting:
                repeated.append((file, digest))
                continue
            found = inspect_file(file.path, file.name, max_bytes=settings.MAX_CINE_BYTES)
            if found.frames == 1:
                with tolerant_reading():
                    view = _view(found)
                singles[view].append((file, digest))
                waiting.add(digest)
            else:
                tell(_import_cine([found], [digest], keep_identity))
        except FileRefused as refusal:
            tell(_refused(file.name, refusal))
    for group in singles.values():
        for outcome in _import_singles(group, keep_identity):
            tell(outcome)
    for file, digest in repeated:
        tell(_known(digest, file.name) or _import_single(file, digest, keep_identity))
    return outcomes


def _refused(name: str, refusal: FileRefused) -> FileOutcome:
    return FileOutcome(name, "refused", refusal.code, f"{name} was not imported: {refusal.reason}.")


def _known(digest: str, name: str) -> FileOutcome | None:
    """Return the outcome for a file whose bytes were imported before."""
    instance = Instance.objects.filter(original_digest=digest).first()
    if instance is None:
        return None
    cines = list(instance.cines.all())
    return FileOutcome(name, "duplicate", "already_imported", f"{name} was imported before; nothing changed.", cines)


def _view(found: Inspected) -> tuple[Any, ...]:
    """Return what single frames must share to be one cine: series, geometry, slice position."""
    dataset = found.dataset
    position = tuple(str(value) for value in dataset.get("ImagePositionPatient", ()) or ())
    orientation = tuple(str(value) for value in dataset.get("ImageOrientationPatient", ()) or ())
    return (
        str(dataset.get("SeriesInstanceUID", "")) or found.name,
        int(dataset.Rows),
        int(dataset.Columns),
        str(dataset.PhotometricInterpretation),
        position,
        orientation,
    )


def _import_singles(group: list[tuple[SourceFile, str]], keep_identity: bool) -> list[FileOutcome]:
    """Import single-frame files of one view: as one cine when times order them, else each by itself."""
    # The files were checked one by one before; they are read again so that a long series is never in memory twice.
    found: list[Inspected] = []
    kept: list[tuple[SourceFile, str]] = []
    outcomes: list[FileOutcome] = []
    for file, digest in group:
        try:
            found.append(inspect_file(file.path, file.name, max_bytes=settings.MAX_CINE_BYTES))
            kept.append((file, digest))
        except FileRefused as refusal:
            outcomes.append(_refused(file.name, refusal))
    ordered = series_order([item.dataset for item in found]) if len(found) > 1 else None
    if ordered is not None:
        order, times, source = ordered
        try:
            whole = _import_cine([found[i] for i in order], [kept[i][1] for i in order], keep_identity, (times, source))
        except FileRefused:
            pass  # one frame is bad: each file is tried by itself, so that its neighbours are kept
        else:
            names = [found[index].name for index in order]
            return outcomes + [
                replace(whole, name=name, message=name + whole.message.removeprefix(whole.name)) for name in names
            ]
    return outcomes + [_import_single(file, digest, keep_identity) for file, digest in kept]


def _import_single(file: SourceFile, digest: str, keep_identity: bool) -> FileOutcome:
    """Import one single-frame file as a cine of its own; it is read anew, as an attempt before may have changed it."""
    try:
        found = inspect_file(file.path, file.name, max_bytes=settings.MAX_CINE_BYTES)
        return _import_cine([found], [digest], keep_identity)
    except FileRefused as refusal:
        return _refused(file.name, refusal)


def _import_cine(
    files: list[Inspected], digests: list[str], keep_identity: bool, given: tuple[list[float], str] | None = None
) -> FileOutcome:
    """Decode, de-identify and store one cine; nothing is stored before all of it is known to be good."""
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="import-") as folder:
        prepared = _prepare(files, Path(folder), given)
        copies = [blobs.put_bytes(path.read_bytes()) for path in prepared.copies]
        blobs.put_array_file(prepared.decoded.path, prepared.decoded.digest)
        try:
            cine = _create_rows(files, digests, copies, prepared, keep_identity)
        except IntegrityError:
            # Another import has stored the same file in this moment.
            known = _known(digests[0], files[0].name)
            if known is None:
                raise
            return known
    message = " ".join([f"{files[0].name} was imported.", *prepared.notes])
    return FileOutcome(files[0].name, "imported", message=message, cines=[cine])


def _prepare(files: list[Inspected], folder: Path, given: tuple[list[float], str] | None) -> Prepared:
    """Decode, describe and de-identify; the datasets of the files are changed by it."""
    with tolerant_reading():
        first = files[0].dataset
        decoded = decode_cine(files, folder)
        notes = list(files[0].warnings)
        times, source = given or frame_times_ms(first, files[0].frames, notes)
        key = identity.patient_key(first)
        facts = describe_cine(first)
        prepared = Prepared(
            decoded=decoded,
            notes=notes,
            times=times,
            source=source,
            facts=facts,
            intensity=intensity_relationship(first),
            key=key,
            original=identity.original_identity(first),
            study_uid=identity.pseudonymous_uid(str(first.get("StudyInstanceUID", "") or key)),
            series_uid=identity.pseudonymous_uid(str(first.get("SeriesInstanceUID", "") or key)),
            bits_stored=min(int(first.get("BitsStored", 8)), decoded.bits_allocated),
            heads=[_head(item) for item in files],
        )
        for order, item in enumerate(files):
            path = folder / f"{order}.dcm"
            path.write_bytes(identity.deidentify(item.dataset, key))
            prepared.copies.append(path)
    return prepared


def _create_rows(
    files: list[Inspected], digests: list[str], copies: list[str], prepared: Prepared, keep_identity: bool
) -> Cine:
    """Write every row of a cine at once."""
    with transaction.atomic():
        patient, _ = Patient.objects.get_or_create(key=prepared.key)
        if keep_identity:
            token = identity.seal(prepared.original)
            IdentityMapping.objects.get_or_create(patient=patient, defaults={"token": token})
        study, _ = Study.objects.get_or_create(uid=prepared.study_uid, defaults={"patient": patient})
        series, _ = Series.objects.get_or_create(
            uid=prepared.series_uid, defaults={"study": study, "modality": files[0].modality}
        )
        cine = _create_cine(files[0].modality, prepared, series, patient)
        for order, (item, digest, copy, head) in enumerate(zip(files, digests, copies, prepared.heads, strict=True)):
            instance = Instance.objects.create(
                series=series, original_digest=digest, deidentified_blob=copy, number_of_frames=item.frames, **head
            )
            CineInstance.objects.create(cine=cine, instance=instance, order=order)
    return cine


def _head(item: Inspected) -> dict[str, str]:
    dataset = item.dataset
    sop_class = dataset.get("SOPClassUID")
    return {
        "sop_instance_uid": identity.pseudonymous_uid(str(dataset.get("SOPInstanceUID", "") or item.name)),
        "sop_class_uid": str(sop_class) if sop_class and UID(sop_class).is_valid else "",
        "transfer_syntax_uid": str(dataset.file_meta.TransferSyntaxUID),
    }


def _create_cine(modality: str, prepared: Prepared, series: Series, patient: Patient) -> Cine:
    decoded = prepared.decoded
    count, rows, columns = decoded.shape[:3]
    number = Cine.objects.filter(patient=patient).count() + 1
    return Cine.objects.create(
        series=series,
        patient=patient,
        title=title_of(modality, patient.key, number, prepared.facts),
        modality=modality,
        frame_count=count,
        rows=rows,
        columns=columns,
        channels=3 if len(decoded.shape) == 4 else 1,
        bits_stored=prepared.bits_stored,
        bits_allocated=decoded.bits_allocated,
        pixels_digest=decoded.digest,
        window_low=decoded.low,
        window_high=decoded.high,
        windows=decoded.windows,
        intensity_relationship=prepared.intensity,
        frame_times_ms=prepared.times,
        frame_time_source=prepared.source,
        display=prepared.facts,
        warnings=prepared.notes,
    )
