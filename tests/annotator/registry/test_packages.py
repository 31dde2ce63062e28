"""A model of several files: added from a folder or a hub, checked, listed by all of its bytes, known to take words."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from annotator.core import blobs
from annotator.core.errors import DomainError
from annotator.registry.models import ModelVersion
from annotator.registry.services.add_model import add_model
from annotator.registry.services.hub import fetch_model, find_hub_file
from annotator.registry.services.model_files import files_at, prompts_of_model, size_of_model
from tests.annotator.registry.helpers import accept_everything, use_store
from tests.annotator.registry.hub_server import Hub, running_hub
from tests.factories.readings import make_user
from tests.workers.engine.sam3_text_parts import save_small
from workers.protocol.digests import bytes_digest
from workers.protocol.packages import CONFIG, TOKENIZER, WEIGHTS, Package, read_package

pytestmark = pytest.mark.django_db

PLACES = ["point", "box", "mask"]
FILES = {WEIGHTS: b"weights", CONFIG: b"{}", TOKENIZER: b'{"words": 1}'}


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Return an empty data directory of this test's own."""
    return use_store(settings, tmp_path)


def folder_of(place: Path, *names: str) -> Path:
    """Write some of the files into a folder."""
    place.mkdir()
    for name in names or FILES:
        (place / name).write_bytes(FILES[name])
    return place


def run(*arguments: str) -> str:
    """Return what `manage.py models` prints."""
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def prompts_over_http(model: ModelVersion) -> list[str]:
    """Return what the API says that a model answers."""
    client = APIClient()
    client.force_authenticate(make_user(is_staff=True))
    answer = client.get(f"/api/v1/models/{model.pk}/")
    assert answer.status_code == 200
    prompts: list[str] = answer.json()["prompts"]
    return prompts


def test_a_folder_of_the_hub_is_added_after_the_real_check(data_dir: Path, tmp_path: Path) -> None:
    """All of its files are stored under their own digests; the package is the model, and it takes words."""
    folder = tmp_path / "sam3"
    folder.mkdir()
    files = save_small(folder)
    printed = run("add", "sam3", str(folder))
    model = ModelVersion.objects.get()
    assert printed.startswith(f"Model {model.number} (sam3, sam3, SAM License) is registered.\n")
    package = read_package(blobs.get_bytes(model.checkpoint))
    assert package == Package("sam3", {name: blobs.file_digest(path) for name, path in files.items()})
    for name, digest in package.files.items():
        assert blobs.get_bytes(digest) == files[name].read_bytes()
    assert prompts_over_http(model) == [*PLACES, "text"]
    assert size_of_model("sam3", model.checkpoint) == sum(path.stat().st_size for path in files.values())
    assert "was registered before; nothing changed" in run("add", "sam3", str(folder))
    parameters = f"{(files[WEIGHTS].stat().st_size) / 4e6:,.1f} million parameters"
    good = f"is good: sam3, {parameters}, 112 pixels, sam3-112-v1, SAM License, SHA-256 {package.files[WEIGHTS]}."
    for asked in ("sam3", str(model.number)):
        assert good in run("check", asked)
    assert good in run("check", str(folder), "--family", "sam3")


def test_a_folder_whose_words_do_not_fit_is_refused(data_dir: Path, tmp_path: Path) -> None:
    """By the real check; nothing is stored."""
    folder = tmp_path / "sam3"
    folder.mkdir()
    files = save_small(folder)
    files[TOKENIZER].write_text("{}")
    with pytest.raises(CommandError, match=r"tokenizer\.json is not a tokenizer"):
        run("add", "sam3", str(folder))
    assert not ModelVersion.objects.exists()
    assert not blobs.exists(blobs.file_digest(files[WEIGHTS]))


