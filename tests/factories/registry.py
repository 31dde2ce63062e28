"""Checkpoints, models, runs and updates for the tests of the registry."""

from __future__ import annotations

import json
from typing import Any

from annotator.campaigns.models import Campaign
from annotator.core import blobs
from annotator.datasets.services import freeze_dataset_version
from annotator.registry.models import ModelStatus, ModelVersion, PromotionReason, TrainingRun
from annotator.registry.services import promote_model, record_training_update, start_training_run
from annotator.registry.services.register import next_model_number
from workers.protocol.messages import TrainingUpdate


def checkpoint_bytes(tag: str = "weights", **metadata: str) -> bytes:
    """Return a small file with the header of a checkpoint; another tag gives other bytes."""
    described = {
        "format": "cineloop-checkpoint-1",
        "family": "bundled",
        "preprocess_id": "gray-square-v2",
        "licence": "Apache-2.0",
        "training": json.dumps({"tag": tag}),
        **metadata,
    }
    tensor = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": described, "t": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + b"\1\2\3\4"


def store_checkpoint(tag: str = "weights", **metadata: str) -> str:
    """Put a checkpoint into the blob store and return its digest."""
    return blobs.put_bytes(checkpoint_bytes(tag, **metadata))


def make_model(campaign: Campaign | None = None, tag: str = "base", **described: str) -> ModelVersion:
    """Return an evaluated model without a run, bundled if nothing else is said; promote it in a campaign if given."""
    model = ModelVersion.objects.create(
        number=next_model_number(),
        name=f"Model {tag}",
        checkpoint=store_checkpoint(tag),
        code_version="test",
        status=ModelStatus.EVALUATED,
        **{"family": "bundled", "preprocess_id": "gray-square-v2", **described},
    )
    if campaign is not None:
        promote_model(campaign=campaign, model=model, actor=None, reason=PromotionReason.RULE)
        campaign.refresh_from_db()
        model.refresh_from_db()
    return model


def queued_run(campaign: Campaign, **options: Any) -> TrainingRun:
    """Return a queued run on a fresh version of a campaign that has accepted readings."""
    if campaign.current_model_id is None:
        make_model(campaign, f"base of {campaign.slug}")
    version = options.pop("dataset_version", None) or freeze_dataset_version(campaign=campaign, actor=None)
    return start_training_run(campaign=campaign, actor=None, dataset_version=version, **options)


def tell(run: TrainingRun, event: str, **data: Any) -> TrainingRun:
    """Record an update of a run and return the run as the database has it."""
    record_training_update(update=TrainingUpdate(run_id=str(run.pk), event=event, data=data))
    run.refresh_from_db()
    return run


def figures(iou: float, *, split: str | None = "test", cine: str = "c-1") -> dict[str, Any]:
    """Return the figures of one model as the trainer reports them."""
    return {
        **({"split": split} if split else {}),
        "iou": iou,
        "dice": 2 * iou / (1 + iou),
        "iou_low": max(0.0, iou - 0.1),
        "iou_high": min(1.0, iou + 0.1),
        "cines": [{"cine": cine, "iou": iou, "dice": 2 * iou / (1 + iou)}],
    }


def finish(run: TrainingRun, *, tag: str = "trained", before: float = 0.4, after: float = 0.6) -> TrainingRun:
    """End a run well: the new model scores `after`, the one it came from `before` on the test part."""
    checkpoint = store_checkpoint(tag)
    return tell(
        run,
        "done",
        checkpoint=checkpoint,
        evaluations={checkpoint: figures(after), run.base.checkpoint: figures(before)},
        metrics={"steps": 3},
    )
