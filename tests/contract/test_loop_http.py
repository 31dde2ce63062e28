"""The whole loop through the HTTP API alone, on embedded settings and on PostgreSQL + Redis with separate workers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests import machine
from tests.contract.client import TRAINING_SECONDS, Reader, iou
from tests.contract.stack import Stack, embedded_stack, production_stack

CAMPAIGN = "coronary-demo"
LABEL = "coronary_artery"
SIZE = 256
FRAMES = 12


@pytest.fixture(scope="module", params=["embedded", "production"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running CineLoop of each kind."""
    data_dir: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "production":
        lack = machine.missing_services()
        if lack:
            pytest.skip(lack)
    start = embedded_stack if request.param == "embedded" else production_stack
    with start(data_dir) as running:
        yield running


def test_the_loop_from_import_to_promotion(stack: Stack) -> None:
    """Import, prompt, propagate, correct, submit, freeze, train, promote, read with the new model, roll back."""
    manager, reader = Reader(stack.url, "admin"), Reader(stack.url, "reader1")
    truth = generate_cine("xa", seed=4711, frames=FRAMES, size=SIZE)
    vessels = truth.labels["coronary_artery"]

    # Import: a correct file, a broken neighbour, and the same file again.
    data = write_cine_dicom(truth, patient_id="CONTRACT-1")
    batch = manager.import_files(CAMPAIGN, {"run.dcm": data, "notes.dcm": b"not a DICOM file at all"})
    outcomes = {item["name"]: item for item in batch["items"]}
    assert outcomes["run.dcm"]["outcome"] == "imported"
    assert outcomes["notes.dcm"]["outcome"] == "refused"
    assert "notes.dcm" in outcomes["notes.dcm"]["message"]
    again = manager.import_files(CAMPAIGN, {"run.dcm": data})
    assert again["items"][0]["outcome"] == "duplicate"
    cine = manager.get(f"/cines/{outcomes['run.dcm']['cine_ids'][0]}/")
    assert (cine["frame_count"], cine["rows"], cine["columns"]) == (FRAMES, SIZE, SIZE)

    # Frames: exact pixels by number, and a clear refusal past the end.
    frame = reader.http.get(f"/cines/{cine['id']}/frames/1/")
    assert frame.status_code == 200
    assert len(frame.content) == SIZE * SIZE
    assert reader.get(f"/cines/{cine['id']}/frames/{FRAMES + 1}/", expect=404)["error"]["code"]

    # Read: one click in the middle of the opacified tree.
    reading = reader.post("/readings/", {"cine": cine["id"], "campaign": CAMPAIGN})
    first_model = reading["checkpoint"]
    middle = int(np.argmax(vessels.reshape(FRAMES, -1).sum(1)))
    point = thickest_point(vessels[middle])
    click = {"points": [{"x": point[0], "y": point[1], "positive": True}], "box": None}
    reader.run_job(reading, "prompt", {"frame_index": middle, "label": LABEL, **click})
    clicked, provenance = reader.masks(reading, LABEL)[middle]
    assert provenance == "MODEL"
    assert clicked[int(point[1]), int(point[0])], "the clicked pixel belongs to the mask"

    # Propagate both ways: every frame of the range has a mask.
    whole = {"labels": [LABEL], "frame_index": middle, "start": 0, "stop": FRAMES - 1, "direction": "both"}
    reader.run_job(reading, "propagate", whole)
    before = reader.masks(reading, LABEL)
    assert sorted(before) == list(range(FRAMES))

    # Correct one frame by brush and propagate again: the correction stands, its neighbours move towards the truth.
    corrected = min(middle + 2, FRAMES - 1)
    reader.edit(reading, LABEL, corrected, vessels[corrected])
    reader.run_job(reading, "propagate", {**whole, "frame_index": corrected})
    after = reader.masks(reading, LABEL)
    assert after[corrected][1] == "HUMAN"
    assert iou(after[corrected][0], vessels[corrected]) == 1.0
    neighbours = [index for index in (corrected - 1, corrected + 1) if 0 <= index < FRAMES and index != middle]
    gain = [iou(after[i][0], vessels[i]) - iou(before[i][0], vessels[i]) for i in neighbours]
    assert np.mean(gain) > 0, "a corrected frame improves its neighbours"

    # Undo brings back what stood before, redo the correction.
    undone = reader.append(reading, "undo", {"target": last_event(reader, reading, "propagate")})
    assert undone["revision"] == reading["revision"]
    assert iou(reader.masks(reading, LABEL)[neighbours[0]][0], before[neighbours[0]][0]) == 1.0
    reader.append(reading, "redo", {"target": last_event(reader, reading, "propagate")})
    assert iou(reader.masks(reading, LABEL)[neighbours[0]][0], after[neighbours[0]][0]) == 1.0

    # Submit; nothing changes afterwards.
    submitted = reader.post(f"/readings/{reading['id']}/submit/", {"base_revision": reading["revision"]})
    assert submitted["status"] == "SUBMITTED"

    # Freeze, train, evaluate.
    version = manager.post("/datasets/", {"campaign": CAMPAIGN, "reason": "contract test"})
    version = manager.wait_for(
        lambda: manager.get(f"/datasets/{version['id']}/"),
        lambda row: row["status"] != "BUILDING",
        seconds=60,
    )
    assert version["status"] == "FROZEN"
    assert version["manifest_digest"]
    run = manager.post("/training-runs/", {"campaign": CAMPAIGN, "dataset_version": version["id"]})
    run = manager.wait_for(
        lambda: manager.get(f"/training-runs/{run['id']}/"),
        lambda row: row["status"] in ("SUCCEEDED", "FAILED", "CANCELLED"),
        seconds=TRAINING_SECONDS,
    )
    assert run["status"] == "SUCCEEDED", run
    assert len(run["curve"]) > 1, "the loss curve has points"
    models = manager.get("/models/", campaign=CAMPAIGN)["results"]
    candidate = next(model for model in models if model["training_run"] == run["id"])
    evaluated = {row["model"] for row in manager.get("/evaluations/", campaign=CAMPAIGN)["results"]}
    assert candidate["id"] in evaluated
    assert len(evaluated) >= 2, "the new model stands beside the current one"

    # Promote: the next reading starts from the new model, the old one keeps its own; then roll back.
    manager.post(f"/models/{candidate['id']}/promote/", {"campaign": CAMPAIGN})
    opened = {row["cine"] for row in reader.get("/readings/", campaign=CAMPAIGN, page_size=200)["results"]}
    other = next(
        row for row in reader.get("/cines/", campaign=CAMPAIGN, page_size=200)["results"] if row["id"] not in opened
    )
    following = reader.post("/readings/", {"cine": other["id"], "campaign": CAMPAIGN})
    assert following["checkpoint"] == candidate["checkpoint"] != first_model
    assert reader.get(f"/readings/{reading['id']}/")["checkpoint"] == first_model
    click = {"points": [{"x": SIZE / 2, "y": SIZE / 2, "positive": True}], "box": None}
    reader.run_job(following, "prompt", {"frame_index": 0, "label": LABEL, **click})
    manager.post(f"/campaigns/{CAMPAIGN}/rollback/")
    assert manager.get(f"/campaigns/{CAMPAIGN}/")["current_checkpoint"] == first_model

    # Lineage: the model names its run, its version and its parent.
    lineage = manager.get(f"/models/{candidate['id']}/")["lineage"]
    assert lineage["dataset_version"]["manifest_digest"] == version["manifest_digest"]


