"""Bring the bundled checkpoint into the registry."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from annotator.campaigns.models import Campaign
from annotator.core import audit, blobs
from annotator.core.errors import NotFound
from annotator.registry.models import ModelStatus, ModelVersion, PromotionReason

from .checkpoint_header import read_header_of
from .promote import promote_model


def bundled_checkpoint() -> Path:
    """Return where the bundled checkpoint lies."""
    return Path(settings.BASE_DIR) / "fixtures" / "checkpoints" / "bundled.safetensors"


def next_model_number() -> int:
    """Return the number of the next model; the bundled one has number 0."""
    last = ModelVersion.objects.aggregate(last=Max("number"))["last"]
    return 0 if last is None else last + 1


def register_bundled_model(*, path: Path | None = None) -> ModelVersion:
    """Put the bundled checkpoint into the blob store and promote it wherever a campaign has no model.

    Running it again changes nothing. A checkpoint that came with a newer CineLoop becomes one more model; campaigns
    keep theirs until a manager promotes it.

    Parameters
    ----------
    path : Path, optional
        Another checkpoint file than the bundled one.

    Returns
    -------
    ModelVersion

    Raises
    ------
    NotFound
        `checkpoint_missing`: there is no such file.
    Unprocessable
        `checkpoint_unreadable`: the file is not a checkpoint.
    """
    path = path or bundled_checkpoint()
    try:
        header = read_header_of(path)
    except OSError as error:
        raise NotFound(f"There is no checkpoint at {path.name}.", code="checkpoint_missing") from error
    digest = blobs.put_file(path)
    is_first = not ModelVersion.objects.filter(number=0).exists()
    with transaction.atomic():
        model, created = ModelVersion.objects.get_or_create(
            checkpoint=digest,
            defaults={
                "number": 0 if is_first else next_model_number(),
                "name": "Bundled model",
                "family": header.family,
                "preprocess_id": header.preprocess_id,
                "code_version": str(header.training.get("code_version", "")) or settings.VERSION,
                "licence": header.licence,
                # What it scores was measured when it was made: its model card lies beside it.
                "status": ModelStatus.EVALUATED,
            },
        )
        if created:
            audit.record(
                actor=None,
                action="registry.model_registered",
                target=model,
                data={"checkpoint": digest, "number": model.number},
            )
        for campaign in Campaign.objects.filter(current_model_id__isnull=True).order_by("slug"):
            promote_model(campaign=campaign, model=model, actor=None, reason=PromotionReason.RULE)
            model.refresh_from_db()
    return model
