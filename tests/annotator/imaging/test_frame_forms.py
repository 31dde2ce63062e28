"""A frame as HTJ2K: for whom it is, that it is exact, and what happens where it cannot be made."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray
from rest_framework.test import APIClient

from annotator.campaigns.models import Campaign
from annotator.campaigns.services import add_cine
from annotator.core import blobs
from annotator.imaging.models import Cine
from annotator.imaging.services import htj2k
from annotator.imaging.services.ingest import ingest_files
from fixtures.synthetic import generate_cine
from tests.annotator.imaging.conftest import client_of
from tests.factories.imaging import dicom_bytes, on_disk, random_frames
from tests.factories.readings import make_campaign, make_cine, make_member, make_user
from tests.machine import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
JPHC, RAW, JSON = "image/jphc", "application/octet-stream", "application/json"


@pytest.fixture
def without_encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the optional package out."""
    htj2k.encoder.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    yield
    htj2k.encoder.cache_clear()


def imported(campaign: Campaign, folder: Path, frames: NDArray[Any], bits: int = 8, **elements: Any) -> Cine:
    """Import frames as a DICOM file into a campaign."""
    (outcome,) = ingest_files(on_disk(folder, {"cine": dicom_bytes(frames, bits=bits, **elements)}))
    assert outcome.outcome == "imported", outcome.message
    (cine,) = outcome.cines
    add_cine(campaign=campaign, cine=cine)
    return cine


def fetch(client: APIClient | Client, cine: Cine, accept: str, number: int = 1, **headers: str) -> Any:
    """Ask for a frame."""
    return client.get(f"/api/v1/cines/{cine.pk}/frames/{number}/", headers={"accept": accept, **headers})


def assert_exact(client: APIClient, cine: Cine, number: int = 1) -> None:
    """Fetch a frame both ways and compare all of it."""
    raw, encoded = fetch(client, cine, "*/*", number), fetch(client, cine, JPHC, number)
    assert (raw["Content-Type"], encoded["Content-Type"]) == (RAW, JPHC)
    decoded = imagecodecs.htj2k_decode(encoded.content)
    stored = blobs.open_array(cine.pixels_digest)[number - 1]
    assert (decoded.dtype, decoded.shape) == (stored.dtype, stored.shape)
    assert decoded.tobytes() == raw.content
    assert encoded["X-Pixels-CRC32"] == f"{zlib.crc32(raw.content):08x}"
    for name in ("X-Rows", "X-Columns", "X-Bits-Allocated", "X-Samples", "Cache-Control"):
        assert encoded[name] == raw[name]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 7), (9, 1), (63, 65), (255, 257)])
@pytest.mark.parametrize("bits", [8, 10, 16])
def test_a_frame_is_the_same_pixels_either_way(
    bits: int, rows: int, columns: int, campaign: Campaign, reader: APIClient, tmp_path: Path
) -> None:
    """Noise, which nothing can predict, of any depth and of odd sizes."""
    assert_exact(reader, imported(campaign, tmp_path, random_frames(2, rows, columns, bits=bits), bits), 2)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_largest_steps_survive(bits: int, campaign: Campaign, reader: APIClient, tmp_path: Path) -> None:
    """From black to white between neighbours: what overflows a transform that is too narrow."""
    top = (1 << bits) - 1
    frames = np.zeros((3, 64, 48), np.uint8 if bits == 8 else np.uint16)
    frames[0] = (np.indices((64, 48)).sum(0) % 2) * top
    frames[1] = top
    cine = imported(campaign, tmp_path, frames, bits)
    for number in (1, 2, 3):
        assert_exact(reader, cine, number)


def test_signed_values_are_moved_at_import_and_so_are_exact(
    campaign: Campaign, reader: APIClient, tmp_path: Path
) -> None:
    """A file may hold signed values, a cine holds none (see services/decode.py)."""
    frames = random_frames(1, 21, 33, bits=16)
    assert_exact(reader, imported(campaign, tmp_path, frames, 16, PixelRepresentation=1, Modality="CT"))


