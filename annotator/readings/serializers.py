"""Readings, events and masks as JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.campaigns.serializers import LabelSerializer
from annotator.core import blobs
from annotator.core.serializers import LabelledSerializer
from annotator.readings.models import EventKind, Provenance, Reading, ReadingEvent, ReadingStatus
from annotator.readings.models.writer import MAX_TOKEN
from annotator.readings.selectors import CurrentMask, WorklistRow, labels_left_out
from workers.protocol.rle import encode_mask

JOB_KINDS = ["PREDICT", "PROPAGATE"]
JOB_STATUSES = ["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"]


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a reading is, in frames."""

    frames = serializers.IntegerField(help_text="Frames of the cine.")
    masked = serializers.IntegerField(help_text="Frames with at least one mask that is not empty.")
    accepted = serializers.IntegerField(help_text="Frames that the reader has accepted.")


class ReadingSerializer(serializers.ModelSerializer[Reading]):
    """A reading in a list."""

    campaign = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    campaign_name = serializers.CharField(source="campaign.name", read_only=True)
    cine = serializers.UUIDField(source="cine_id", read_only=True)
    cine_title = serializers.CharField(source="cine.title", read_only=True)
    reader = serializers.CharField(source="reader.username", read_only=True)
    reader_name = serializers.CharField(source="reader.display_name", read_only=True)
    model_id = serializers.UUIDField(read_only=True, allow_null=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Reading
        fields = [
            "id",
            "campaign",
            "campaign_name",
            "cine",
            "cine_title",
            "reader",
            "reader_name",
            "status",
            "revision",
            "model_id",
            "checkpoint",
            "family",
            "progress",
            "created_at",
            "updated_at",
            "submitted_at",
        ]
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, reading: Reading) -> dict[str, int]:
        """Return the progress that the view has looked up for the whole page."""
        progress = self.context["progress"][reading.pk]
        return {"frames": progress.frames, "masked": progress.masked, "accepted": progress.accepted}


class EventSummarySerializer(serializers.Serializer[Any]):
    """How many events of each kind a reading has, undone ones included."""

    total = serializers.IntegerField()
    undone = serializers.IntegerField()
    by_kind = serializers.DictField(child=serializers.IntegerField())


class ReadingDetailSerializer(ReadingSerializer):
    """A reading as the editor opens it."""

    labels = serializers.SerializerMethodField()
    events = serializers.SerializerMethodField()
    can_write = serializers.SerializerMethodField(help_text="Whether this user may append events now.")

    class Meta(ReadingSerializer.Meta):
        fields = [*ReadingSerializer.Meta.fields, "labels", "events", "can_write"]
        read_only_fields = fields

    @extend_schema_field(LabelSerializer(many=True))
    def get_labels(self, reading: Reading) -> Any:
        """Return the labels of the campaign's schema by index."""
        return LabelSerializer(self.context["labels"], many=True).data

    @extend_schema_field(EventSummarySerializer)
    def get_events(self, reading: Reading) -> Any:
        """Return the counts that the view has looked up."""
        return self.context["events"]

    def get_can_write(self, reading: Reading) -> bool:
        """Return what the view has found out."""
        return bool(self.context["can_write"])


class OpenReadingSerializer(serializers.Serializer[Any]):
    """Which cine to read, in which campaign."""

    cine = serializers.UUIDField()
    campaign = serializers.SlugField(max_length=100, help_text="Slug of the campaign.")


