"""What several of these tests need: a worker that falls silent, the job of an answer, the state of everything."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from django.utils import timezone

from annotator.inference.models import InferenceJob, WorkerNode
from annotator.inference.selectors import HEARTBEAT_TIMEOUT
from annotator.readings.models import Mask, Reading
from annotator.readings.selectors import current_masks
from annotator.readings.services import AppendResult
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import ARTERY, Tab, drawing, propagation
from workers.protocol.rle import encode_mask

JUST_DEAD = HEARTBEAT_TIMEOUT + timedelta(seconds=1)


def silence(*workers: FakeWorker) -> None:
    """Let workers look as if they had not been heard of for too long."""
    nodes = WorkerNode.objects.filter(name__in=[worker.name for worker in workers])
    assert nodes.update(last_seen=timezone.now() - JUST_DEAD) == len(workers)


def job_of(result: AppendResult) -> InferenceJob:
    """Return the job of an answer as it stands now."""
    assert result.job is not None
    return InferenceJob.objects.select_related("worker").get(pk=result.job.id)


def standing_of(result: AppendResult) -> tuple[str, int, int, str]:
    """Return (status, done, total, error code) of the job of an answer as it stands now."""
    job = job_of(result)
    return job.status, job.done, job.total, job.error_code


def asked(broker: MemoryBroker) -> Any:
    """Return the newest request for masks that was sent."""
    return broker.named("gpu.predict", "gpu.propagate")[-1]


def spread(reading: Reading, broker: MemoryBroker, **payload: Any) -> tuple[Tab, AppendResult, Any]:
    """Draw on the first frame, propagate from it, and return the tab, the answer and the request."""
    tab = Tab(reading)
    tab.send("edit", drawing())
    result = tab.send("propagate", propagation(**payload))
    return tab, result, asked(broker)


def text_of(mask: Any) -> str:
    """Return a mask as a worker sends it."""
    return base64.b64encode(encode_mask(mask)).decode()


def frames_of(reading: Reading, label: str = ARTERY) -> dict[int, str]:
    """Return {frame index: provenance} of the current masks of a label."""
    return {mask.frame_index: mask.provenance for mask in current_masks(reading) if mask.label == label}


def snapshot(reading: Reading) -> dict[str, list[Any]]:
    """Return all that answers can change of a reading."""
    jobs = InferenceJob.objects.filter(reading=reading).order_by("run_no")
    return {
        "jobs": [_without_clock(row) for row in jobs.values()],
        "masks": list(Mask.objects.filter(segmentation__reading=reading).order_by("pk").values()),
        "readings": [_without_clock(row) for row in Reading.objects.filter(pk=reading.pk).values()],
    }


def _without_clock(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "updated_at"}
