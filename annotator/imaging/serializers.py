"""What cines and imports look like over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.imaging.models import Cine, ImportBatch


class CineBriefSerializer(serializers.ModelSerializer[Cine]):
    """A cine in a list."""

    patient_key = serializers.CharField(source="patient.key", read_only=True)
    duration_ms = serializers.SerializerMethodField()

    class Meta:
        model = Cine
        fields = [
            "id",
            "title",
            "patient_key",
            "modality",
            "frame_count",
            "rows",
            "columns",
            "duration_ms",
            "created_at",
        ]
        read_only_fields = fields

    def get_duration_ms(self, cine: Cine) -> float:
        """Return the time from the first to the last frame."""
        return float(cine.frame_times_ms[-1])


class CineSerializer(CineBriefSerializer):
    """A cine with all that the viewer needs."""

    window = serializers.SerializerMethodField()
    windows = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        read_only=True,
        help_text="Other windows that a prompt or a propagation may ask the model to look through, by name.",
    )
    frame_times_ms = serializers.ListField(child=serializers.FloatField(), read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    display = serializers.DictField(read_only=True)

    class Meta:
        model = Cine
        fields = [
            *CineBriefSerializer.Meta.fields,
            "channels",
            "bits_stored",
            "bits_allocated",
            "pixels_digest",
            "window",
            "windows",
            "intensity_relationship",
            "frame_times_ms",
            "frame_time_source",
            "display",
            "warnings",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2))
    def get_window(self, cine: Cine) -> list[float]:
        """Return the grey values that map to black and white."""
        return [cine.window_low, cine.window_high]


class ImportItemSerializer(serializers.Serializer[Any]):
    """What became of one file."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["imported", "duplicate", "refused"])
    code = serializers.CharField()
    message = serializers.CharField()
    cine_ids = serializers.ListField(child=serializers.UUIDField())


class ImportBatchSerializer(serializers.ModelSerializer[ImportBatch]):
    """An upload and what became of its files."""

    campaign: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    items = ImportItemSerializer(many=True, read_only=True)

    class Meta:
        model = ImportBatch
        fields = ["id", "campaign", "status", "items", "created_at"]
        read_only_fields = fields
