"""Jobs, leases, results and heartbeats."""

from .briefs import brief_job, job_json
from .heartbeats import record_heartbeat
from .jobs import (
    cancel_job,
    dispatch_job,
    redispatch_job,
    request_prediction,
    request_propagation,
    warm_cine,
)
from .leases import resolve_lease
from .results import finish_ended_jobs, record_done, record_failed, record_mask_result

__all__ = [
    "brief_job",
    "cancel_job",
    "dispatch_job",
    "finish_ended_jobs",
    "job_json",
    "record_done",
    "record_failed",
    "record_heartbeat",
    "record_mask_result",
    "redispatch_job",
    "request_prediction",
    "request_propagation",
    "resolve_lease",
    "warm_cine",
]
