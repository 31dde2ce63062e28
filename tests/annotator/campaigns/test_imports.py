"""Imports into a campaign: uploads, archives that mean no good, and the command line."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.services import import_files, imports
from annotator.core.errors import InvalidInput, PermissionDenied
from annotator.core.models import AuditEntry
from annotator.imaging.models import BatchStatus, Cine, ImportBatch
from annotator.imaging.services.ingest import FileOutcome
from tests.factories.imaging import dicom_bytes, on_disk, zipped
from tests.factories.readings import make_campaign, make_member, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
URL = "/api/v1/imports/"


def client_of(user: object) -> APIClient:
    """Return a client that is signed in as a user."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def upload(user: object, files: dict[str, bytes], campaign: str = "vessels") -> Any:
    """Send files as a browser does and return the answer."""
    sent = [SimpleUploadedFile(name, data) for name, data in files.items()]
    return client_of(user).post(URL, {"campaign": campaign, "files": sent}, format="multipart")


def import_into(campaign: Campaign, folder: Path, files: dict[str, bytes]) -> dict[str, tuple[str, str]]:
    """Import files through the service and return (outcome, code) of each by its name."""
    scratch = folder / "scratch"
    scratch.mkdir()
    batch = import_files(campaign=campaign, actor=None, files=on_disk(folder, files), scratch=scratch)
    assert batch.status == BatchStatus.DONE
    return {item["name"]: (item["outcome"], item["code"]) for item in batch.items}


def test_an_upload_tells_what_became_of_each_file(campaign: Campaign, reader: User, data_dir: Path) -> None:
    """Good, bad and packed ones; a good one is a cine of the campaign at once."""
    good, packed = dicom_bytes(), dicom_bytes(PatientID="packed")
    files = {"good.dcm": good, "note.txt": b"no picture", "more.zip": zipped({"a/b.dcm": packed, "again.dcm": good})}
    answer = upload(reader, files)
    assert answer.status_code == 201, answer.content
    batch = answer.json()
    assert (batch["status"], batch["campaign"]) == ("DONE", "vessels")
    assert {item["name"]: (item["outcome"], item["code"]) for item in batch["items"]} == {
        "good.dcm": ("imported", ""),
        "note.txt": ("refused", "not_dicom"),
        "more.zip/a/b.dcm": ("imported", ""),
        "more.zip/again.dcm": ("duplicate", "already_imported"),
    }
    told = {cine for item in batch["items"] for cine in item["cine_ids"]}
    listed = client_of(reader).get("/api/v1/cines/", {"campaign": "vessels"}).json()["results"]
    assert {row["id"] for row in listed} == told
    assert len(told) == 2
    assert client_of(reader).get(f"{URL}{batch['id']}/").json() == batch
    assert [row["id"] for row in client_of(reader).get(URL).json()["results"]] == [batch["id"]]
    assert AuditEntry.objects.get(action="import.files").data == {"imported": 2, "duplicate": 1, "refused": 1}
    assert not [path for path in data_dir.iterdir() if path.name != "blobs"], "temporary files were left"