def test_one_file_stays_one_file(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything beside them, weights are known by their own digest and take no words."""
    accept_everything(tmp_path, monkeypatch)
    folder = folder_of(tmp_path / "alone", WEIGHTS)
    model, _ = add_model(family="sam3", path=folder)
    assert model.checkpoint == bytes_digest(FILES[WEIGHTS])
    assert add_model(family="sam3", path=folder / WEIGHTS) == (model, False)
    assert prompts_over_http(model) == PLACES
    (folder / CONFIG).write_bytes(FILES[CONFIG])
    silent, created = add_model(family="sam3", path=folder, name="silent")
    assert created
    assert prompts_over_http(silent) == PLACES
    (folder / TOKENIZER).write_bytes(FILES[TOKENIZER])
    spoken, created = add_model(family="sam3", path=folder, name="spoken")
    assert created
    assert prompts_over_http(spoken) == [*PLACES, "text"]
    assert len({model.checkpoint, silent.checkpoint, spoken.checkpoint}) == 3


def test_an_adapter_takes_the_words_of_its_base(data_dir: Path) -> None:
    """The detector of its base finds them; an adapter of weights alone takes none."""
    files = {name: blobs.put_bytes(data) for name, data in FILES.items()}
    package = blobs.put_bytes(Package("sam3", files).to_bytes())
    header = {"family": "sam3", "preprocess_id": "sam3-112-v1"}
    for base, prompts in ((package, [*PLACES, "text"]), (files[WEIGHTS], PLACES), (bytes_digest(b"gone"), PLACES)):
        data = json.dumps({"__metadata__": {**header, "base": base}}).encode()
        adapter = blobs.put_bytes(len(data).to_bytes(8, "little") + data)
        assert prompts_of_model(family="sam3", checkpoint=adapter) == prompts


def test_other_families_and_other_folders_are_refused(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its code; nothing is registered."""
    accept_everything(tmp_path, monkeypatch)
    whole, empty = folder_of(tmp_path / "whole"), tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken"
    broken.write_bytes(b'{"format": "cineloop-package-1", "files": {}}')
    lost = tmp_path / "lost"
    lost.write_bytes(Package("sam3", {WEIGHTS: bytes_digest(b"nowhere")}).to_bytes())
    for family, path, code in (
        ("sam2.1-tiny", whole, "not_one_file"),
        ("bundled", whole, "not_one_file"),
        ("sam3", empty, "checkpoint_missing"),
        ("sam3", tmp_path / "absent", "checkpoint_missing"),
        ("sam3", broken, "checkpoint_unreadable"),
        ("sam3", lost, "blob_not_found"),
    ):
        with pytest.raises(DomainError) as refused:
            add_model(family=family, path=path, name="x")
        assert refused.value.code == code
    assert not ModelVersion.objects.exists()


def test_a_model_whose_files_are_lost_has_no_size(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And can still be listed."""
    accept_everything(tmp_path, monkeypatch)
    model, _ = add_model(family="sam3", path=folder_of(tmp_path / "whole"))
    assert size_of_model("sam3", model.checkpoint) == sum(len(data) for data in FILES.values())
    blobs.local_path(bytes_digest(FILES[TOKENIZER])).unlink()
    assert size_of_model("sam3", model.checkpoint) is None
    assert " missing " in run("list")
    blobs.local_path(model.checkpoint).unlink()
    assert prompts_of_model(family="sam3", checkpoint=model.checkpoint) == PLACES


def test_files_at_a_path(data_dir: Path, tmp_path: Path) -> None:
    """A file of a few bytes is weights unless it says otherwise; other files of a folder do not count."""
    folder = folder_of(tmp_path / "whole")
    (folder / "README.md").write_text("words")
    assert files_at(folder).beside == {CONFIG: folder / CONFIG, TOKENIZER: folder / TOKENIZER}
    assert files_at(folder / CONFIG).beside == {}


class TestHub:
    """Fetching a model of several files."""

    @pytest.fixture
    def hub(self, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
        """Serve all files of SAM 3, with a check that accepts everything."""
        accept_everything(tmp_path, monkeypatch)
        monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        with running_hub() as hub:
            hub.files.update({f"facebook/sam3/{name}": data for name, data in FILES.items()})
            yield hub
            huggingface_hub.close_session()

    def fetch(self, hub: Hub) -> tuple[ModelVersion, bool]:
        """Fetch SAM 3 from the hub of the test."""
        return fetch_model(source=find_hub_file(name="sam3", endpoint=hub.endpoint))

    def test_what_lies_beside_the_weights_is_fetched_with_them(self, hub: Hub, data_dir: Path) -> None:
        """One model; fetching again fetches no weights; nothing is left in the folder of downloads."""
        model, created = self.fetch(hub)
        assert created
        package = read_package(blobs.get_bytes(model.checkpoint))
        assert package is not None
        assert package.files == {name: bytes_digest(data) for name, data in FILES.items()}
        assert list((data_dir / "downloads").iterdir()) == []
        count = len(hub.ranges())
        assert self.fetch(hub) == (model, False)
        assert len(hub.ranges()) == count + 2, "the two small files only"
        assert list((data_dir / "downloads").iterdir()) == []

    def test_a_hub_with_weights_alone_gives_a_model_without_words(self, hub: Hub) -> None:
        """As it was before there were words."""
        for name in (CONFIG, TOKENIZER):
            del hub.files[f"facebook/sam3/{name}"]
        model, _ = self.fetch(hub)
        assert model.checkpoint == bytes_digest(FILES[WEIGHTS])
        assert self.fetch(hub) == (model, False)

    def test_a_hub_that_is_closed_is_said_to_be_so(self, hub: Hub) -> None:
        """Before anything is fetched."""
        hub.status = 403
        with pytest.raises(DomainError) as refused:
            self.fetch(hub)
        assert refused.value.code == "hub_forbidden"