class EventSerializer(serializers.ModelSerializer[ReadingEvent]):
    """An entry of a reading's log."""

    payload = serializers.SerializerMethodField()
    target = serializers.UUIDField(source="target_id", read_only=True, allow_null=True)
    undone = serializers.SerializerMethodField(help_text="Whether the event stands undone now.")

    class Meta:
        model = ReadingEvent
        fields = ["id", "seq", "client_uuid", "kind", "payload", "target", "undone", "created_at"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_payload(self, event: ReadingEvent) -> Any:
        """Return the canonical payload."""
        return event.payload

    def get_undone(self, event: ReadingEvent) -> bool:
        """Return whether the event is among those that the view found undone."""
        return event.pk in self.context["undone"]


@extend_schema_field(OpenApiTypes.OBJECT)
class PayloadField(serializers.JSONField):
    """The payload of an event; the service checks it strictly, by kind."""


class WriterTokenField(serializers.RegexField):
    """The token of a tab."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", "Names the tab that writes; chosen by the tab, letters, digits, dot, dash.")
        super().__init__(r"^[A-Za-z0-9._-]*$", max_length=MAX_TOKEN, **options)


class ClaimSerializer(serializers.Serializer[Any]):
    """Which tab wants to write."""

    writer = WriterTokenField()
    take = serializers.BooleanField(default=False, help_text="Take over from another tab that still lives.")


class ReleaseSerializer(serializers.Serializer[Any]):
    """Which tab stops writing."""

    writer = WriterTokenField()


class WriterSerializer(serializers.Serializer[Any]):
    """The tab that writes."""

    token = serializers.CharField()
    device = serializers.CharField(help_text="What it runs on, such as Chrome on Windows.")
    since = serializers.DateTimeField(help_text="When it began to write.")


class ClaimedSerializer(serializers.Serializer[Any]):
    """Who writes now."""

    writer = WriterSerializer()
    yours = serializers.BooleanField(help_text="Whether that is the tab that asked.")


class AppendEventSerializer(serializers.Serializer[Any]):
    """What a client did."""

    client_uuid = serializers.UUIDField(help_text="Chosen by the client; a resend carries the same one.")
    base_revision = serializers.IntegerField(
        min_value=0, help_text="The revision returned by the client's last event or fetch."
    )
    kind = serializers.CharField(max_length=32, help_text=f"One of {', '.join(EventKind.values)}.")
    writer = WriterTokenField(required=False, default="", allow_blank=True)
    payload = PayloadField()


class MaskSerializer(LabelledSerializer[CurrentMask]):
    """The current mask of one label on one frame."""

    label_index = serializers.IntegerField(help_text="1-based position of the label in its schema.")
    frame_index = serializers.IntegerField(help_text="0-based.")
    provenance = serializers.ChoiceField(choices=Provenance.choices)
    accepted = serializers.BooleanField()
    area = serializers.IntegerField(help_text="Pixels; 0 means cleared.")
    score = serializers.FloatField(allow_null=True)
    event_seq = serializers.IntegerField(help_text="Seq of the event it comes of; 0 when all were undone.")
    model = serializers.CharField(allow_null=True, help_text="Digest of the checkpoint that made it.")
    window = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="Grey values that the model saw as black and white; null for what no model made.",
    )
    mask = serializers.CharField(help_text="Base64 of the RLE bytes.")


def render_masks(masks: list[CurrentMask], *, rows: int, columns: int) -> list[dict[str, Any]]:
    """Return masks as JSON; a pair whose masks are all undone gets the empty mask of (rows, columns)."""
    return [
        {
            "label": mask.label,
            "label_index": mask.label_index,
            "frame_index": mask.frame_index,
            "provenance": mask.provenance,
            "accepted": mask.accepted,
            "area": mask.area,
            "score": mask.score,
            "event_seq": mask.event_seq,
            "model": mask.checkpoint or None,
            "window": mask.window,
            "mask": base64.b64encode(blobs.get_bytes(mask.blob) if mask.blob else empty_mask(rows, columns)).decode(),
        }
        for mask in masks
    ]


def empty_mask(rows: int, columns: int) -> bytes:
    """Return the RLE bytes of the empty mask of (rows, columns)."""
    return encode_mask(np.zeros((rows, columns), bool))


class MasksSerializer(serializers.Serializer[Any]):
    """The current masks of a reading, or those that changed after a revision."""

    revision = serializers.IntegerField()
    masks = MaskSerializer(many=True)


class OtherReadingSerializer(serializers.Serializer[Any]):
    """A reading of the same cine that may be laid beside this one; its reader is known by blind code only."""

    id = serializers.UUIDField()
    reader = serializers.CharField(source="assignment.blind_code", help_text="Blind code of its reader.")
    is_own = serializers.SerializerMethodField(help_text="Whether it is this user's own.")
    campaign_name = serializers.CharField(source="campaign.name")
    status = serializers.ChoiceField(choices=ReadingStatus.choices)
    labels_left_out = serializers.SerializerMethodField(help_text="Its labels that the reading beside does not know.")

    def get_is_own(self, other: Reading) -> bool:
        """Return whether the user of the request reads it."""
        return bool(other.reader_id == self.context["user"].pk)

    def get_labels_left_out(self, other: Reading) -> list[str]:
        """Return names of labels."""
        return labels_left_out(self.context["reading"], other)


class JobErrorSerializer(serializers.Serializer[Any]):
    """Why a job waits, failed or was cancelled."""

    code = serializers.CharField()
    message = serializers.CharField()


class JobSerializer(serializers.Serializer[Any]):
    """A computation that an event asked for."""

    id = serializers.UUIDField()
    client_uuid = serializers.UUIDField(help_text="Client UUID of the event that asked for it.")
    kind = serializers.ChoiceField(choices=JOB_KINDS)
    run_no = serializers.IntegerField(help_text="Number of the job within its reading.")
    status = serializers.ChoiceField(choices=JOB_STATUSES)
    done = serializers.IntegerField(help_text="Masks recorded so far.")
    total = serializers.IntegerField(help_text="Masks asked for.")
    error = JobErrorSerializer(allow_null=True)
    event_seq = serializers.IntegerField(help_text="Seq of the event that asked for it.")
    early_stop = serializers.BooleanField(help_text="Whether the rest would not have changed and was not computed.")
    created_at = serializers.DateTimeField()
    reader = serializers.CharField(help_text="Who asked for it.")


class AppendedSerializer(serializers.Serializer[Any]):
    """The answer to an event, the same again for a resend."""

    event = EventSerializer()
    revision = serializers.IntegerField()
    masks = MaskSerializer(many=True, help_text="Where the event left the masks that it touched.")
    job = JobSerializer(allow_null=True)


class SubmitSerializer(serializers.Serializer[Any]):
    """The revision that the reader has seen."""

    base_revision = serializers.IntegerField(min_value=0)
    writer = WriterTokenField(required=False, default="", allow_blank=True)


class WorklistCineSerializer(serializers.Serializer[Any]):
    """A cine in the worklist."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    modality = serializers.CharField()
    frame_count = serializers.IntegerField()
    rows = serializers.IntegerField()
    columns = serializers.IntegerField()
    patient_key = serializers.CharField()
    warnings = serializers.IntegerField(help_text="How many warnings the import left.")


class AssignmentBriefSerializer(serializers.Serializer[Any]):
    """The order to read a cine."""

    id = serializers.UUIDField()
    status = serializers.CharField()


class ReadingBriefSerializer(serializers.Serializer[Any]):
    """The reading of a worklist row."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ReadingStatus.choices)
    revision = serializers.IntegerField()
    model_id = serializers.UUIDField(allow_null=True)
    checkpoint = serializers.CharField()
    progress = ProgressSerializer()
    updated_at = serializers.DateTimeField()


class WorklistRowSerializer(serializers.Serializer[Any]):
    """A cine that this user may read, with the order and the work so far."""

    campaign = serializers.SlugField()
    campaign_name = serializers.CharField()
    order = serializers.IntegerField()
    cine = WorklistCineSerializer()
    assignment = AssignmentBriefSerializer(allow_null=True)
    reading = ReadingBriefSerializer(allow_null=True)
    model_id = serializers.UUIDField(
        allow_null=True, help_text="The reading's model, or the one that a new reading would get."
    )
    checkpoint = serializers.CharField(help_text="Digest of that model's checkpoint, empty without one.")


def render_job(job: Any) -> dict[str, Any]:
    """Return the brief of a job as JSON."""
    return dict(JobSerializer(job).data)


def render_worklist_row(row: WorklistRow) -> dict[str, Any]:
    """Return a worklist row as JSON; without a reading, the model is the one that a new reading would get."""
    place, reading = row.place, row.reading
    cine, campaign = place.cine, place.campaign
    body = {
        "campaign": campaign.slug,
        "campaign_name": campaign.name,
        "order": place.order,
        "cine": {
            "id": cine.pk,
            "title": cine.title,
            "modality": cine.modality,
            "frame_count": cine.frame_count,
            "rows": cine.rows,
            "columns": cine.columns,
            "patient_key": cine.patient.key,
            "warnings": len(cine.warnings),
        },
        "assignment": row.assignment,
        "reading": None,
        "model_id": campaign.current_model_id if reading is None else reading.model_id,
        "checkpoint": (campaign.current_checkpoint if reading is None else reading.checkpoint) or "",
    }
    if reading is not None:
        body["reading"] = {
            "id": reading.pk,
            "status": reading.status,
            "revision": reading.revision,
            "model_id": reading.model_id,
            "checkpoint": reading.checkpoint,
            "progress": row.progress,
            "updated_at": reading.updated_at,
        }
    return dict(WorklistRowSerializer(body).data)
