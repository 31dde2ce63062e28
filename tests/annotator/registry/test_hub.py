"""Weights fetched by name: resumed, checked by SHA-256, never half a file under a final name."""

from __future__ import annotations

import errno
import fcntl
import io
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from annotator.core import blobs
from annotator.core.errors import Busy, DomainError, InvalidInput, NotFound
from annotator.registry.models import ModelStatus, ModelVersion
from annotator.registry.services import hub as module
from annotator.registry.services.hub import fetch_model, find_hub_file
from tests.annotator.registry.helpers import accept_everything, use_store
from tests.annotator.registry.hub_server import COMMIT, Hub, running_hub
from workers.protocol.digests import bytes_digest

pytestmark = pytest.mark.django_db

NAME, PLACE = "sam2.1-tiny", "facebook/sam2.1-hiera-tiny/sam2.1_hiera_tiny.pt"
DATA = np.random.default_rng(8).bytes(300_000)


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Return an empty data directory of this test's own."""
    return use_store(settings, tmp_path)


@pytest.fixture
def hub(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serve the weights of one family, with a check that accepts every file, and without pauses between attempts."""
    accept_everything(tmp_path, monkeypatch)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with running_hub() as hub:
        hub.files[PLACE] = DATA
        yield hub
        huggingface_hub.close_session()


def fetch(hub: Hub, name: str = NAME, **options: str) -> tuple[ModelVersion, bool]:
    """Fetch weights from the hub of the test."""
    return fetch_model(source=find_hub_file(name=name, endpoint=hub.endpoint, **options))


def downloads(data_dir: Path) -> list[Path]:
    """Return the files of unfinished downloads."""
    return [path for path in (data_dir / "downloads").rglob("*") if path.is_file()]


def test_weights_are_fetched_stored_and_registered(hub: Hub, data_dir: Path) -> None:
    """In the blob store under their digest, named as they were asked for; nothing is left beside it."""
    model, created = fetch(hub)
    assert created
    assert (model.name, model.family, model.status) == (NAME, NAME, ModelStatus.EVALUATED)
    assert model.checkpoint == bytes_digest(DATA)
    assert blobs.get_bytes(model.checkpoint) == DATA
    assert list((data_dir / "downloads").iterdir()) == []


def test_fetching_again_fetches_nothing(hub: Hub) -> None:
    """The hub's digest tells that the weights are there; where the blob is lost they come again."""
    first, _ = fetch(hub)
    assert fetch(hub) == (first, False)
    assert len(hub.ranges()) == 1
    blobs.local_path(first.checkpoint).unlink()
    assert fetch(hub) == (first, False)
    assert len(hub.ranges()) == 2
    assert blobs.get_bytes(first.checkpoint) == DATA


def test_a_revision_has_a_name_of_its_own(hub: Hub) -> None:
    """So that two versions can be told apart."""
    assert fetch(hub, revision=COMMIT)[0].name == f"{NAME}@{COMMIT}"


def test_a_cut_connection_is_taken_up_again(hub: Hub) -> None:
    """In the same run, from where it broke off."""
    hub.cuts = [100_000, 50_000]
    model, _ = fetch(hub)
    assert hub.ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert blobs.get_bytes(model.checkpoint) == DATA


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_later_run_goes_on_where_one_stopped(knows_ranges: bool, hub: Hub, data_dir: Path) -> None:
    """Or begins anew where the server knows no ranges; meanwhile no file has its final name."""
    hub.cuts = [100_000] + [0] * 6
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.code == "download_broke_off"
    assert "broke off after 0.1 MB of 0.3 MB; run this again" in refused.value.message
    (partial,) = downloads(data_dir)
    assert partial.name.endswith(".partial")
    assert partial.read_bytes() == DATA[:100_000]
    assert not ModelVersion.objects.exists()
    hub.cuts, hub.asked, hub.knows_ranges = [], [], knows_ranges
    model, _ = fetch(hub)
    assert hub.ranges() == ["bytes=100000-"]
    assert blobs.get_bytes(model.checkpoint) == DATA
    assert downloads(data_dir) == []


def test_other_bytes_than_the_hub_names_are_thrown_away(hub: Hub, data_dir: Path) -> None:
    """A wrong SHA-256 leaves nothing behind, and the next attempt begins anew."""
    hub.digest = bytes_digest(b"other bytes")
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.code == "hash_mismatch"
    assert downloads(data_dir) == []
    assert not blobs.exists(bytes_digest(DATA))
    assert not ModelVersion.objects.exists()
    hub.digest = None
    assert fetch(hub)[1]


def test_a_damaged_beginning_is_noticed(hub: Hub, data_dir: Path) -> None:
    """What an earlier attempt left is trusted no more than what comes."""
    hub.cuts = [100_000] + [0] * 6
    with pytest.raises(DomainError):
        fetch(hub)
    (partial,) = downloads(data_dir)
    partial.write_bytes(b"x" * 100_000)
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.code == "hash_mismatch"
    assert fetch(hub)[1]


def test_a_hub_without_digests_is_believed(hub: Hub) -> None:
    """Its version is no SHA-256 then; the check of the weights still decides."""
    hub.digest = "a-version"
    assert blobs.get_bytes(fetch(hub)[0].checkpoint) == DATA


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, "hub_forbidden", "set HF_TOKEN to a token of your account and run this again (HTTP 401)."),
        (403, "hub_forbidden", "set HF_TOKEN to a token of your account and run this again (HTTP 403)."),
        (404, "hub_file_missing", "The hub has no file model.safetensors in facebook/sam3 at the revision main."),
        (500, "hub_failed", "The hub answered with HTTP 500; try again later."),
    ],
)
def test_refusals_of_a_hub_are_sentences(status: int, code: str, sentence: str, hub: Hub) -> None:
    """They say what to do."""
    hub.status = status
    with pytest.raises(DomainError) as refused:
        fetch(hub, "sam3")
    assert refused.value.code == code
    assert refused.value.message.endswith(sentence)


