"""The bundled checkpoint in the registry."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotator.core import blobs
from annotator.core.errors import NotFound, Unprocessable
from annotator.registry.models import ModelStatus, ModelVersion, Promotion
from annotator.registry.services import register as module
from annotator.registry.services import register_bundled_model
from tests.factories.datasets import make_campaign
from tests.factories.registry import checkpoint_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Return a checkpoint file."""
    path = tmp_path / "bundled.safetensors"
    path.write_bytes(checkpoint_bytes("bundled"))
    return path


def test_it_is_model_0_and_the_first_of_every_campaign(checkpoint: Path) -> None:
    """Header, bytes and promotion; running it again changes nothing."""
    campaigns = [make_campaign("one"), make_campaign("two")]
    model = register_bundled_model(path=checkpoint)
    assert (model.number, model.family, model.status) == (0, "bundled", ModelStatus.PROMOTED)
    assert blobs.get_bytes(model.checkpoint) == checkpoint.read_bytes()
    for campaign in campaigns:
        campaign.refresh_from_db()
        assert (campaign.current_model_id, campaign.current_checkpoint) == (model.pk, model.checkpoint)
    assert register_bundled_model(path=checkpoint) == model
    assert (ModelVersion.objects.count(), Promotion.objects.count()) == (1, 2)


def test_a_campaign_made_later_gets_it_too(checkpoint: Path) -> None:
    """The command runs at every start."""
    model = register_bundled_model(path=checkpoint)
    assert model.status == ModelStatus.EVALUATED
    campaign = make_campaign()
    register_bundled_model(path=checkpoint)
    campaign.refresh_from_db()
    assert campaign.current_model_id == model.pk


def test_a_newer_bundled_checkpoint_is_one_more_model(checkpoint: Path, tmp_path: Path) -> None:
    """An update of CineLoop takes no campaign's model away."""
    campaign = make_campaign()
    old = register_bundled_model(path=checkpoint)
    newer = tmp_path / "newer.safetensors"
    newer.write_bytes(checkpoint_bytes("newer"))
    model = register_bundled_model(path=newer)
    campaign.refresh_from_db()
    assert (model.number, model.status) == (1, ModelStatus.EVALUATED)
    assert campaign.current_model_id == old.pk


def test_a_lost_blob_is_stored_again(checkpoint: Path) -> None:
    """The registry can be repaired by running the command."""
    model = register_bundled_model(path=checkpoint)
    blobs.local_path(model.checkpoint).unlink()
    register_bundled_model(path=checkpoint)
    assert blobs.exists(model.checkpoint)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """No file, and a file of something else."""
    with pytest.raises(NotFound):
        register_bundled_model(path=tmp_path / "absent.safetensors")
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    with pytest.raises(Unprocessable):
        register_bundled_model(path=junk)
    assert not ModelVersion.objects.exists()


def test_the_command_says_what_stands(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ensure_models` prints one line; without the checkpoint it fails with a sentence."""
    monkeypatch.setattr(module, "bundled_checkpoint", lambda: checkpoint)
    out = io.StringIO()
    call_command("ensure_models", stdout=out)
    assert out.getvalue() == "Model 0 (Bundled model) is registered.\n"
    monkeypatch.setattr(module, "bundled_checkpoint", lambda: checkpoint.with_name("absent.safetensors"))
    with pytest.raises(CommandError, match=r"no checkpoint at absent\.safetensors"):
        call_command("ensure_models", stdout=out)