def test_colour_is_exact(campaign: Campaign, reader: APIClient) -> None:
    """Three components, interleaved."""
    cine = make_cine(campaign)
    colours = np.random.default_rng(4).integers(0, 256, (2, 37, 53, 3), np.uint8)
    cine.pixels_digest = blobs.put_array(colours)
    cine.frame_count, cine.rows, cine.columns, cine.channels = colours.shape
    cine.save()
    assert_exact(reader, cine, 2)


def test_a_frame_of_the_largest_detector_is_exact(campaign: Campaign, reader: APIClient) -> None:
    """4096 x 4096 at 16 bits; smooth ground with noise, as a detector gives."""
    walk = np.cumsum(np.random.default_rng(8).integers(-3, 4, (4096, 4096), np.int32), 1)
    pixels = (walk % 4096).astype(np.uint16)[None]
    cine = make_cine(campaign)
    cine.pixels_digest = blobs.put_array(pixels)
    cine.frame_count, cine.rows, cine.columns, cine.bits_allocated = 1, 4096, 4096, 16
    cine.save()
    assert_exact(reader, cine)


def test_an_angiogram_is_smaller_than_with_gzip(campaign: Campaign, reader: APIClient, tmp_path: Path) -> None:
    """It is what HTJ2K is for."""
    cine = imported(campaign, tmp_path, generate_cine("xa", seed=3, frames=1, size=256).frames)
    packed = fetch(reader, cine, "*/*", **{"accept-encoding": "gzip"})
    encoded = fetch(reader, cine, JPHC, **{"accept-encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in encoded
    assert len(encoded.content) < 0.95 * len(packed.content)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", RAW),
        ("image/jphc", JPHC),
        ("IMAGE/JPHC ; q=0.3", JPHC),
        ("image/jphc, application/octet-stream;q=0.9", JPHC),
        ("image/jphc, */*", JPHC),
        ("application/octet-stream, image/jphc;q=0.9", RAW),
        ("image/jphc;q=0.4, */*;q=0.5", RAW),
        ("image/jphc;q=0, */*", RAW),
        ("application/octet-stream", RAW),
        ("application/json", RAW),
        ("image/avif,image/webp,image/*;q=0.8,*/*;q=0.5", RAW),
        ("image/jphc;q=rubbish, */*;q=0.5", JPHC),
        ("image/jphc;q=9", JPHC),
        (",,;,/,image/,q=1, */*", RAW),
        ("image/" + "x" * 400 + ", image/jphc", JPHC),
        ("image/jphc;q=" + "9" * 300 + ", */*", RAW),
        ("*/*, " + "image/jphc;q=0.1, " * 900, RAW),
    ],
)
def test_a_client_gets_what_it_likes_best(accept: str, expected: str, campaign: Campaign, reader: APIClient) -> None:
    """By quality; only who names HTJ2K gets it; a header that is nonsense harms nobody."""
    cine = make_cine(campaign)
    answer = fetch(reader, cine, accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, expected)
    assert answer["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize(
    "accept",
    ["", "text/html", "image/*", "image/jphc;q=0", "image/png, image/jphc;q=0.0", "image/jphc;q=" + "9" * 20_000],
)
def test_a_client_that_takes_no_frame_is_told_so(accept: str, campaign: Campaign, reader: APIClient) -> None:
    """In JSON."""
    answer = fetch(reader, make_cine(campaign), accept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (406, "not_acceptable")


def test_each_form_has_its_own_entity_tag(campaign: Campaign, reader: APIClient) -> None:
    """So that one is never taken for the other, nor one frame for another."""
    cine = make_cine(campaign)
    tags = {
        (accept, number): fetch(reader, cine, accept, number)["ETag"] for accept in (RAW, JPHC) for number in (1, 2)
    }
    assert len(set(tags.values())) == 4
    for (accept, number), tag in tags.items():
        for (other, place), known in tags.items():
            answer = fetch(reader, cine, accept, number, **{"if-none-match": known})
            assert answer.status_code == (304 if (accept, number) == (other, place) else 200)
            assert answer["ETag"] == tag
            assert answer["Vary"] == "Accept, Accept-Encoding"
    none = fetch(reader, cine, JPHC, 0, **{"if-none-match": tags[JPHC, 1].replace("-1-", "-0-")})
    assert (none.status_code, none.json()["error"]["code"]) == (404, "frame_out_of_range")


def test_errors_stay_json(campaign: Campaign, reader: APIClient) -> None:
    """For who accepts a codestream and nothing else too; and who may not see a cine is told nothing of it."""
    cine = make_cine(campaign)
    answer = fetch(reader, cine, JPHC, 7)
    assert (answer.status_code, answer["Content-Type"]) == (404, JSON)
    assert answer.json()["error"]["code"] == "frame_out_of_range"
    for user in (make_user(), make_member(make_campaign())):
        answer = fetch(client_of(user), cine, JPHC)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert fetch(Client(), cine, JPHC).status_code == 401
    assert fetch(client_of(make_user(is_staff=True)), cine, JPHC)["Content-Type"] == JPHC


@pytest.mark.usefixtures("without_encoder")
def test_without_the_encoder_it_is_never_offered(campaign: Campaign, reader: APIClient) -> None:
    """The same bytes as ever; who takes nothing else is told."""
    cine = make_cine(campaign)
    assert not htj2k.is_offered()
    answer = fetch(reader, cine, f"{JPHC}, {RAW};q=0.5")
    assert (answer.status_code, answer["Content-Type"]) == (200, RAW)
    assert answer.content == blobs.open_array(cine.pixels_digest)[0].tobytes()
    assert "X-Pixels-CRC32" not in answer
    assert fetch(reader, cine, JPHC).status_code == 406


def test_a_frame_that_cannot_be_encoded_goes_as_it_is(
    campaign: Campaign, reader: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No error for the reader, under the tag of the bytes; the log knows."""

    def fail(pixels: NDArray[Any]) -> bytes:
        raise RuntimeError("ojph error")

    monkeypatch.setattr(htj2k, "encoder", lambda: fail)
    cine = make_cine(campaign)
    answer = fetch(reader, cine, JPHC, **{"accept-encoding": "gzip"})
    assert (answer.status_code, answer["Content-Type"], answer["Content-Encoding"]) == (200, RAW, "gzip")
    assert answer["ETag"] == fetch(reader, cine, RAW)["ETag"]
    assert "was not encoded as HTJ2K: RuntimeError" in caplog.text


def test_the_frames_that_the_browser_is_tested_with_are_those_of_this_encoder() -> None:
    """They lie with the frontend's tests, which have no encoder of ours (frontend/src/editor/transport)."""
    frame = generate_cine("xa", seed=2, frames=1, size=96).frames[0][:60, :88]
    grain = np.random.default_rng(2).integers(0, 16, frame.shape, np.uint16)
    expected = {"xa8": frame, "xa16": (frame.astype(np.uint16) << 4) | grain}
    sent = json.loads((ROOT / "frontend" / "src" / "testing" / "codestreams.json").read_text())
    assert {known["name"] for known in sent} == set(expected)
    for known in sent:
        pixels = zlib.decompress(base64.b64decode(known["pixels"]))
        assert pixels == expected[known["name"]].tobytes()
        assert known["crc32"] == f"{zlib.crc32(pixels):08x}"
        assert base64.b64decode(known["codestream"]) == htj2k.encode_frame(expected[known["name"]])


def test_what_has_no_form_is_left_to_the_bytes() -> None:
    """Values that no cine holds today."""
    assert htj2k.encode_frame(np.zeros((4, 4), np.float32)) is None
    assert htj2k.encode_frame(np.zeros((0, 4), np.uint8)) is None
