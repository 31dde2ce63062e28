"""Cines over HTTP: exact pixels, caching, thumbnails, lists, and who sees what."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.test import Client
from numpy.typing import NDArray
from PIL import Image
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.campaigns.services import add_cine
from annotator.imaging.models import Cine
from annotator.imaging.services.ingest import SourceFile, ingest_files
from tests.annotator.imaging.conftest import client_of
from tests.factories.imaging import dicom_bytes, on_disk, random_frames, samples
from tests.factories.readings import make_campaign, make_cine, make_member, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
URL = "/api/v1/cines/"


def imported(campaign: Campaign, folder: Path, frames: NDArray[Any], bits: int = 8) -> Cine:
    """Import frames as a DICOM file into a campaign."""
    (outcome,) = ingest_files(on_disk(folder, {"cine": dicom_bytes(frames, bits=bits)}))
    (cine,) = outcome.cines
    add_cine(campaign=campaign, cine=cine)
    return cine


def pixels_of(client: APIClient, cine: Cine, number: int) -> NDArray[Any]:
    """Fetch a frame as the browser does and read it by its headers."""
    answer = client.get(f"{URL}{cine.pk}/frames/{number}/")
    assert answer.status_code == 200, answer.content
    shape = (int(answer["X-Rows"]), int(answer["X-Columns"]), int(answer["X-Samples"]))
    array = np.frombuffer(answer.content, "<u1" if answer["X-Bits-Allocated"] == "8" else "<u2").reshape(shape)
    return array[..., 0] if shape[2] == 1 else array


@pytest.mark.parametrize("bits", [8, 12])
def test_a_frame_is_the_exact_pixels_of_the_file(
    bits: int, campaign: Campaign, reader: APIClient, tmp_path: Path
) -> None:
    """Every frame, 8 and 16 bits, by its 1-based number."""
    frames = random_frames(4, 7, 5, bits=bits)
    cine = imported(campaign, tmp_path, frames, bits)
    for number in range(1, 5):
        np.testing.assert_array_equal(pixels_of(reader, cine, number), frames[number - 1])


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("MR_heart_16f_cine.dcm", 16),
        ("XA_rubo_RCA_96f.dcm", 40),
        ("codecs_XA1/XA1_JLSL.dcm", 1),
        ("US_A4C_30f_jpegbaseline.dcm", 3),
    ],
)
def test_a_frame_of_a_real_file_is_what_pydicom_decodes(
    name: str, number: int, campaign: Campaign, reader: APIClient
) -> None:
    """Raw, JPEG, JPEG-LS of 10 bits, and colour."""
    path = samples() / "dicom" / name
    (outcome,) = ingest_files([SourceFile(path, path.name)])
    add_cine(campaign=campaign, cine=outcome.cines[0])
    expected = pydicom.dcmread(path).pixel_array
    frame = expected if outcome.cines[0].frame_count == 1 else expected[number - 1]
    np.testing.assert_array_equal(pixels_of(reader, outcome.cines[0], number), frame)


def test_a_frame_is_compressed_only_for_who_accepts_it(campaign: Campaign, reader: APIClient) -> None:
    """The same bytes either way."""
    cine = make_cine(campaign)
    plain = reader.get(f"{URL}{cine.pk}/frames/1/")
    assert "Content-Encoding" not in plain
    packed = reader.get(f"{URL}{cine.pk}/frames/1/", headers={"accept-encoding": "gzip, br"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    for answer in (plain, packed):
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Vary"] == "Accept, Accept-Encoding"
        assert "immutable" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]


def test_a_frame_that_the_browser_has_is_not_sent_again(campaign: Campaign, reader: APIClient) -> None:
    """The entity tag names the pixels and the frame."""
    cine = make_cine(campaign)
    tag = reader.get(f"{URL}{cine.pk}/frames/1/")["ETag"]
    again = reader.get(f"{URL}{cine.pk}/frames/1/", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    other = reader.get(f"{URL}{cine.pk}/frames/2/", headers={"if-none-match": tag})
    assert other.status_code == 200
    assert other["ETag"] != tag


@pytest.mark.parametrize("number", [0, 7, 999_999_999])
def test_there_is_no_frame_past_the_end(number: int, campaign: Campaign, reader: APIClient) -> None:
    """The answer says how many there are."""
    answer = reader.get(f"{URL}{make_cine(campaign).pk}/frames/{number}/")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["details"]) == ("frame_out_of_range", {"frame_count": 6})
    assert error["message"] == f"The cine has 6 frames; there is no frame {number}."


@pytest.mark.parametrize("number", ["-1", "1.5", "one", "1e3", "9999999999"])
def test_a_frame_number_that_is_none_leads_nowhere(number: str, campaign: Campaign, reader: APIClient) -> None:
    """Before any pixel is read."""
    assert reader.get(f"{URL}{make_cine(campaign).pk}/frames/{number}/").status_code == 404


def test_a_thumbnail_is_a_small_png_of_the_middle_frame(campaign: Campaign, reader: APIClient, tmp_path: Path) -> None:
    """Grey values are windowed; the shape is kept."""
    frames = np.zeros((3, 400, 200), np.uint16)
    frames[1, :, 100:] = 4000
    cine = imported(campaign, tmp_path, frames, bits=12)
    answer = reader.get(f"{URL}{cine.pk}/thumbnail/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (80, 160))
    assert image.getpixel((10, 80)) == 0
    assert image.getpixel((70, 80)) == 255


@pytest.mark.shared_data
def test_a_thumbnail_of_colour_is_in_colour(campaign: Campaign, reader: APIClient) -> None:
    """As the clip is."""
    path = samples() / "dicom" / "US_palette_10f_rle.dcm"
    (outcome,) = ingest_files([SourceFile(path, path.name)])
    add_cine(campaign=campaign, cine=outcome.cines[0])
    image = Image.open(io.BytesIO(reader.get(f"{URL}{outcome.cines[0].pk}/thumbnail/").content))
    assert (image.mode, max(image.size)) == ("RGB", 160)


def test_a_cine_tells_all_that_the_viewer_needs(campaign: Campaign, reader: APIClient) -> None:
    """And its list entry the short form."""
    cine = make_cine(campaign)
    detail = reader.get(f"{URL}{cine.pk}/").json()
    assert detail["window"] == [0.0, 255.0]
    assert detail["frame_times_ms"] == [0.0, 40.0, 80.0, 120.0, 160.0, 200.0]
    assert (detail["pixels_digest"], detail["patient_key"]) == (cine.pixels_digest, cine.patient.key)
    assert detail["duration_ms"] == 200.0
    (row,) = reader.get(URL).json()["results"]
    assert row.keys() < detail.keys()
    assert {key: detail[key] for key in row} == row


@pytest.mark.parametrize("value", ["", "LIN", "LOG", "DISP"])
def test_a_cine_tells_what_its_grey_values_are(
    value: str, campaign: Campaign, reader: APIClient, tmp_path: Path
) -> None:
    """So that a subtraction does not take the logarithm of a logarithm."""
    data = dicom_bytes(PixelIntensityRelationship=value or None)
    (outcome,) = ingest_files(on_disk(tmp_path, {"angiogram": data}))
    add_cine(campaign=campaign, cine=outcome.cines[0])
    assert reader.get(f"{URL}{outcome.cines[0].pk}/").json()["intensity_relationship"] == value


def test_a_list_is_narrowed_by_campaign_modality_and_title(campaign: Campaign, reader: APIClient) -> None:
    """A cine of two campaigns appears once."""
    cine = make_cine(campaign)
    add_cine(campaign=make_campaign(), cine=cine)
    for query, count in (
        ({"campaign": campaign.slug}, 1),
        ({"campaign": "nowhere"}, 0),
        ({"modality": "XA"}, 1),
        ({"modality": "US"}, 0),
        ({"search": "of the TESTS"}, 1),
        ({"search": "another"}, 0),
        ({}, 1),
    ):
        assert reader.get(URL, query).json()["count"] == count, query
    assert reader.get(URL, {"modality": "PLUMBING"}).status_code == 400


@pytest.mark.parametrize("path", ["", "frames/1/", "thumbnail/"])
def test_others_are_not_told_that_a_cine_exists(path: str, campaign: Campaign) -> None:
    """A stranger, a reader of another campaign, and nobody; staff see it."""
    cine = make_cine(campaign)
    for user in (make_user(), make_member(make_campaign())):
        answer = client_of(user).get(f"{URL}{cine.pk}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert client_of(user).get(URL).json()["count"] == 0
    assert Client().get(f"{URL}{cine.pk}/{path}").status_code == 401
    assert client_of(make_user(is_staff=True)).get(f"{URL}{cine.pk}/{path}").status_code == 200


@pytest.mark.parametrize("name", ["not-a-uuid", "0b6c1f9e-7c55-4b0b-9a39-0e9d7f1c2a11", "1"])
def test_a_cine_that_is_none_is_not_found(name: str, reader: APIClient) -> None:
    """Malformed or unknown."""
    for path in ("", "frames/1/", "thumbnail/"):
        answer = reader.get(f"{URL}{name}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_ct_cine_tells_the_windows_to_choose_from(campaign: Campaign, reader: APIClient, tmp_path: Path) -> None:
    """By name, in stored grey values; other cines have none."""
    data = dicom_bytes(bits=12, Modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    (outcome,) = ingest_files(on_disk(tmp_path, {"ct": data}))
    add_cine(campaign=campaign, cine=outcome.cines[0])
    windows = reader.get(f"{URL}{outcome.cines[0].pk}/").json()["windows"]
    assert sorted(windows) == ["abdomen", "bone", "brain", "lung", "mediastinum"]
    assert windows["bone"] == [524.0, 2324.0]
    assert reader.get(f"{URL}{make_cine(campaign).pk}/").json()["windows"] == {}
