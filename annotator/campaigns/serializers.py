"""What campaigns look like over HTTP."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.campaigns.models import Campaign, Label, Membership


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A coded structure."""

    class Meta:
        model = Label
        fields = ["code", "name", "colour", "index", "coding_scheme", "code_value"]
        read_only_fields = fields


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member and the role."""

    username = serializers.CharField(source="user.username", read_only=True)
    display_name = serializers.CharField(source="user.display_name", read_only=True)

    class Meta:
        model = Membership
        fields = ["username", "display_name", "role"]
        read_only_fields = fields


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign with its labels and members."""

    labels = LabelSerializer(source="schema.labels", many=True, read_only=True)
    members = MemberSerializer(source="memberships", many=True, read_only=True)
    schema_name = serializers.CharField(source="schema.name", read_only=True)

    class Meta:
        model = Campaign
        fields = [
            "id",
            "slug",
            "name",
            "modality",
            "schema_name",
            "labels",
            "members",
            "readings_per_cine",
            "keep_identity_mapping",
            "train_after",
            "auto_promote",
            "min_gain",
            "training_config",
            "current_model_id",
            "current_checkpoint",
            "current_family",
            "created_at",
        ]
        read_only_fields = fields


class FiniteFloatField(serializers.FloatField):
    """A number that JSON and the database can hold: neither "nan" nor "inf", nor what is too large for a float."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        number = super().to_internal_value(data)
        if not math.isfinite(number):
            self.fail("invalid")
        return number


@extend_schema_field(
    {"type": "object", "additionalProperties": {"oneOf": [{"type": "number", "format": "double"}, {"type": "string"}]}}
)
class TrainingConfigField(serializers.DictField):
    """Settings of a training: numbers, but for the name of the method; the training says which there are."""

    child = FiniteFloatField()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the settings with the method as a text."""
        if not isinstance(data, dict) or "method" not in data:
            return dict(super().to_internal_value(data))
        method = serializers.CharField(max_length=32).run_validation(data["method"])
        rest = {name: value for name, value in data.items() if name != "method"}
        return {**super().to_internal_value(rest), "method": method}

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the settings as they are stored."""
        return dict(value)


class CampaignUpdateSerializer(serializers.Serializer[Any]):
    """What a manager may change."""

    name = serializers.CharField(max_length=160, required=False)
    train_after = serializers.IntegerField(min_value=1, max_value=100_000, required=False)
    auto_promote = serializers.BooleanField(required=False)
    min_gain = FiniteFloatField(min_value=-1, max_value=1, required=False)
    readings_per_cine = serializers.IntegerField(min_value=1, max_value=100, required=False)
    training_config = TrainingConfigField(required=False)


class ImportUploadSerializer(serializers.Serializer[Any]):
    """Files for a campaign."""

    campaign = serializers.SlugField(max_length=64)
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True, max_length=300), allow_empty=False)
