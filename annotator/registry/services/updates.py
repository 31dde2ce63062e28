"""Record what the training worker tells. Updates may come twice, late, or after the run has ended."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotator.core.errors import DomainError
from annotator.core.tasks import send_on_commit
from annotator.core.transitions import transition
from annotator.registry.models import RunStatus, TrainingRun
from workers.protocol.messages import TrainingUpdate

from .announce import announce_run
from .outcome import Outcome, read_outcome, record_outcome
from .runs import send_cancel

logger = logging.getLogger(__name__)

LONGEST_CURVE = 1000
CurvePoint = tuple[int, float, float | None]


def record_training_update(*, update: TrainingUpdate) -> TrainingRun | None:
    """Take in one update of a training run.

    Parameters
    ----------
    update : TrainingUpdate
        `started`, `progress`, `done`, `error` or `cancelled`.

    Returns
    -------
    TrainingRun or None
        As it stands afterwards; None for a run that this database does not know.

    Notes
    -----
    Idempotent, and deaf to what comes too late: progress that goes back in steps adds its point to the curve and
    changes nothing else; whatever reaches a run that has ended is dropped, and the worker is told to stop.
    """
    try:
        run_id = UUID(update.run_id)
    except ValueError:
        logger.warning("training update for %r, which is not an id", update.run_id)
        return None
    outcome, refusal = None, None
    if update.event == "done":
        # Reading the checkpoint is storage work: it is done before any row is locked.
        try:
            outcome = read_outcome(update.data)
        except DomainError as error:
            refusal = error
    with transaction.atomic():
        run = TrainingRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None:
            logger.warning("training update for run %s, which does not exist", run_id)
            return None
        if not run.is_live:
            if update.event in ("started", "progress"):
                send_cancel(run)
            return run
        run = _apply(run, update, outcome, refusal)
        announce_run(run)
    return run


def _apply(
    run: TrainingRun, update: TrainingUpdate, outcome: Outcome | None, refusal: DomainError | None
) -> TrainingRun:
    """Change a locked, live run by one update."""
    run.last_update_at = timezone.now()
    if run.status == RunStatus.QUEUED and update.event in ("started", "progress", "done"):
        run = transition(run, RunStatus.RUNNING, reason="the training worker has begun")
        run.started_at = run.last_update_at = timezone.now()
    match update.event:
        case "started":
            run.save(update_fields=["started_at", "last_update_at", "updated_at"])
        case "progress":
            _add_progress(run, update.data)
        case "done" if outcome is not None:
            run = record_outcome(run=run, outcome=outcome)
            _ask_policy(run)
        case "done":
            assert refusal is not None
            run = fail_run(run=run, code=refusal.code, message=str(refusal))
        case "error":
            code = str(update.data.get("code") or "training_failed")[:64]
            message = str(update.data.get("message") or "The training failed without saying why.")
            run = fail_run(run=run, code=code, message=message[:2000])
        case "cancelled":
            run = transition(run, RunStatus.CANCELLED, reason="the training worker stopped it")
            run.finished_at = timezone.now()
            run.save(update_fields=["finished_at", "last_update_at", "updated_at"])
    return run


def fail_run(*, run: TrainingRun, code: str, message: str) -> TrainingRun:
    """End a locked, live run with a code and a sentence."""
    run.error_code, run.error_message, run.finished_at = code, message, timezone.now()
    run.save(update_fields=["error_code", "error_message", "finished_at", "last_update_at", "updated_at"])
    return transition(run, RunStatus.FAILED, reason=message)


def _ask_policy(run: TrainingRun) -> None:
    """Work accepted while this training ran may be enough for the next one."""
    send_on_commit("registry.evaluate_policy", {"campaign": run.campaign.slug}, queue="default")


def _add_progress(run: TrainingRun, data: Mapping[str, Any]) -> None:
    """Add a progress report to the curve, and to `progress` unless a later one is known."""
    step, loss = _whole(data.get("step")), _number(data.get("loss"))
    if step is None:
        logger.warning("training progress of run %s names no step", run.pk)
    elif step >= (run.progress.get("step") or 0):
        run.progress = {
            "step": step,
            "total_steps": _whole(data.get("total_steps")) or run.progress.get("total_steps"),
            "loss": loss if loss is not None else run.progress.get("loss"),
            "elapsed_s": _number(data.get("elapsed_s")) or run.progress.get("elapsed_s") or 0.0,
        }
    if step is not None and loss is not None:
        points = {point[0]: tuple(point) for point in run.curve}
        points.setdefault(step, (step, loss, _number(data.get("val_iou"))))
        run.curve = _thin([points[known] for known in sorted(points)])
    run.save(update_fields=["progress", "curve", "started_at", "last_update_at", "updated_at"])


def _thin(curve: list[CurvePoint]) -> list[CurvePoint]:
    """Return at most `LONGEST_CURVE` points: every second one while there are more, always with the last."""
    while len(curve) > LONGEST_CURVE:
        curve = [*curve[:-1:2], curve[-1]]
    return curve


def _number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None
