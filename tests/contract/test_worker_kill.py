"""A GPU worker is killed in the middle of a propagation; another one gives the reader the same masks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests import machine
from tests.contract.client import JOB_SECONDS, Reader
from tests.contract.stack import Stack, production_stack
from tests.contract.test_loop_http import last_event

CAMPAIGN, LABEL = "coronary-demo", "coronary_artery"
FRAMES, SIZE, MIDDLE = 40, 256, 20
WORKERS = ("gpu-a", "gpu-b")
PAUSE_SECONDS = 60


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running production CineLoop with two GPU workers."""
    lack = machine.missing_services()
    if lack:
        pytest.skip(lack)
    with production_stack(tmp_path_factory.mktemp("kill"), gpu_workers=WORKERS) as running:
        yield running


def live_workers(stack: Stack) -> set[str]:
    """Return the names of the GPU workers heard of in the last five seconds."""
    query = "SELECT name FROM inference_workernode WHERE kind = 'gpu' AND last_seen > now() - interval '5 seconds'"
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        return {str(row[0]) for row in connection.execute(query)}


def holder(cine: dict[str, Any]) -> str:
    """Return the worker to which the rendezvous hash gives a cine (`annotator.inference.services.leases`)."""
    return max(WORKERS, key=lambda name: hashlib.sha256(f"{name}\0{cine['pixels_digest']}".encode()).digest())


def test_a_killed_worker_costs_a_pause_and_no_mask(stack: Stack) -> None:
    """Propagate undisturbed, undo, propagate again and kill the worker half-way: the masks are the same."""
    manager, reader = Reader(stack.url, "admin"), Reader(stack.url, "reader1")
    truth = generate_cine("xa", seed=815, frames=FRAMES, size=SIZE)
    batch = manager.import_files(CAMPAIGN, {"run.dcm": write_cine_dicom(truth, patient_id="KILL-1")})
    cine = manager.get(f"/cines/{batch['items'][0]['cine_ids'][0]}/")
    reading = reader.post("/readings/", {"cine": cine["id"], "campaign": CAMPAIGN})
    reader.edit(reading, LABEL, MIDDLE, truth.labels[LABEL][MIDDLE])
    whole = {"labels": [LABEL], "frame_index": MIDDLE, "start": 0, "stop": FRAMES - 1, "direction": "both"}

    reader.wait_for(lambda: live_workers(stack), lambda names: names >= set(WORKERS), seconds=PAUSE_SECONDS)
    reader.run_job(reading, "propagate", whole)
    undisturbed = reader.masks(reading, LABEL)
    assert len(undisturbed) == FRAMES
    reader.append(reading, "undo", {"target": last_event(reader, reading, "propagate")})
    assert list(reader.masks(reading, LABEL)) == [MIDDLE]

    job_id = reader.append(reading, "propagate", whole)["job"]["id"]

    def job() -> dict[str, Any]:
        jobs = reader.get(f"/readings/{reading['id']}/jobs/")
        rows = jobs["results"] if isinstance(jobs, dict) else jobs
        return next(row for row in rows if row["id"] == job_id)

    half = reader.wait_for(job, lambda row: row["done"] >= 5, seconds=JOB_SECONDS)
    assert half["status"] == "RUNNING", "the worker was too fast to be killed half-way"
    victim = stack.processes[holder(cine)]
    victim.kill()
    victim.wait()
    ended = reader.wait_for(job, lambda row: row["status"] in ("DONE", "FAILED", "CANCELLED"), seconds=JOB_SECONDS)
    assert ended["status"] == "DONE", ended
    found = reader.masks(reading, LABEL)
    assert found.keys() == undisturbed.keys()
    for frame, (mask, provenance) in undisturbed.items():
        assert found[frame][1] == provenance
        assert np.array_equal(found[frame][0], mask), f"frame {frame + 1} differs after the kill"