def test_a_duplicate_joins_the_campaign_that_it_is_imported_into(campaign: Campaign, reader: User) -> None:
    """The pixels are there once, the cine is in both campaigns."""
    upload(reader, {"a.dcm": dicom_bytes(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2", SeriesInstanceUID="1.1")})
    other = make_campaign(slug="other")
    member = make_member(other)
    data = dicom_bytes(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2", SeriesInstanceUID="1.1")
    (item,) = upload(member, {"b.dcm": data}, "other").json()["items"]
    assert item["outcome"] == "duplicate"
    assert client_of(member).get("/api/v1/cines/", {"campaign": "other"}).json()["count"] == 1
    assert Cine.objects.count() == 1


def test_only_members_import_and_only_the_importer_sees_the_batch(campaign: Campaign, reader: User) -> None:
    """To a stranger there is no such campaign, to another member no such batch."""
    answer = upload(make_user(), {"a.dcm": dicom_bytes()})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "campaign_not_found")
    assert not Cine.objects.exists()
    batch = upload(reader, {"a.dcm": dicom_bytes()}).json()["id"]
    assert client_of(make_member(campaign)).get(f"{URL}{batch}/").status_code == 404
    assert client_of(make_user(is_staff=True)).get(f"{URL}{batch}/").status_code == 200
    assert APIClient().post(URL).status_code == 401


def test_an_upload_that_is_none_is_refused(campaign: Campaign, reader: User, settings: Settings) -> None:
    """Without files, without a campaign, as JSON, or larger than allowed."""
    client = client_of(reader)
    answer = client.post(URL, {"campaign": "vessels"}, format="multipart")
    assert (answer.status_code, answer.json()["error"]["details"].keys()) == (400, {"fields"})
    assert upload(reader, {"a.dcm": b"x"}, "no such").status_code == 400
    answer = client.post(URL, {"campaign": "vessels"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    settings.MAX_UPLOAD_BYTES = 10
    answer = upload(reader, {"a.dcm": b"x" * 6, "b.dcm": b"y" * 6})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    answer = upload(reader, {"a.dcm": b"x", "b.dcm": b"y"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_files")
    assert not ImportBatch.objects.exists()


def test_an_empty_upload_of_an_empty_file_says_that_it_is_empty(campaign: Campaign, reader: User) -> None:
    """It is the file that is refused, not the request."""
    (item,) = upload(reader, {"empty.dcm": b""}).json()["items"]
    assert (item["outcome"], item["code"]) == ("refused", "empty_file")


def test_an_archive_cannot_write_outside_its_folder(campaign: Campaign, tmp_path: Path) -> None:
    """Its members are files of our own names, whatever they call themselves."""
    inner = tmp_path / "deep" / "inner"
    inner.mkdir(parents=True)
    names = ["../../escaped.dcm", "/absolute.dcm", "..\\..\\windows.dcm", "a/../../b.dcm"]
    members = {name: dicom_bytes(PatientID=name) for name in names}
    outcomes = import_into(campaign, inner, {"evil.zip": zipped(members)})
    assert [outcome for outcome, _ in outcomes.values()] == ["imported"] * 4
    outside = [path for path in tmp_path.rglob("*.dcm") if inner not in path.parents]
    assert outside == []
    assert not Path("/absolute.dcm").exists()


def test_an_archive_that_unpacks_too_large_is_not_opened(
    campaign: Campaign, tmp_path: Path, settings: Settings, traces: Callable[[], dict[str, int]]
) -> None:
    """Judged by what it declares, before a byte is unpacked; a neighbour is imported."""
    settings.MAX_UPLOAD_BYTES = 100_000
    bomb = zipped({"zeros.dcm": bytes(10_000_000)})
    assert len(bomb) < 100_000
    outcomes = import_into(campaign, tmp_path, {"bomb.zip": bomb, "good.dcm": dicom_bytes()})
    assert outcomes == {"bomb.zip": ("refused", "archive_too_large"), "good.dcm": ("imported", "")}
    assert sum(path.stat().st_size for path in (tmp_path / "scratch").rglob("*") if path.is_file()) == 0


def test_many_archives_together_are_bounded_too(campaign: Campaign, tmp_path: Path, settings: Settings) -> None:
    """The limit is one for the whole import."""
    settings.MAX_UPLOAD_BYTES = 100_000
    archives = {f"{number}.zip": zipped({"zeros": bytes(60_000)}) for number in range(3)}
    outcomes = import_into(campaign, tmp_path, archives)
    assert sorted(code for _, code in outcomes.values()) == ["archive_too_large", "archive_too_large", "not_dicom"]


def test_an_archive_that_lies_about_a_size_fills_no_disk(
    campaign: Campaign, tmp_path: Path, settings: Settings
) -> None:
    """What is really unpacked is bounded by what was declared."""
    settings.MAX_UPLOAD_BYTES = 100_000
    lying = bytearray(zipped({"zeros": bytes(5_000_000)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", lying, lying.index(signature) + offset, 1000)
    outcomes = import_into(campaign, tmp_path, {"liar.zip": bytes(lying)})
    assert {outcome for outcome, _ in outcomes.values()} == {"refused"}
    assert max(path.stat().st_size for path in (tmp_path / "scratch").rglob("*") if path.is_file()) <= 2000


def test_an_archive_of_too_many_files_is_not_opened(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small they are."""
    monkeypatch.setattr(imports, "MAX_FILES", 3)
    outcomes = import_into(campaign, tmp_path, {"many.zip": zipped({f"{n}": b"x" for n in range(4)})})
    assert outcomes == {"many.zip": ("refused", "archive_too_large")}


def test_a_locked_archive_is_refused_as_a_whole(campaign: Campaign, tmp_path: Path) -> None:
    """One sentence, not one for each member."""
    locked = bytearray(zipped({"a.dcm": dicom_bytes(), "b.dcm": dicom_bytes()}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = locked.find(signature)
        while place != -1:
            locked[place + offset] |= 1
            place = locked.find(signature, place + 4)
    outcomes = import_into(campaign, tmp_path, {"locked.zip": bytes(locked)})
    assert outcomes == {"locked.zip": ("refused", "bad_archive")}


def test_a_damaged_member_stops_none_of_its_neighbours(campaign: Campaign, tmp_path: Path) -> None:
    """It alone is refused, by its name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.dcm", dicom_bytes())
        archive.writestr("broken.dcm", dicom_bytes(PatientID="broken"))
        archive.writestr("last.dcm", dicom_bytes(PatientID="last"))
        info = archive.getinfo("broken.dcm")
    data = bytearray(out.getvalue())
    start = info.header_offset + 30 + len("broken.dcm")
    data[start : start + 40] = b"\xff" * 40
    outcomes = import_into(campaign, tmp_path, {"mixed.zip": bytes(data)})
    assert outcomes == {
        "mixed.zip/first.dcm": ("imported", ""),
        "mixed.zip/broken.dcm": ("refused", "bad_archive"),
        "mixed.zip/last.dcm": ("imported", ""),
    }


def test_an_archive_cut_short_is_refused(campaign: Campaign, tmp_path: Path) -> None:
    """With its directory gone it is no archive any more, and no picture either."""
    data = zipped({"a.dcm": dicom_bytes()})
    outcomes = import_into(campaign, tmp_path, {"cut.zip": data[:-30], "garbled.zip": b"PK\x05\x06" + b"\xff" * 18})
    assert {outcome for outcome, _ in outcomes.values()} == {"refused"}
    assert outcomes.keys() == {"cut.zip", "garbled.zip"}


def test_an_archive_in_an_archive_is_not_opened(campaign: Campaign, tmp_path: Path) -> None:
    """So none can nest without end; its neighbours are imported."""
    nested = zipped({"inner.zip": zipped({"a.dcm": dicom_bytes()}), "b.dcm": dicom_bytes(PatientID="b")})
    outcomes = import_into(campaign, tmp_path, {"outer.zip": nested})
    assert outcomes == {"outer.zip/inner.zip": ("refused", "not_dicom"), "outer.zip/b.dcm": ("imported", "")}


def test_what_systems_hide_in_archives_is_left_out(campaign: Campaign, tmp_path: Path) -> None:
    """No refusal for what nobody put there."""
    members = {"a.dcm": dicom_bytes(), "__MACOSX/._a.dcm": b"x", "dir/.DS_Store": b"x", "Thumbs.db": b"x"}
    outcomes = import_into(campaign, tmp_path, {"mac.zip": zipped(members), ".DS_Store": b"x"})
    assert outcomes == {"mac.zip/a.dcm": ("imported", "")}


def test_an_import_needs_files_and_a_member(campaign: Campaign, tmp_path: Path) -> None:
    """The service checks both itself."""
    with pytest.raises(InvalidInput) as caught:
        import_files(campaign=campaign, actor=None, files=[], scratch=tmp_path)
    assert caught.value.code == "no_files"
    with pytest.raises(PermissionDenied):
        import_files(campaign=campaign, actor=make_user(), files=on_disk(tmp_path, {"a": b""}), scratch=tmp_path)
    assert not ImportBatch.objects.exists()


def test_an_import_that_breaks_is_marked_as_failed(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for ever."""

    def fail(*args: object, **kwargs: object) -> list[FileOutcome]:
        raise OSError("no space left on the device")

    monkeypatch.setattr(imports, "ingest_files", fail)
    with pytest.raises(OSError, match="no space left"):
        import_files(campaign=campaign, actor=None, files=on_disk(tmp_path, {"a": b"x"}), scratch=tmp_path)
    assert ImportBatch.objects.get().status == BatchStatus.FAILED


def test_the_command_imports_folders_with_a_progress_bar(
    campaign: Campaign, tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, folders and archives; what is refused is named, and the sum is told."""
    folder = tmp_path / "study"
    (folder / "series").mkdir(parents=True)
    (folder / "series" / "a.dcm").write_bytes(dicom_bytes())
    (folder / "b.zip").write_bytes(zipped({"b.dcm": dicom_bytes(PatientID="b")}))
    (folder / ".hidden").write_bytes(b"x")
    (tmp_path / "bad.dcm").write_bytes(b"no picture")
    out = io.StringIO()
    call_command("import_dicom", str(folder), str(tmp_path / "bad.dcm"), campaign="vessels", stdout=out)
    assert out.getvalue().splitlines() == [
        "Importing into the campaign vessels.",
        "2 imported, 0 already there, 1 refused.",
    ]
    shown = capsys.readouterr()
    assert "Importing" in shown.err
    assert "3/3" in shown.err
    assert "bad.dcm was not imported: it is not a DICOM file." in shown.out + shown.err
    again = io.StringIO()
    call_command("import_dicom", str(folder), stdout=again)  # the oldest campaign, and the only one
    assert again.getvalue().splitlines()[-1] == "0 imported, 2 already there, 0 refused."
    assert campaign.campaign_cines.count() == 2
    assert not [path for path in data_dir.iterdir() if path.name != "blobs"]


def test_the_command_says_what_it_does_not_find(campaign: Campaign, tmp_path: Path) -> None:
    """A wrong campaign names the right ones."""
    with pytest.raises(CommandError, match="no campaign 'vesels'; there are: vessels"):
        call_command("import_dicom", str(tmp_path), campaign="vesels")
    with pytest.raises(CommandError, match="does not exist"):
        call_command("import_dicom", str(tmp_path / "nowhere"), campaign="vessels")
