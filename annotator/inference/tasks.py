"""The tasks that workers send to the web tier by name, on the queue `results`."""

from __future__ import annotations

from typing import Any

from annotator.core.tasks import service_task
from annotator.inference import services
from annotator.inference.retry import retrying
from workers.protocol.messages import Heartbeat, JobDone, JobFailed, MaskResult


@service_task("inference.record_mask")
@retrying
def record_mask(payload: dict[str, Any]) -> None:
    """Record a mask that a worker computed."""
    services.record_mask_result(result=MaskResult.from_dict(payload))


@service_task("inference.record_done")
@retrying
def record_done(payload: dict[str, Any]) -> None:
    """Record that a worker has answered everything."""
    services.record_done(result=JobDone.from_dict(payload))


@service_task("inference.record_failed")
@retrying
def record_failed(payload: dict[str, Any]) -> None:
    """Record that a worker could not do a job."""
    services.record_failed(result=JobFailed.from_dict(payload))


@service_task("inference.record_heartbeat")
@retrying
def record_heartbeat(payload: dict[str, Any]) -> None:
    """Record that a worker is alive."""
    services.record_heartbeat(heartbeat=Heartbeat.from_dict(payload))