def test_what_is_no_hub_is_told(hub: Hub) -> None:
    """A portal that answers everything names no version."""
    hub.has_etag = False
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.code == "hub_failed"


def test_no_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection, and a machine that is told to stay offline."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hub.endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DomainError) as refused:
            fetch(hub)
    assert refused.value.code == "hub_unreachable"
    assert refused.value.message.endswith("cannot be reached; is there a network, and is its address right?")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.message == "HF_HUB_OFFLINE is set, so nothing is fetched from a hub."


def test_a_token_goes_to_the_hub_and_not_to_its_content_server(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content lies on another host, whose address is enough."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(hub)
    sent = {(server, headers.get("authorization")) for _, server, headers in hub.asked}
    assert sent == {("hub", "Bearer hf_secret"), ("content", None)}


def test_a_full_disk_is_told_before_and_while(hub: Hub, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what has come by then is kept for the next attempt."""
    with monkeypatch.context() as patch:
        usage = namedtuple("usage", "total used free")(10**9, 10**9 - 1000, 1000)
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(DomainError) as refused:
            fetch(hub)
        assert (refused.value.code, hub.ranges()) == ("disk_full", [])
    with monkeypatch.context() as patch:

        def fill(url: str, file: Any, **options: Any) -> None:
            file.write(DATA[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(module, "http_get", fill)
        with pytest.raises(DomainError) as refused:
            fetch(hub)
        assert refused.value.code == "disk_full"
    assert [path.stat().st_size for path in downloads(data_dir)] == [1000]
    fetch(hub)
    assert hub.ranges() == ["bytes=1000-"]


def test_two_fetches_of_one_file_do_not_mix(hub: Hub, data_dir: Path) -> None:
    """The second one is told to wait."""
    hub.cuts = [1000] + [0] * 6
    with pytest.raises(DomainError):
        fetch(hub)
    with downloads(data_dir)[0].open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            fetch(hub)
    assert fetch(hub)[1]


def test_weights_that_do_not_fit_are_refused_after_the_real_check(
    hub: Hub, data_dir: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The hub serves the bundled checkpoint under the name of another family: the first keys are named."""
    monkeypatch.setattr("annotator.registry.services.add_model.CHECK", ("-m", "workers.engine.check"))
    hub.files[PLACE] = (Path(settings.BASE_DIR) / "fixtures" / "checkpoints" / "bundled.safetensors").read_bytes()
    with pytest.raises(DomainError) as refused:
        fetch(hub)
    assert refused.value.code == "checkpoint_mismatch"
    assert "image_encoder.trunk" in refused.value.message
    assert downloads(data_dir) == []
    assert not ModelVersion.objects.exists()


def test_names_of_weights() -> None:
    """A published name, a family for its usual choice, and a clear answer to anything else."""
    assert find_hub_file(name="medsam2").file == "MedSAM2_latest.pt"
    assert find_hub_file(name="medsam2-us-heart").file == "MedSAM2_US_Heart.pt"
    assert find_hub_file(name="sam2.1-base-plus").url.endswith(
        "/facebook/sam2.1-hiera-base-plus/resolve/main/sam2.1_hiera_base_plus.pt"
    )
    with pytest.raises(NotFound, match=r"there are sam2\.1-tiny, .*, medsam2-latest, .*, sam3\."):
        find_hub_file(name="medsam3")
    with pytest.raises(NotFound, match="It comes with CineLoop"):
        find_hub_file(name="bundled")
    with pytest.raises(InvalidInput):
        find_hub_file(name=NAME, endpoint="ftp://127.0.0.1")


def test_the_licence_is_shown_first_and_agreed_to(hub: Hub) -> None:
    """`models fetch` asks for consent where the terms are not the usual free ones."""
    hub.files["wanglab/MedSAM2/MedSAM2_latest.pt"] = DATA
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"CC BY-SA 4\.0 has terms of its own; read it and say --acc"):
        call_command("models", "fetch", "medsam2", "--endpoint", hub.endpoint, stdout=out)
    assert out.getvalue() == f"MedSAM2, MedSAM2_latest.pt: licence CC BY-SA 4.0 ({hub.endpoint}/wanglab/MedSAM2).\n"
    assert hub.asked == []
    call_command("models", "fetch", "medsam2", "--endpoint", hub.endpoint, "--accept-licence", stdout=out)
    assert "Model 1 (medsam2-latest, medsam2, " in out.getvalue()
    call_command("models", "fetch", NAME, "--endpoint", hub.endpoint, stdout=out)
    assert f"({NAME}, {NAME}, Apache-2.0) was registered before" not in out.getvalue()


def test_consent_is_asked_for_at_a_terminal(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No is the default."""
    hub.files["facebook/sam3/model.safetensors"] = DATA
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, fits in (("", False), ("n", False), ("yes", True)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        if fits:
            call_command("models", "fetch", "sam3", "--endpoint", hub.endpoint, stdout=io.StringIO())
        else:
            with pytest.raises(CommandError, match="Nothing was fetched"):
                call_command("models", "fetch", "sam3", "--endpoint", hub.endpoint, stdout=io.StringIO())
    assert ModelVersion.objects.get().name == "sam3"
