"""Open a DICOM file and check that it is the image it says it is, before anything is decoded."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_fragments, get_frame, parse_basic_offsets, parse_fragments
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ImplicitVRLittleEndian

from annotator.imaging.services.elements import tolerant_reading
from annotator.imaging.services.refusal import FileRefused

MAX_DEPTH = 32
UNDEFINED_LENGTH = 0xFFFFFFFF
MODALITIES = {
    "XA": "XA",
    "RF": "XA",
    "US": "US",
    "IVUS": "IVUS",
    "IVOCT": "OCT",
    "OCT": "OCT",
    "OPT": "OCT",
    "MR": "MR",
    "CT": "CT",
}
NO_IMAGES = {
    "SR": "a structured report",
    "RTPLAN": "a radiotherapy plan",
    "RTSTRUCT": "a radiotherapy structure set",
    "RTDOSE": "a radiotherapy dose",
    "ECG": "an electrocardiogram",
    "HD": "a haemodynamic recording",
    "PR": "a presentation state",
    "KO": "a key object selection",
    "SEG": "a segmentation",
    "REG": "a registration",
    "DOC": "a document",
}
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
JPEG_NAMES = {0xC0: "JPEG Baseline", 0xC1: "JPEG Extended", 0xC2: "progressive JPEG", 0xC3: "JPEG Lossless"}
SYNTAX_CODECS = {
    "1.2.840.10008.1.2.4.50": {"JPEG Baseline"},
    "1.2.840.10008.1.2.4.51": {"JPEG Baseline", "JPEG Extended"},
    "1.2.840.10008.1.2.4.57": {"JPEG Lossless"},
    "1.2.840.10008.1.2.4.70": {"JPEG Lossless"},
    "1.2.840.10008.1.2.4.80": {"JPEG-LS"},
    "1.2.840.10008.1.2.4.81": {"JPEG-LS"},
    "1.2.840.10008.1.2.4.90": {"JPEG 2000"},
    "1.2.840.10008.1.2.4.91": {"JPEG 2000"},
    "1.2.840.10008.1.2.4.201": {"HTJ2K"},
    "1.2.840.10008.1.2.4.202": {"HTJ2K"},
    "1.2.840.10008.1.2.4.203": {"HTJ2K"},
}


@dataclass
class Inspected:
    """A DICOM file that may be decoded.

    Attributes
    ----------
    name : str
        As the user knows the file.
    path : Path
    dataset : Dataset
        With its pixel data.
    modality : str
        One of `Cine.modality`.
    frames : int
        Frames that are really there.
    warnings : list of str
        Sentences for the user.
    """

    name: str
    path: Path
    dataset: Dataset
    modality: str
    frames: int
    warnings: list[str] = field(default_factory=list)


def inspect_file(path: Path, name: str, *, max_bytes: int) -> Inspected:
    """Open a file and check it.

    Parameters
    ----------
    path : Path
    name : str
        Named in every refusal.
    max_bytes : int
        Largest size of the decoded pixels.

    Returns
    -------
    Inspected

    Raises
    ------
    FileRefused
        With one of the codes ``empty_file``, ``not_dicom``, ``truncated``, ``not_an_image``, ``no_pixel_data``,
        ``missing_geometry``, ``unsupported_pixels``, ``too_large``, ``frame_count_mismatch``,
        ``wrong_transfer_syntax``, ``nested_too_deeply``, ``malformed``.
    """
    if path.stat().st_size == 0:
        raise FileRefused("empty_file", "the file is empty")
    with tolerant_reading():
        return _inspect(path, name, max_bytes)


def _inspect(path: Path, name: str, max_bytes: int) -> Inspected:
    dataset, notes = _open(path)
    modality = _check_kind(dataset)
    rows, columns, samples, allocated = _check_geometry(dataset)
    found = Inspected(name, path, dataset, modality, 0, notes)
    declared = _declared_frames(dataset, notes)
    if max(declared or 1, 1) * rows * columns * samples * allocated // 8 > max_bytes:
        raise FileRefused(
            "too_large", f"it declares {columns} x {rows} pixels x {declared or 1} frames, which is too large"
        )
    found.frames = _count_frames(dataset, declared, rows * columns * samples * allocated // 8, notes)
    if found.frames * rows * columns * samples * allocated // 8 > max_bytes:
        raise FileRefused("too_large", "its decoded pixels are too large")
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        notes.append("The file says that text is burned into its pictures; check them for a patient's identity.")
    elif modality in ("US", "IVUS", "OT") and str(dataset.get("BurnedInAnnotation", "")).upper() != "NO":
        notes.append("Pictures of this kind often show the patient's identity; check them.")
    return found


def _open(path: Path) -> tuple[Dataset, list[str]]:
    """Read the dataset, telling apart what is no DICOM and what is cut off."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            dataset: Dataset = pydicom.dcmread(path)
        except InvalidDicomError:
            dataset = _open_without_preamble(path, notes)
        except RecursionError:
            raise FileRefused("nested_too_deeply", "its sequences are nested too deeply") from None
        except (EOFError, struct.error, OSError):
            raise FileRefused("truncated", "the file is cut off") from None
        except Exception as error:
            raise FileRefused("not_dicom", f"it cannot be read as DICOM ({type(error).__name__})") from None
    ended = any("end of file" in str(item.message).lower() for item in caught) or _is_cut_off(dataset)
    _check_depth(dataset)
    if ended and "PixelData" not in dataset:
        raise FileRefused("truncated", "the file is cut off")
    return dataset, notes


