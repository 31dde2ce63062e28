"""Workers, leases and jobs: who computes what for whom."""

from .job import ACTIVE, InferenceJob, JobKind, JobStatus
from .worker import Lease, WorkerKind, WorkerNode

__all__ = ["ACTIVE", "InferenceJob", "JobKind", "JobStatus", "Lease", "WorkerKind", "WorkerNode"]
