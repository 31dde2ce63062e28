"""Campaigns, cines and readings of a few pixels, made through the services."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.campaigns.models import Campaign, Label, Membership
from annotator.campaigns.services import LabelSpec, add_cine, add_member, create_campaign, ensure_schema
from annotator.core import blobs
from annotator.imaging.models import Cine, Patient, Series, Study
from annotator.readings.models import Reading
from annotator.readings.services import AppendResult, append_event, open_reading
from workers.protocol.rle import encode_mask

ARTERY, CATHETER = "coronary_artery", "catheter"
LABELS = (LabelSpec(ARTERY, "Coronary artery", "#e03131"), LabelSpec(CATHETER, "Catheter", "#1971c2"))
CHECKPOINT = "c0ffee" + "0" * 58
FRAMES, ROWS, COLUMNS = 6, 12, 16


def make_user(username: str = "", **options: Any) -> User:
    """Return a new user."""
    name = username or f"user-{uuid.uuid4().hex[:8]}"
    return create_user(username=name, password="a long password", display_name=name.title(), **options)


def make_campaign(**settings: Any) -> Campaign:
    """Return a campaign with two labels and a model."""
    options = {
        "current_model_id": uuid.uuid4(),
        "current_checkpoint": CHECKPOINT,
        "current_family": "bundled",
        **settings,
    }
    slug = options.pop("slug", f"campaign-{uuid.uuid4().hex[:8]}")
    schema = ensure_schema(name="Vessels of the reading tests", labels=LABELS)
    return create_campaign(slug=slug, name=slug, schema=schema, modality="XA", **options)


def make_member(campaign: Campaign, role: str = "READER", username: str = "") -> User:
    """Return a new user with a role in a campaign."""
    user = make_user(username)
    add_member(campaign=campaign, user=user, role=Membership.Role(role))
    return user


def make_cine(campaign: Campaign, *, frames: int = FRAMES, rows: int = ROWS, columns: int = COLUMNS) -> Cine:
    """Return a new cine of random pixels in a campaign."""
    patient = Patient.objects.create(key=f"P-{uuid.uuid4().hex[:6].upper()}")
    study = Study.objects.create(patient=patient, uid=f"2.25.{uuid.uuid4().int}")
    series = Series.objects.create(study=study, uid=f"2.25.{uuid.uuid4().int}", modality="XA")
    rng = np.random.default_rng(uuid.uuid4().int)
    cine = Cine.objects.create(
        series=series,
        patient=patient,
        title="A cine of the tests",
        modality="XA",
        frame_count=frames,
        rows=rows,
        columns=columns,
        bits_stored=8,
        bits_allocated=8,
        pixels_digest=blobs.put_array(rng.integers(0, 255, (frames, rows, columns), dtype=np.uint8)),
        window_low=0.0,
        window_high=255.0,
        frame_times_ms=[index * 40.0 for index in range(frames)],
        frame_time_source="FrameTime",
    )
    add_cine(campaign=campaign, cine=cine)
    return cine


def make_reading(campaign: Campaign | None = None, **cine: int) -> Reading:
    """Return a new reading of a new reader on a new cine."""
    campaign = campaign or make_campaign()
    return open_reading(reader=make_member(campaign), cine=make_cine(campaign, **cine), campaign=campaign)


def square(x: int = 2, y: int = 3, *, side: int = 4, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.bool_]:
    """Return a mask of shape (rows, columns) with one square whose upper left pixel is (x, y)."""
    mask = np.zeros((rows, columns), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def encoded(mask: NDArray[np.bool_]) -> str:
    """Return a mask as an edit carries it."""
    return base64.b64encode(encode_mask(mask)).decode()


def label_of(reading: Reading, code: str = ARTERY) -> Label:
    """Return a label of a reading's campaign."""
    return Label.objects.get(schema_id=reading.campaign.schema_id, code=code)


def click(
    x: float = 4.5, y: float = 5.5, *, frame: int = 0, label: str = ARTERY, positive: bool = True
) -> dict[str, Any]:
    """Return the payload of a prompt of one point."""
    points = [{"x": x, "y": y, "positive": positive}]
    return {"frame_index": frame, "label": label, "points": points, "box": None}


def drawing(mask: NDArray[np.bool_] | None = None, *, frame: int = 0, label: str = ARTERY) -> dict[str, Any]:
    """Return the payload of an edit."""
    drawn = square() if mask is None else mask
    return {"frame_index": frame, "label": label, "mask": encoded(drawn), "tool": "brush"}


def drawings(*drawn: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the payload of one edit of several masks, of the payloads of edits of one."""
    edits = [{name: one[name] for name in ("frame_index", "label", "mask")} for one in drawn]
    return {"edits": edits, "tool": "copy", **fields}


def propagation(
    frame: int = 0,
    start: int = 0,
    stop: int = FRAMES - 1,
    *,
    direction: str = "both",
    labels: Iterable[str] = (ARTERY,),
) -> dict[str, Any]:
    """Return the payload of a propagation."""
    return {
        "labels": list(labels),
        "frame_index": frame,
        "start": start,
        "stop": stop,
        "direction": direction,
    }


@dataclass
class Tab:
    """A browser tab on a reading: it keeps the revision that it was last told, as the editor does."""

    reading: Reading
    actor: User | None = None
    revision: int = field(init=False)

    def __post_init__(self) -> None:
        self.revision = self.reading.revision

    def send(self, kind: str, payload: Any, *, client_uuid: uuid.UUID | None = None) -> AppendResult:
        """Append an event at the tab's revision."""
        result = append_event(
            reading=self.reading,
            actor=self.actor or self.reading.reader,
            client_uuid=client_uuid or uuid.uuid4(),
            base_revision=self.revision,
            kind=kind,
            payload=payload,
        )
        self.revision = result.revision
        return result

    def undo(self, result: AppendResult) -> AppendResult:
        """Undo what an earlier answer was about."""
        return self.send("undo", {"target": str(result.event.pk)})

    def redo(self, result: AppendResult) -> AppendResult:
        """Redo what an earlier answer was about."""
        return self.send("redo", {"target": str(result.event.pk)})
