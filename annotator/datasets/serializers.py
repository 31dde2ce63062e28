"""How dataset versions look over HTTP."""

from __future__ import annotations

from rest_framework import serializers

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.core.serializers import LabelledSerializer
from annotator.datasets.models import DatasetItem, DatasetVersion, Split
from annotator.datasets.selectors import MaskLineage


class SplitCountsSerializer(serializers.Serializer):
    """Counts of one part."""

    cines = serializers.IntegerField()
    patients = serializers.IntegerField()
    masks = serializers.IntegerField()


class SplitsSerializer(serializers.Serializer):
    """Counts of the three parts."""

    train = SplitCountsSerializer()
    val = SplitCountsSerializer()
    test = SplitCountsSerializer()


class DatasetCountsSerializer(SplitCountsSerializer):
    """Counts of a version: in all, per part, and masks per label code."""

    readings = serializers.IntegerField()
    splits = SplitsSerializer()
    labels = serializers.DictField(child=serializers.IntegerField())


class VersionRefSerializer(serializers.ModelSerializer):
    """A version as others name it."""

    class Meta:
        model = DatasetVersion
        fields = ["id", "number", "status", "manifest_digest", "created_at"]
        read_only_fields = fields


class DatasetVersionSerializer(serializers.ModelSerializer):
    """A version with its counts and where it comes from."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="slug", read_only=True)
    counts = DatasetCountsSerializer(read_only=True)
    parent = VersionRefSerializer(read_only=True, allow_null=True)
    created_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id",
            "campaign",
            "number",
            "status",
            "manifest_digest",
            "counts",
            "parent",
            "created_by",
            "reason",
            "error_message",
            "created_at",
        ]
        read_only_fields = fields


class FreezeSerializer(serializers.Serializer):
    """What a freeze needs."""

    campaign = serializers.SlugField()
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class DatasetItemSerializer(serializers.ModelSerializer):
    """One accepted reading inside a version."""

    cine_title = serializers.CharField(source="cine.title", read_only=True)
    split = serializers.ChoiceField(choices=Split.choices, read_only=True)
    reader_blind_code = serializers.CharField(source="reading.assignment.blind_code", read_only=True)
    assisting_model = serializers.CharField(source="reading.checkpoint", read_only=True)

    class Meta:
        model = DatasetItem
        fields = [
            "id",
            "cine",
            "cine_title",
            "reading",
            "reader_blind_code",
            "assisting_model",
            "patient_key",
            "split",
            "masks",
        ]
        read_only_fields = fields


class MaskLineageSerializer(LabelledSerializer[MaskLineage]):
    """Where one mask of an item comes from: the event of the reading, and the model where one drew it."""

    frame_index = serializers.IntegerField()
    mask = serializers.CharField(help_text="SHA-256 of the RLE bytes.")
    area = serializers.IntegerField(help_text="Pixels.")
    provenance = serializers.CharField()
    accepted = serializers.BooleanField()
    event = serializers.UUIDField()
    event_seq = serializers.IntegerField()
    event_kind = serializers.CharField()
    checkpoint = serializers.CharField(allow_blank=True)