def test_bad_input_is_refused_with_a_code_and_a_sentence(stack: Stack) -> None:
    """Every bad input named by the product's promise is a 4xx with a code; the reading stays as it was."""
    reader, manager = Reader(stack.url, "reader1"), Reader(stack.url, "admin")
    data = write_cine_dicom(generate_cine("xa", seed=99, frames=3, size=64), patient_id="CONTRACT-2")
    item = manager.import_files(CAMPAIGN, {"small.dcm": data})["items"][0]
    reading = reader.post("/readings/", {"cine": item["cine_ids"][0], "campaign": CAMPAIGN})
    events = f"/readings/{reading['id']}/events/"

    def event(kind: str, payload: dict[str, object], revision: int | None = None) -> dict[str, object]:
        base = reading["revision"] if revision is None else revision
        return {"client_uuid": str(uuid.uuid4()), "base_revision": base, "kind": kind, "payload": payload}

    def click(x: float, frame: int = 0, label: str = LABEL) -> dict[str, object]:
        points = [{"x": x, "y": 5.0, "positive": True}]
        return {"frame_index": frame, "label": label, "points": points, "box": None}

    assert reader.refused(events, event("prompt", click(900.0)), 400) == "prompt_outside_image"
    assert reader.refused(events, event("prompt", click(5.0, frame=3)), 400) == "frame_out_of_range"
    assert reader.refused(events, event("prompt", click(5.0, label="spleen")), 400) == "unknown_label"
    assert reader.refused(events, event("paint", {}), 400)
    assert reader.get(f"/readings/{reading['id']}/")["revision"] == reading["revision"]
    reader.edit(reading, LABEL, 0, np.ones((64, 64), bool))
    assert reader.refused(events, event("accept", {"frame_indices": [0], "accepted": True}, 0), 409) == "stale_revision"
    stranger = Reader(stack.url, "reader2")
    assert stranger.get(f"/readings/{reading['id']}/", expect=404)["error"]["code"]
    too_many = {"client_uuid": str(uuid.uuid4()), "base_revision": "x", "kind": 7, "payload": []}
    assert reader.refused(events, too_many, 400)
    response = reader.http.get("/cines/not-a-uuid/")
    assert response.status_code == 404
    assert response.json()["error"]["code"]


def thickest_point(mask: np.ndarray) -> tuple[float, float]:
    """Return (x, y), at a pixel centre, of the pixel of a mask that is farthest from its border."""
    from scipy.ndimage import distance_transform_edt

    row, column = np.unravel_index(int(np.argmax(distance_transform_edt(mask))), mask.shape)
    return float(column) + 0.5, float(row) + 0.5


def last_event(reader: Reader, reading: dict[str, object], kind: str) -> str:
    """Return the id of the newest event of a kind."""
    rows = reader.get(f"/readings/{reading['id']}/events/", since=0)
    events = rows["results"] if isinstance(rows, dict) else rows
    return str([row["id"] for row in events if row["kind"] == kind][-1])
