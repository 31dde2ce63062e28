"""`manage.py models`: list, add and check, with the real check of the workers and with checks that fail."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from annotator.core import blobs
from annotator.core.errors import DomainError, IllegalTransition
from annotator.core.models import AuditEntry
from annotator.registry.models import ModelStatus, ModelVersion
from annotator.registry.services import register_bundled_model
from annotator.registry.services.add_model import add_model
from tests.annotator.registry.helpers import ACCEPT, accept_everything, use_check, use_store
from tests.factories.datasets import make_campaign
from tests.factories.registry import make_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundled(settings: Settings, tmp_path: Path) -> Path:
    """Return a copy of the bundled checkpoint under a name that tells nothing."""
    use_store(settings, tmp_path)
    source = Path(settings.BASE_DIR) / "fixtures" / "checkpoints" / "bundled.safetensors"
    return Path(shutil.copy(source, tmp_path / "mine.bin"))


def run(*arguments: str) -> str:
    """Return what `manage.py models` prints."""
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def test_weights_are_added_after_the_real_check(bundled: Path) -> None:
    """A process of its own loads them; they are stored, registered, audited and ready to be promoted."""
    printed = run("add", "bundled", str(bundled), "--name", "Second hand")
    model = ModelVersion.objects.get()
    assert printed.startswith(f"Model {model.number} (Second hand, bundled, Apache-2.0) is registered.\n")
    assert f"POST /api/v1/models/{model.pk}/promote/" in printed
    assert (model.family, model.licence, model.status) == ("bundled", "Apache-2.0", ModelStatus.EVALUATED)
    assert model.preprocess_id.startswith("gray-square-v")
    assert blobs.get_bytes(model.checkpoint) == bundled.read_bytes()
    entry = AuditEntry.objects.get(action="registry.model_added")
    assert entry.data == {"checkpoint": model.checkpoint, "number": model.number, "family": "bundled"}
    assert "was registered before; nothing changed" in run("add", "bundled", str(bundled), "--name", "Again")
    assert ModelVersion.objects.get().name == "Second hand"
    assert run("check", "Second hand").startswith(f"Model {model.number} (Second hand) is good: bundled, ")


def test_a_check_names_its_model_or_file(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, number or path; the header of a file tells its family."""
    accept_everything(bundled.parent, monkeypatch)
    model, _ = add_model(family="bundled", path=bundled, name="Second hand")
    facts = f"1.2 million parameters, 512 pixels, p-1, Apache-2.0, SHA-256 {model.checkpoint}."
    for asked, title in (("Second hand", None), (str(model.number), None), (str(bundled), "mine.bin")):
        title = title or f"Model {model.number} (Second hand)"
        assert run("check", asked) == f"{title} is good: bundled, {facts}\n"


def test_an_adapter_is_added_beside_its_base(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes of the base in the registry; without the base it could answer nothing."""
    adapter = bundled.with_name("adapter.safetensors")
    adapter.write_bytes(b"matrices")
    use_check(bundled.parent, monkeypatch, ACCEPT.replace('"Apache-2.0",', f'"Apache-2.0", "base": "{"b" * 64}",'))
    with pytest.raises(CommandError, match=f"adapter of weights that are not registered: SHA-256 {'b' * 64}"):
        run("add", "bundled", str(adapter))
    assert not ModelVersion.objects.exists()
    base = make_model(tag="base")
    ModelVersion.objects.filter(pk=base.pk).update(checkpoint="b" * 64)
    run("add", "bundled", str(adapter))
    assert ModelVersion.objects.get(name="adapter").parent == base


def test_number_0_is_kept_for_the_model_that_is_shipped(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first."""
    use_store(settings, tmp_path)
    accept_everything(tmp_path, monkeypatch)
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    assert add_model(family="sam3", path=weights)[0].number == 1
    assert register_bundled_model().number == 0


def test_it_is_the_same_model_as_the_one_that_is_shipped(bundled: Path) -> None:
    """The digest decides, not the way on which it came."""
    shipped = register_bundled_model()
    assert add_model(family="bundled", path=bundled) == (shipped, False)


def test_weights_of_another_family_are_refused_with_the_first_keys(bundled: Path) -> None:
    """By the real check; nothing is stored."""
    with pytest.raises(CommandError, match=r"lacks image_encoder\.trunk\."):
        run("add", "medsam2", str(bundled))
    assert not ModelVersion.objects.exists()
    assert not blobs.exists(blobs.file_digest(bundled))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "medsam3", "FILE"), "No family of models is called 'medsam3'; there are bundled, sam2.1-tiny, "),
        (("add", "bundled", "absent.pt"), "There is no file absent.pt."),
        (("add", "bundled", "FILE", "--name", "7"), "The name of a model has 1 to 120 characters and is not a number."),
        (("check", "nobody"), "'nobody' is neither a model nor a file; the models are: none."),
        (("check", "FILE"), "does not say of which family it is; give --family: bundled, "),
        (("check", "FILE", "--family", "medsam3"), "No family of models is called 'medsam3'"),
        (("check", "FILE", "--family", "bundled"), "is not a safetensors checkpoint."),
        (("fetch", "nothing"), "No published weights are called 'nothing'; there are sam2.1-tiny, "),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, settings: Settings
) -> None:
    """Whatever is asked."""
    use_store(settings, tmp_path)
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"junk")
    with pytest.raises(CommandError) as refused:
        run(*(str(junk) if argument == "FILE" else argument for argument in arguments))
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        (
            'print(\'{"ok": false, "code": "checkpoint_unsafe", "message": "It holds code."}\'); raise SystemExit(1)',
            "checkpoint_unsafe",
            "It holds code.",
        ),
        ("raise SystemExit(3)", "check_failed", "The check of w.pt came to no verdict: it ended with status 3."),
        ("print('{\"ok\": true}')", "check_failed", "it ended with status 0."),
        ("print('[1]')", "check_failed", "it ended with status 0."),
        ("print('{')", "check_failed", "it ended with status 0."),
        (
            "import os; os.kill(os.getpid(), 9)",
            "check_failed",
            "the system stopped it, most likely for lack of memory.",
        ),
        ("import time; time.sleep(60)", "check_timed_out", "The check of w.pt did not end within 0.5 s."),
    ],
)
def test_a_check_without_a_verdict_adds_nothing(
    script: str, code: str, sentence: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it ends."""
    use_store(settings, tmp_path)
    use_check(tmp_path, monkeypatch, script)
    if code == "check_timed_out":
        monkeypatch.setattr("annotator.registry.services.add_model.CHECK_TIMEOUT_S", 0.5)
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    with pytest.raises(DomainError) as refused:
        add_model(family="sam3", path=weights)
    assert refused.value.code == code
    assert refused.value.message.endswith(sentence)
    assert not ModelVersion.objects.exists()
    assert not blobs.exists(blobs.file_digest(weights))


def test_a_file_that_changes_while_it_is_checked_is_refused(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked and what was stored are the same bytes."""
    use_store(settings, tmp_path)
    use_check(tmp_path, monkeypatch, ACCEPT + "open(path, 'ab').write(b'more')")
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"weights")
    with pytest.raises(IllegalTransition, match=r"w\.pt changed while it was being checked"):
        add_model(family="sam3", path=weights)
    assert not ModelVersion.objects.exists()


