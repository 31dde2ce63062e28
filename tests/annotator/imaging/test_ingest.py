"""From files to cines: series of single frames, repeated files, malformed values, nothing by halves."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.db import IntegrityError
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import generate_uid
from pytest_django import Settings

from annotator.core import blobs
from annotator.imaging.models import Cine, IdentityMapping, Instance
from annotator.imaging.services import identity, ingest
from annotator.imaging.services.ingest import FileOutcome, ingest_files
from tests.factories.imaging import dicom_bytes, dicom_dataset, encoded, on_disk, random_frames

pytestmark = pytest.mark.django_db
Traces = Callable[[], dict[str, int]]


def import_all(folder: Path, files: dict[str, bytes]) -> dict[str, FileOutcome]:
    """Import named files at once and return what became of each by its name."""
    scratch = folder / uuid.uuid4().hex
    scratch.mkdir()
    return {outcome.name: outcome for outcome in ingest_files(on_disk(scratch, files))}


def series(times: list[str | None], name: str = "TriggerTime") -> list[bytes]:
    """Return single-frame files of one series; the pixels of the n-th are all n."""
    uid = generate_uid(prefix=None)
    return [
        dicom_bytes(
            np.full((1, 6, 8), number, np.uint8),
            SeriesInstanceUID=uid,
            InstanceNumber=str(number),
            **{"AcquisitionDateTime": None, name: time},
        )
        for number, time in enumerate(times)
    ]


@pytest.mark.parametrize(
    ("name", "times", "source"),
    [
        ("TriggerTime", ["80", "0", "40"], "trigger_time"),
        ("AcquisitionDateTime", ["20240229235959.960", "20240229235959.880", "20240229235959.920"], "acquisition_time"),
        ("AcquisitionTime", ["101530.080", "101530", "101530.040"], "acquisition_time"),
    ],
)
def test_single_frames_of_a_series_become_one_cine_in_the_order_of_time(
    name: str, times: list[str | None], source: str, tmp_path: Path, data_dir: Path
) -> None:
    """However they are shuffled; every file is told that it was imported, by its own name."""
    files = {f"frame-{number}": data for number, data in enumerate(series(times, name))}
    outcomes = import_all(tmp_path, files)
    cine = Cine.objects.get()
    assert cine.frame_count == 3
    assert cine.frame_times_ms == pytest.approx([0.0, 40.0, 80.0], abs=1e-3)
    assert cine.frame_time_source == source
    assert [int(frame[0, 0]) for frame in blobs.open_array(cine.pixels_digest)] == [1, 2, 0]
    assert outcomes.keys() == files.keys()
    for told, outcome in outcomes.items():
        assert (outcome.outcome, outcome.cines) == ("imported", [cine])
        assert outcome.message.startswith(f"{told} was imported.")
    assert list(cine.places.values_list("order", flat=True)) == [0, 1, 2]


@pytest.mark.parametrize("times", [["40", "40", "40"], ["0", None, "80"]])
def test_single_frames_without_distinct_times_are_cines_of_their_own(
    times: list[str | None], tmp_path: Path, data_dir: Path
) -> None:
    """No order is invented."""
    import_all(tmp_path, {f"frame-{number}": data for number, data in enumerate(series(times))})
    assert [cine.frame_count for cine in Cine.objects.all()] == [1, 1, 1]
    assert {cine.frame_time_source for cine in Cine.objects.all()} == {"single"}


def test_another_slice_or_size_is_another_cine(tmp_path: Path, data_dir: Path) -> None:
    """Frames share series and geometry, or they are not one view."""
    uid = generate_uid(prefix=None)
    shapes_and_places = [((1, 6, 8), [0, 0, 0]), ((1, 6, 8), [0, 0, 9]), ((1, 8, 6), [0, 0, 0])]
    files = {
        f"{number}-{time}": dicom_bytes(
            np.full(shape, number, np.uint8), SeriesInstanceUID=uid, TriggerTime=time, ImagePositionPatient=place
        )
        for number, (shape, place) in enumerate(shapes_and_places)
        for time in ("0", "40")
    }
    import_all(tmp_path, files)
    assert [cine.frame_count for cine in Cine.objects.all()] == [2, 2, 2]


def test_a_file_given_twice_in_one_upload_is_imported_once(tmp_path: Path, data_dir: Path) -> None:
    """A series keeps its order, and a multi-frame file its one cine."""
    frames = series(["0", "40"])
    whole = dicom_bytes()
    files = {"a": frames[0], "b": frames[1], "again": frames[0], "whole": whole, "whole again": whole}
    outcomes = import_all(tmp_path, files)
    assert {name for name, outcome in outcomes.items() if outcome.outcome == "duplicate"} == {"again", "whole again"}
    assert sorted(cine.frame_count for cine in Cine.objects.all()) == [2, 3]
    assert outcomes["again"].cines == outcomes["a"].cines
    assert Instance.objects.count() == 3


def test_a_repeated_faulty_frame_is_refused_each_time(tmp_path: Path, traces: Traces) -> None:
    """By each of its names."""
    dataset = dicom_dataset(random_frames(1))
    dataset.Rows = 999
    outcomes = import_all(tmp_path, {"one": encoded(dataset), "two": encoded(dataset)})
    assert {name: outcome.code for name, outcome in outcomes.items()} == {"one": "truncated", "two": "truncated"}
    assert traces() == {}


def test_two_imports_of_one_file_at_once_give_one_cine(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one finds the row when it writes, not when it looks."""
    data = dicom_bytes()
    first = import_all(tmp_path, {"first": data})["first"]
    known, calls = ingest._known, []

    def late(digest: str, name: str) -> FileOutcome | None:
        calls.append(name)
        return None if len(calls) == 1 else known(digest, name)

    monkeypatch.setattr(ingest, "_known", late)
    second = import_all(tmp_path, {"second": data})["second"]
    assert (second.outcome, second.cines) == ("duplicate", first.cines)
    assert Cine.objects.count() == Instance.objects.count() == 1