def _is_cut_off(dataset: Dataset) -> bool:
    """Tell whether the last element, which nothing has converted yet, has fewer bytes than it declares."""
    last = dataset.get_item(max(dataset.keys())) if len(dataset) else None
    return isinstance(last, RawDataElement) and 0 < len(last.value or b"") < last.length < UNDEFINED_LENGTH


def _open_without_preamble(path: Path, notes: list[str]) -> Dataset:
    """Read an old file that has no Part 10 header, when its content shows that it is DICOM all the same."""
    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception:
        raise FileRefused("not_dicom", "it is not a DICOM file") from None
    if "Rows" not in dataset or "Columns" not in dataset:
        if "SOPClassUID" in dataset or "Modality" in dataset:
            raise FileRefused("not_an_image", "it holds no image")
        raise FileRefused("not_dicom", "it is not a DICOM file")
    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        notes.append("The file has no Part 10 header; implicit little endian was assumed.")
    return dataset


def _check_depth(dataset: Dataset, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise FileRefused("nested_too_deeply", "its sequences are nested too deeply")
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _check_depth(item, depth + 1)


def _check_kind(dataset: Dataset) -> str:
    """Return the modality, or refuse what is no image."""
    modality = str(dataset.get("Modality", "") or "").upper()
    sop_class = str(dataset.get("SOPClassUID", "") or dataset.file_meta.get("MediaStorageSOPClassUID", "") or "")
    if sop_class == "1.2.840.10008.1.3.10" or "DirectoryRecordSequence" in dataset:
        raise FileRefused("not_an_image", "it is a DICOMDIR, an index of other files; give those files instead")
    if modality in NO_IMAGES:
        raise FileRefused("not_an_image", f"it is {NO_IMAGES[modality]}, not an image")
    if "PixelData" not in dataset:
        if "Rows" in dataset and "Columns" in dataset:
            raise FileRefused("no_pixel_data", "it has no pixel data")
        raise FileRefused("not_an_image", "it holds no image")
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise FileRefused("wrong_transfer_syntax", "it does not say how its pixels are encoded")
    return MODALITIES.get(modality, "OT")


def _check_geometry(dataset: Dataset) -> tuple[int, int, int, int]:
    """Return rows, columns, samples and allocated bits, or refuse what cannot be an image of ours."""
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples, allocated = int(dataset.get("SamplesPerPixel", 1)), int(dataset.BitsAllocated)
        stored = int(dataset.get("BitsStored", allocated))
    except (AttributeError, TypeError, ValueError):
        raise FileRefused("missing_geometry", "its rows, columns or bits are missing") from None
    if rows < 1 or columns < 1:
        raise FileRefused("missing_geometry", "it has no rows or no columns")
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    fits = (samples == 1 and photometric in (*GREY, "PALETTE COLOR")) or (samples == 3 and photometric in COLOUR)
    if not fits or allocated not in (8, 16) or not 1 <= stored <= allocated or (samples == 3 and allocated != 8):
        raise FileRefused(
            "unsupported_pixels", f"its pixels ({photometric or 'no colour model'}, {allocated} bits) are not supported"
        )
    return rows, columns, samples, allocated


def _declared_frames(dataset: Dataset, notes: list[str]) -> int | None:
    """Return the declared number of frames, None where the file does not say a usable one."""
    try:
        value = dataset.get("NumberOfFrames")
        declared = int(value) if value not in (None, "") else None
    except (TypeError, ValueError):
        raise FileRefused("frame_count_mismatch", "its number of frames is not a number") from None
    if declared is not None and declared < 1:
        notes.append(f"The file declares {declared} frames; the frames that are there were counted instead.")
        return None
    return declared


def _count_frames(dataset: Dataset, declared: int | None, frame_bytes: int, notes: list[str]) -> int:
    """Return the number of frames in the pixel data, refusing a file that declares another one."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        present = _encapsulated_frames(dataset, syntax, declared)
    else:
        present = len(dataset.PixelData) // frame_bytes
        if present < (declared or 1):
            raise FileRefused("truncated", f"its pixel data ends after {present} of {declared or 1} frames")
    expected = declared or (present if "NumberOfFrames" in dataset else 1)
    if present != expected:
        raise FileRefused("frame_count_mismatch", f"it declares {expected} frames but holds {present}")
    return present


def _encapsulated_frames(dataset: Dataset, syntax: UID, declared: int | None) -> int:
    """Count the frames of encapsulated pixel data and check what the streams really are."""
    data = dataset.PixelData
    if data[:4] != b"\xfe\xff\x00\xe0":
        raise FileRefused("wrong_transfer_syntax", f"it says {syntax.name}, but its pixels are not encapsulated")
    try:
        offsets = parse_basic_offsets(data)
        fragments = list(generate_fragments(data[8 + 4 * len(offsets) :]))
        count, _ = parse_fragments(data[8 + 4 * len(offsets) :])
    except Exception:
        raise FileRefused("truncated", "its encapsulated pixel data is cut off or damaged") from None
    starts = [fragment for fragment in fragments if _codec_of(fragment)]
    allowed = SYNTAX_CODECS.get(str(syntax))
    if allowed is not None:
        found = _codec_of(fragments[0]) if fragments else None
        if found is None:
            raise FileRefused("wrong_transfer_syntax", f"it says {syntax.name}, but its pixels are encoded otherwise")
        if found not in allowed:
            raise FileRefused("wrong_transfer_syntax", f"it says {syntax.name}, but its pixels are {found}")
        _check_last_frame(data, declared or len(starts), found)
        return len(starts)
    return len(offsets) if len(offsets) > 1 else count


def _check_last_frame(data: bytes, frames: int, codec: str) -> None:
    """Refuse a JPEG stream whose last frame lacks its end marker."""
    if codec.startswith("JPEG 2000") or codec == "HTJ2K":
        return
    try:
        last = get_frame(data, frames - 1, number_of_frames=frames)
    except Exception:
        return
    if b"\xff\xd9" not in last[-64:]:
        raise FileRefused("truncated", "its last frame is cut off")


def _codec_of(stream: bytes) -> str | None:
    """Return the name of the codec whose stream begins here, None where none begins."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        return "HTJ2K" if b"\xff\x50" in stream[:200] else "JPEG 2000"
    if stream[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 4 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xF7:
            return "JPEG-LS"
        if marker in JPEG_NAMES:
            return JPEG_NAMES[marker]
        if marker == 0xFF:
            place += 1
            continue
        place += 2 + struct.unpack(">H", stream[place + 2 : place + 4])[0]
    return "JPEG of an unknown kind"