def test_the_same_weights_are_of_one_family(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MedSAM2 and SAM 2.1 tiny have the same keys: what they were first registered as stands."""
    use_store(settings, tmp_path)
    accept_everything(tmp_path, monkeypatch)
    weights = tmp_path / "MedSAM2_US_Heart.pt"
    weights.write_bytes(b"weights")
    model, created = add_model(family="medsam2", path=weights)
    assert (model.name, created) == ("medsam2-us-heart", True)
    with pytest.raises(IllegalTransition, match=r"as model 1 of the family medsam2\."):
        add_model(family="sam2.1-tiny", path=weights)


def test_the_list_shows_models_and_what_could_be_added(tmp_path: Path, settings: Settings) -> None:
    """Number, name, family, size, licence, state, campaigns; for programs as JSON."""
    use_store(settings, tmp_path)
    one, two = make_campaign("one"), make_campaign("two")
    base = make_model(one, "base")
    other = make_model(two, "other")
    lost = make_model(None, "lost")
    ModelVersion.objects.filter(pk=lost.pk).update(name="sam3", family="sam3", licence="SAM License")
    blobs.local_path(lost.checkpoint).unlink()
    listed: dict[str, Any] = json.loads(run("list", "--json"))
    assert [row["number"] for row in listed["models"]] == [0, 1, 2]
    assert [row["campaigns"] for row in listed["models"]] == [["one"], ["two"], []]
    sizes = [len(blobs.get_bytes(model.checkpoint)) for model in (base, other)]
    assert [row["size"] for row in listed["models"]] == [*sizes, None]
    names = {row["name"]: row for row in listed["not_added"]}
    assert "sam3" not in names
    assert names["medsam2-latest"]["source"] == "wanglab/MedSAM2/MedSAM2_latest.pt"
    lines = run("list").splitlines()
    assert lines[0].split() == ["name", "family", "size", "licence", "state", "used", "by"]
    assert lines[1].split() == ["#0", "Model", "base", "bundled", "0.0", "MB", "-", "promoted", "one"]
    assert "missing" in lines[3]
    assert len({line.index("bundled") for line in lines[1:3]}) == 1
    assert any(line.startswith("medsam2-us-heart ") for line in lines)


def test_a_name_of_several_models_asks_for_the_number(tmp_path: Path, settings: Settings) -> None:
    """And a model whose blob is lost is told to be missing."""
    use_store(settings, tmp_path)
    for tag in ("a", "b"):
        blobs.local_path(make_model(None, tag).checkpoint).unlink()
    ModelVersion.objects.update(name="Twin")
    with pytest.raises(CommandError, match="give one of the numbers 0, 1"):
        run("check", "Twin")
    with pytest.raises(CommandError, match="There is no such blob"):
        run("check", "1")
