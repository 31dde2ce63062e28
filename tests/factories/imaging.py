"""Small DICOM files with an identity, as a hospital sends them, and archives of them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

from annotator.imaging.services.ingest import SourceFile
from tests.machine import shared_data

IDENTITY = {
    "PatientName": "Lovelace^Ada",
    "PatientID": "MRN-4711-0815",
    "PatientBirthDate": "18151210",
    "StudyDate": "20240229",
    "AcquisitionDateTime": "20240229131415",
    "InstitutionName": "St. Nowhere Hospital",
    "ReferringPhysicianName": "Babbage^Charles",
    "AccessionNumber": "ACC-99887",
}


def samples() -> Path:
    """Return the folder of shared sample data, or skip the test that needs it."""
    folder = shared_data()
    if folder is None:
        pytest.skip("the shared sample data is not on this machine; set CINELOOP_SHARED_DATA to its folder")
    return folder


def random_frames(frames: int = 3, rows: int = 8, columns: int = 10, *, bits: int = 8) -> NDArray[Any]:
    """Return random pixels (frame, row, column), uint8 or uint16."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng([frames, rows, columns, bits]).integers(0, 1 << bits, (frames, rows, columns), dtype)


def dicom_dataset(frames: NDArray[Any], *, bits: int = 8, **elements: Any) -> Dataset:
    """Return a dataset of grey frames (frame, row, column); None as an element's value leaves it out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.Modality = "XA"
    for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(dataset, name, generate_uid(prefix=None))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.BitsAllocated = 8 * frames.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelData = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OB" if frames.dtype.itemsize == 1 else "OW"
    if len(frames) > 1:
        dataset.NumberOfFrames, dataset.FrameTime = len(frames), "40"
    for name, value in {**IDENTITY, **elements}.items():
        if value is not None:
            setattr(dataset, name, value)
        elif name in dataset:
            delattr(dataset, name)
    return dataset


def dicom_bytes(frames: NDArray[Any] | None = None, *, bits: int = 8, **elements: Any) -> bytes:
    """Return a DICOM file of grey frames."""
    return encoded(dicom_dataset(random_frames(bits=bits) if frames is None else frames, bits=bits, **elements))


def encoded(dataset: Dataset) -> bytes:
    """Return a dataset as the bytes of a Part 10 file."""
    dataset.file_meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a .zip archive of named files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def on_disk(folder: Path, files: dict[str, bytes]) -> list[SourceFile]:
    """Write files below a folder and return them as sources of an import."""
    sources = []
    for number, (name, data) in enumerate(files.items()):
        path = folder / f"source-{number}"
        path.write_bytes(data)
        sources.append(SourceFile(path, name))
    return sources