def test_a_file_that_cannot_be_de_identified_leaves_nothing(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pixels were decoded by then; its neighbours are imported."""
    deidentify = identity.deidentify

    def fail_for_one(dataset: object, key: str) -> bytes:
        if str(dataset.InstanceNumber) == "13":  # type: ignore[attr-defined]
            raise TypeError("a value that cannot be written")
        return deidentify(dataset, key)  # type: ignore[arg-type]

    monkeypatch.setattr(identity, "deidentify", fail_for_one)
    bad = dicom_bytes(InstanceNumber="13")
    outcome = import_all(tmp_path, {"bad": bad})["bad"]
    assert (outcome.outcome, outcome.code) == ("refused", "malformed")
    assert outcome.message == "bad was not imported: its contents are malformed (TypeError)."
    assert traces() == {}
    neighbours = import_all(tmp_path, {"bad": bad, "good": dicom_bytes(InstanceNumber="1")})
    assert [outcome.outcome for outcome in neighbours.values()] == ["refused", "imported"]


def test_when_one_frame_of_a_series_fails_the_others_keep_their_patient(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt has de-identified some of them; the second reads them anew."""
    deidentify = identity.deidentify

    def fail_for_one(dataset: object, key: str) -> bytes:
        if str(dataset.InstanceNumber) == "2":  # type: ignore[attr-defined]
            raise TypeError("a value that cannot be written")
        return deidentify(dataset, key)  # type: ignore[arg-type]

    monkeypatch.setattr(identity, "deidentify", fail_for_one)
    files = {f"frame-{number}": data for number, data in enumerate(series(["0", "40", "80"]))}
    outcomes = import_all(tmp_path, files)
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == {
        "frame-0": "imported",
        "frame-1": "imported",
        "frame-2": "refused",
    }
    key = identity.patient_key(dicom_dataset(random_frames(1)))
    assert {cine.patient.key for cine in Cine.objects.all()} == {key}


def test_a_broken_database_write_leaves_no_rows(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of the file: the import stops, and what it wrote is rolled back."""

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(ingest.CineInstance.objects, "create", fail)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        import_all(tmp_path, {"good": dicom_bytes()})
    assert traces().keys() <= {"files"}


def replaced(data: bytes, tag: tuple[int, int], value: bytes) -> bytes:
    """Return an explicit little endian file with other bytes, of the same length, in an element of a short VR."""
    start = data.index(struct.pack("<HH", *tag)) + 8
    return data[:start] + value + data[start + len(value) :]


@pytest.mark.parametrize(
    ("tag", "elements", "value"),
    [
        ((0x0018, 0x1063), {"FrameTime": "40.5"}, b"abcd"),
        ((0x0018, 0x0040), {"CineRate": "25"}, b"x5"),
        ((0x0018, 0x1065), {"FrameTimeVector": ["0", "40", "40"]}, b"oh no!!!"),
        ((0x0018, 0x1088), {"HeartRate": "70"}, b"??"),
        ((0x0018, 0x1510), {"PositionerPrimaryAngle": "10.5"}, b"left"),
        ((0x0028, 0x0030), {"PixelSpacing": ["0.25", "0.25"]}, b"a\\b      "),
        ((0x0028, 0x1050), {"WindowCenter": "100", "WindowWidth": "50"}, b"high"),
        ((0x0028, 0x1040), {"PixelIntensityRelationship": "LOG"}, b"\xff\xfe\\\xe9"),
    ],
)
def test_a_malformed_value_that_is_not_needed_does_not_stop_a_file(
    tag: tuple[int, int], elements: dict[str, object], value: bytes, tmp_path: Path, data_dir: Path
) -> None:
    """It counts as absent."""
    outcome = import_all(tmp_path, {"odd": replaced(dicom_bytes(**elements), tag, value)})["odd"]
    assert outcome.outcome == "imported", outcome.message
    (cine,) = outcome.cines
    assert cine.frame_count == 3
    assert cine.display.keys() == {"photometric"}
    assert cine.intensity_relationship == ""


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"NumberOfFrames": "4"}, "truncated"),
        ({"NumberOfFrames": "2"}, "frame_count_mismatch"),
        ({"Rows": 0}, "missing_geometry"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "unsupported_pixels"),
        ({"BitsStored": 9}, "unsupported_pixels"),
        ({"PhotometricInterpretation": "RGB"}, "unsupported_pixels"),
        ({"Modality": "SEG"}, "not_an_image"),
    ],
)
def test_contradictions_are_refused(elements: dict[str, object], code: str, tmp_path: Path, traces: Traces) -> None:
    """Each with its code."""
    outcome = import_all(tmp_path, {"odd": dicom_bytes(**elements)})["odd"]
    assert (outcome.outcome, outcome.code) == ("refused", code)
    assert traces() == {}


def test_a_cine_that_declares_too_much_is_refused_before_it_is_decoded(
    tmp_path: Path, traces: Traces, settings: Settings
) -> None:
    """The limit is on decoded pixels, and the declaration is enough."""
    settings.MAX_CINE_BYTES = 100
    outcome = import_all(tmp_path, {"large": dicom_bytes()})["large"]
    assert (outcome.outcome, outcome.code) == ("refused", "too_large")
    assert "10 x 8 pixels x 3 frames" in outcome.message
    assert traces() == {}


def test_sequences_nested_without_end_are_refused(tmp_path: Path, traces: Traces) -> None:
    """No recursion limit is reached."""
    dataset = dicom_dataset(random_frames(1))
    inner = dataset
    for _ in range(60):
        child = type(dataset)()
        inner.RequestAttributesSequence = [child]
        inner = child
    outcome = import_all(tmp_path, {"deep": encoded(dataset)})["deep"]
    assert (outcome.outcome, outcome.code) == ("refused", "nested_too_deeply")
    assert traces() == {}


@pytest.mark.parametrize("size", [1, 131, 132, 200, 400, 900])
def test_a_file_cut_anywhere_is_refused(size: int, tmp_path: Path, traces: Traces) -> None:
    """Before, in and after its header."""
    outcome = import_all(tmp_path, {"cut": dicom_bytes()[:size]})["cut"]
    assert outcome.outcome == "refused"
    assert outcome.code in {"not_dicom", "truncated", "not_an_image", "no_pixel_data", "missing_geometry"}
    assert traces() == {}


@pytest.mark.parametrize(
    ("elements", "times", "source"),
    [
        ({"FrameTimeVector": ["0", "30", "50"]}, [0, 30, 80], "FrameTimeVector"),
        ({"FrameTimeVector": ["0", "30"]}, [0, 40, 80], "FrameTime"),
        ({"FrameTime": None, "RecommendedDisplayFrameRate": "20"}, [0, 50, 100], "RecommendedDisplayFrameRate"),
        ({"FrameTime": "0", "CineRate": "50"}, [0, 20, 40], "CineRate"),
        ({"FrameTime": "-1"}, [0, 66.6667, 133.3333], "assumed"),
    ],
)
def test_frame_times_come_from_the_best_source(
    elements: dict[str, object], times: list[float], source: str, tmp_path: Path, data_dir: Path
) -> None:
    """Vector, frame time, recommended rate, cine rate, assumed (PS3.3 C.7.6.5)."""
    (cine,) = import_all(tmp_path, {"timed": dicom_bytes(**elements)})["timed"].cines
    assert cine.frame_times_ms == pytest.approx(times, abs=1e-3)
    assert cine.frame_time_source == source


@pytest.mark.parametrize(("rate", "shown"), [("0", None), ("72", 72.0)])
def test_a_heart_rate_is_shown_when_one_was_measured(
    rate: str, shown: float | None, tmp_path: Path, data_dir: Path
) -> None:
    """Zero says that none was."""
    (cine,) = import_all(tmp_path, {"heart": dicom_bytes(HeartRate=rate)})["heart"].cines
    assert cine.display.get("heart_rate_bpm") == shown


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, ""),
        ("LIN", "LIN"),
        ("LOG", "LOG"),
        ("DISP", "DISP"),
        ("", ""),
        ("SQRT", ""),
        ("LOGARITHMIC", ""),
        (["LIN", "LOG"], ""),
    ],
)
def test_what_grey_values_say_of_the_rays_is_kept(
    value: str | list[str] | None, kept: str, tmp_path: Path, data_dir: Path
) -> None:
    """Pixel Intensity Relationship; one that is absent or none of the standard's counts as unknown."""
    data = dicom_bytes(PixelIntensityRelationship=value)
    (cine,) = import_all(tmp_path, {"angiogram": data})["angiogram"].cines
    cine.refresh_from_db()
    assert cine.intensity_relationship == kept


@pytest.mark.parametrize(("value", "kept"), [(b"log ", "LOG"), (b" LOG", "LOG"), (b"L\0G ", ""), (b"    ", "")])
def test_a_relationship_that_is_written_carelessly_is_understood(
    value: bytes, kept: str, tmp_path: Path, data_dir: Path
) -> None:
    """In small letters, or with blanks around it; what is left of it otherwise counts as unknown."""
    data = replaced(dicom_bytes(PixelIntensityRelationship="LOG"), (0x0028, 0x1040), value)
    (cine,) = import_all(tmp_path, {"angiogram": data})["angiogram"].cines
    assert cine.intensity_relationship == kept


@pytest.mark.parametrize(("shared", "kept"), [("LOG", "LOG"), ("SQRT", ""), (None, "")])
def test_of_an_enhanced_image_it_lies_in_the_shared_group(
    shared: str | None, kept: str, tmp_path: Path, data_dir: Path
) -> None:
    """As enhanced XA images have it; groups that are empty are none."""
    properties, group = Dataset(), Dataset()
    if shared:
        properties.PixelIntensityRelationship = shared
        group.FramePixelDataPropertiesSequence = [properties]
    data = dicom_bytes(SharedFunctionalGroupsSequence=[group])
    (cine,) = import_all(tmp_path, {"enhanced": data})["enhanced"].cines
    assert cine.intensity_relationship == kept


def test_the_database_knows_no_other_relationship(data_dir: Path, tmp_path: Path) -> None:
    """Whoever writes it."""
    (cine,) = import_all(tmp_path, {"angiogram": dicom_bytes()})["angiogram"].cines
    cine.intensity_relationship = "SQRT"
    with pytest.raises(IntegrityError):
        cine.save()


def test_inverted_and_signed_pixels_become_plain_grey_values(tmp_path: Path, data_dir: Path) -> None:
    """MONOCHROME1 is turned over; signed values are lifted so that none is negative."""
    frames = random_frames(bits=12)
    inverted = dicom_bytes(frames, bits=12, PhotometricInterpretation="MONOCHROME1")
    (cine,) = import_all(tmp_path, {"inverted": inverted})["inverted"].cines
    np.testing.assert_array_equal(blobs.open_array(cine.pixels_digest), 4095 - frames)
    signed = (frames.astype(np.int16) - 2048).view(np.uint16)
    (cine,) = import_all(tmp_path, {"signed": dicom_bytes(signed, bits=12, PixelRepresentation=1)})["signed"].cines
    np.testing.assert_array_equal(blobs.open_array(cine.pixels_digest), frames)


@pytest.mark.parametrize("keep", [True, False])
def test_an_identity_is_kept_only_where_a_campaign_asks(keep: bool, tmp_path: Path, data_dir: Path) -> None:
    """And then it is sealed."""
    ingest_files(on_disk(tmp_path, {"one": dicom_bytes()}), keep_identity=keep)
    tokens = list(IdentityMapping.objects.values_list("token", flat=True))
    assert len(tokens) == int(keep)
    for token in tokens:
        assert "Lovelace" not in token
        assert identity.unseal(token)["PatientName"] == "Lovelace^Ada"


@pytest.mark.parametrize(("allocated", "name"), [(32, "FloatPixelData"), (64, "DoubleFloatPixelData")])
def test_pixels_that_are_floats_are_refused(allocated: int, name: str, tmp_path: Path, traces: Traces) -> None:
    """A parametric map keeps its numbers elsewhere than images do, some perhaps none: no cine ever holds one."""
    dataset = dicom_dataset(random_frames(bits=16), bits=16)
    values = np.full((3, 8, 10), 0.5, f"f{allocated // 8}")
    values[1, 2, 3] = np.nan
    del dataset.PixelData
    dataset.BitsAllocated = allocated
    setattr(dataset, name, values.tobytes())
    before = traces()
    outcome = import_all(tmp_path, {"map.dcm": encoded(dataset)})["map.dcm"]
    assert (outcome.outcome, outcome.code) == ("refused", "no_pixel_data")
    assert traces() == before


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
def test_windows_and_rescales_that_are_no_numbers_count_as_none(value: str, tmp_path: Path, data_dir: Path) -> None:
    """Every window of a cine is finite, whatever its file says."""
    dataset = dicom_dataset(random_frames(bits=12), bits=12, Modality="CT")
    for name in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
        dataset[name] = DataElement(name, "LO", value)
    import_all(tmp_path, {"ct": encoded(dataset)})
    cine = Cine.objects.get()
    for window in ([cine.window_low, cine.window_high], *cine.windows.values()):
        assert np.isfinite(window).all()
        assert window[0] < window[1]


@pytest.mark.parametrize("side", [1, 4096])
def test_the_smallest_and_the_largest_frames_are_imported(side: int, tmp_path: Path, data_dir: Path) -> None:
    """Their pixels are exact, of one value or not."""
    for name, frames in (("noise", random_frames(2, side, side)), ("flat", np.full((2, side, side), 7, np.uint8))):
        (cine,) = import_all(tmp_path, {name: dicom_bytes(frames)})[name].cines
        assert (cine.rows, cine.columns, cine.window_low, cine.window_high) == (side, side, 0.0, 255.0)
        assert (blobs.open_array(cine.pixels_digest) == frames).all()
