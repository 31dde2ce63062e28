"""A reader that speaks to CineLoop over HTTP alone, as a script of somebody else's would."""

from __future__ import annotations

import base64
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from workers.protocol.rle import decode_mask, encode_mask

JOB_SECONDS = 180
TRAINING_SECONDS = 600


class Reader:
    """A signed-in user of the API."""

    def __init__(self, url: str, username: str, password: str = "cineloop-demo") -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", timeout=60)
        weakref.finalize(self, self.http.close)
        token = self.http.post("/auth/token/", json={"username": username, "password": password})
        assert token.status_code == 200, token.text
        self.http.headers["Authorization"] = f"Token {token.json()['token']}"

    def get(self, path: str, expect: int = 200, **params: Any) -> Any:
        """GET a path and return its JSON; fail on any other status than the expected one."""
        response = self.http.get(path, params=params)
        assert response.status_code == expect, f"GET {path}: {response.status_code} {response.text[:500]}"
        return response.json()

    def post(self, path: str, body: Any = None, expect: int | tuple[int, ...] = (200, 201, 202)) -> Any:
        """POST JSON to a path and return the answer's JSON; fail on an unexpected status."""
        response = self.http.post(path, json=body if body is not None else {})
        expected = (expect,) if isinstance(expect, int) else expect
        assert response.status_code in expected, f"POST {path}: {response.status_code} {response.text[:500]}"
        return response.json() if response.content else None

    def refused(self, path: str, body: Any, status: int) -> str:
        """POST something bad and return the machine-readable code of the refusal, checking its shape."""
        error = self.post(path, body, expect=status)["error"]
        assert isinstance(error["message"], str)
        assert error["message"].strip().endswith((".", "!", "?")), error
        return str(error["code"])

    def import_files(self, campaign: str, files: dict[str, bytes]) -> Any:
        """Upload files to a campaign and return the finished import batch."""
        parts = [("files", (name, data, "application/dicom")) for name, data in files.items()]
        response = self.http.post("/imports/", data={"campaign": campaign}, files=parts)
        assert response.status_code == 201, response.text[:500]
        batch = response.json()
        return self.wait_for(
            lambda: self.get(f"/imports/{batch['id']}/"),
            lambda found: found["status"] != "RUNNING",
            seconds=JOB_SECONDS,
        )

    def append(self, reading: dict[str, Any], kind: str, payload: dict[str, Any]) -> Any:
        """Append an event to a reading at its newest revision and return the answer."""
        answer = self.post(
            f"/readings/{reading['id']}/events/",
            {
                "client_uuid": str(uuid.uuid4()),
                "base_revision": reading["revision"],
                "kind": kind,
                "payload": payload,
            },
        )
        reading["revision"] = answer["revision"]
        return answer

    def run_job(self, reading: dict[str, Any], kind: str, payload: dict[str, Any]) -> Any:
        """Append an event that starts a job and wait until the job has ended well."""
        job_id = self.append(reading, kind, payload)["job"]["id"]

        def job() -> Any:
            jobs = self.get(f"/readings/{reading['id']}/jobs/")
            rows = jobs["results"] if isinstance(jobs, dict) else jobs
            return next(row for row in rows if row["id"] == job_id)

        ended = self.wait_for(job, lambda row: row["status"] in ("DONE", "FAILED", "CANCELLED"), seconds=JOB_SECONDS)
        assert ended["status"] == "DONE", ended
        return ended

    def masks(self, reading: dict[str, Any], label: str) -> dict[int, tuple[NDArray[np.bool_], str]]:
        """Return the current masks of a label: frame index -> (mask of shape (rows, columns), provenance)."""
        rows = self.get(f"/readings/{reading['id']}/masks/")["masks"]
        return {
            row["frame_index"]: (decode_mask(base64.b64decode(row["mask"])), row["provenance"])
            for row in rows
            if row["label"] == label
        }

    def edit(self, reading: dict[str, Any], label: str, frame_index: int, mask: NDArray[np.bool_]) -> Any:
        """Replace the mask of a frame, as the brush does."""
        data = base64.b64encode(encode_mask(mask)).decode()
        payload = {"frame_index": frame_index, "label": label, "mask": data, "tool": "brush"}
        return self.append(reading, "edit", payload)

    @staticmethod
    def wait_for(ask: Callable[[], Any], done: Callable[[Any], bool], *, seconds: float) -> Any:
        """Ask until the answer is as wanted; fail with the last answer when the time is over."""
        deadline = time.monotonic() + seconds
        answer = ask()
        while not done(answer):
            assert time.monotonic() < deadline, f"still {answer} after {seconds} s"
            time.sleep(0.2)
            answer = ask()
        return answer


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks; 1 when both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0
