"""How training runs, models, evaluations and promotions look over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.serializers import TrainingConfigField
from annotator.datasets.models import DatasetItem
from annotator.datasets.serializers import VersionRefSerializer
from annotator.registry import selectors
from annotator.registry.models import Evaluation, ModelVersion, Promotion, TrainingRun
from annotator.registry.services.model_files import prompts_of_model
from workers.protocol.families import METHODS


class ModelRefSerializer(serializers.ModelSerializer):
    """A model as others name it."""

    class Meta:
        model = ModelVersion
        fields = ["id", "number", "name", "status", "checkpoint"]
        read_only_fields = fields


class TrainingProgressSerializer(serializers.Serializer):
    """How far a training is."""

    step = serializers.IntegerField()
    total_steps = serializers.IntegerField(allow_null=True)
    loss = serializers.FloatField(allow_null=True)
    elapsed_s = serializers.FloatField(allow_null=True)


class TrainingRunSerializer(serializers.ModelSerializer):
    """A training run with its progress and loss curve."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="slug", read_only=True)
    dataset_version = VersionRefSerializer(read_only=True)
    base = ModelRefSerializer(read_only=True)
    model = serializers.SerializerMethodField(help_text="The model that came of it.")
    started_by = serializers.SlugRelatedField[User](slug_field="username", read_only=True, allow_null=True)
    progress = TrainingProgressSerializer(read_only=True)
    curve = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True), min_length=3, max_length=3),
        read_only=True,
        help_text="Points [step, loss, validation IoU or null] in the order of the steps.",
    )
    config = TrainingConfigField(read_only=True)
    metrics = serializers.DictField(read_only=True)

    class Meta:
        model = TrainingRun
        fields = [
            "id",
            "campaign",
            "dataset_version",
            "base",
            "model",
            "config",
            "seed",
            "status",
            "trigger",
            "started_by",
            "progress",
            "curve",
            "metrics",
            "error_code",
            "error_message",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    @extend_schema_field(ModelRefSerializer(allow_null=True))
    def get_model(self, run: TrainingRun) -> dict[str, Any] | None:
        """Return the model that came of the run, if one did."""
        model = getattr(run, "model", None)
        return None if model is None else dict(ModelRefSerializer(model).data)


class StartTrainingSerializer(serializers.Serializer):
    """What a training needs."""

    campaign = serializers.SlugField()
    dataset_version = serializers.UUIDField(required=False, allow_null=True, default=None)
    config = TrainingConfigField(
        required=False,
        default=dict,
        help_text="steps, max_minutes, learning_rate, frames_per_step, prompts_per_frame, strength, "
        "method (full, decoder or lora), lora_rank",
    )


class CineScoreSerializer(serializers.Serializer):
    """What a model scores on one cine."""

    cine = serializers.CharField()
    iou = serializers.FloatField()
    dice = serializers.FloatField()


class EvaluationSerializer(serializers.ModelSerializer):
    """Scores of a model on one part of a version."""

    dataset_version_number = serializers.IntegerField(source="dataset_version.number", read_only=True)
    model_number = serializers.IntegerField(source="model.number", read_only=True)
    is_locked_test = serializers.SerializerMethodField(
        help_text="False while the campaign has no test patient and the train part was measured."
    )
    cines = CineScoreSerializer(many=True, read_only=True)

    class Meta:
        model = Evaluation
        fields = [
            "id",
            "model",
            "model_number",
            "dataset_version",
            "dataset_version_number",
            "split",
            "is_locked_test",
            "iou",
            "dice",
            "iou_low",
            "iou_high",
            "cines",
            "created_at",
        ]
        read_only_fields = fields

    def get_is_locked_test(self, evaluation: Evaluation) -> bool:
        """Return whether the figures come from patients that no training saw."""
        return evaluation.split == "test"


class ModelSerializer(serializers.ModelSerializer):
    """A model version."""

    parent = ModelRefSerializer(read_only=True, allow_null=True)
    campaign = serializers.CharField(source="training_run.campaign.slug", read_only=True, allow_null=True, default=None)
    prompts = serializers.SerializerMethodField(help_text="What it answers: point, box, mask, text.")
    training_methods = serializers.ListField(
        child=serializers.ChoiceField(choices=METHODS),
        read_only=True,
        help_text="By which it can be trained further, the usual choice first.",
    )

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "number",
            "name",
            "campaign",
            "family",
            "prompts",
            "checkpoint",
            "preprocess_id",
            "code_version",
            "licence",
            "status",
            "training_methods",
            "parent",
            "training_run",
            "dataset_version",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_prompts(self, model: ModelVersion) -> list[str]:
        """Return what readers may ask it with."""
        return prompts_of_model(family=model.family, checkpoint=model.checkpoint)


class ComparisonSerializer(serializers.Serializer):
    """A model's evaluation beside that of the model it came from, on the same cines."""

    split = serializers.CharField()
    evaluation = EvaluationSerializer()
    previous = EvaluationSerializer(allow_null=True)
    gain = serializers.FloatField(allow_null=True, help_text="Difference of the IoU.")


class LineageReadingSerializer(serializers.ModelSerializer):
    """A reading that a model learnt from or was measured on."""

    reader_blind_code = serializers.CharField(source="reading.assignment.blind_code", read_only=True)
    assisting_model = serializers.CharField(source="reading.checkpoint", read_only=True)

    class Meta:
        model = DatasetItem
        fields = ["reading", "cine", "split", "masks", "reader_blind_code", "assisting_model"]
        read_only_fields = fields


class LineageRunSerializer(serializers.ModelSerializer):
    """The run that made a model."""

    class Meta:
        model = TrainingRun
        fields = ["id", "status", "trigger", "seed", "config", "metrics", "started_at", "finished_at"]
        read_only_fields = fields


class LineageSerializer(serializers.Serializer):
    """Where a model comes from."""

    parent = ModelRefSerializer(allow_null=True)
    training_run = LineageRunSerializer(allow_null=True)
    dataset_version = VersionRefSerializer(allow_null=True)
    masks = serializers.IntegerField()
    readings = LineageReadingSerializer(many=True)
    comparison = ComparisonSerializer(allow_null=True)


class ModelDetailSerializer(ModelSerializer):
    """A model version with its lineage."""

    lineage = serializers.SerializerMethodField()

    class Meta(ModelSerializer.Meta):
        fields = [*ModelSerializer.Meta.fields, "lineage"]
        read_only_fields = fields

    @extend_schema_field(LineageSerializer)
    def get_lineage(self, model: ModelVersion) -> dict[str, Any]:
        """Return parent, run, version, masks, readings and the comparison with the parent."""
        return dict(LineageSerializer(selectors.lineage_of(model)).data)


class PromotionSerializer(serializers.ModelSerializer):
    """An entry of a campaign's history of models."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="slug", read_only=True)
    model = ModelRefSerializer(read_only=True)
    previous = ModelRefSerializer(read_only=True, allow_null=True)
    actor = serializers.SlugRelatedField[User](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Promotion
        fields = ["id", "campaign", "model", "previous", "actor", "reason", "created_at"]
        read_only_fields = fields


class PromoteSerializer(serializers.Serializer):
    """Where a model is promoted."""

    campaign = serializers.SlugField()


class ReadingCountsSerializer(serializers.Serializer):
    """Readings by status."""

    DRAFT = serializers.IntegerField()
    SUBMITTED = serializers.IntegerField()
    REOPENED = serializers.IntegerField()
    LOCKED = serializers.IntegerField()


class CampaignSummarySerializer(serializers.Serializer):
    """How the loop of a campaign stands."""

    cines = serializers.IntegerField()
    readings = ReadingCountsSerializer()
    accepted_since_last_version = serializers.IntegerField(help_text="Cines.")
    train_after = serializers.IntegerField()
    current_model = ModelRefSerializer(allow_null=True)
    latest_version = VersionRefSerializer(allow_null=True)
    running_training = LineageRunSerializer(allow_null=True)


class WindowPresetSerializer(serializers.Serializer):
    """A named window of grey values."""

    name = serializers.CharField()
    level = serializers.IntegerField()
    width = serializers.IntegerField()
    unit = serializers.CharField()


class MeasuredPresetSerializer(serializers.Serializer):
    """The best of the models that were measured on the same test cines."""

    model = ModelRefSerializer()
    iou = serializers.FloatField()
    dice = serializers.FloatField()
    cines = serializers.IntegerField()
    campaign = serializers.SlugField()
    version = serializers.IntegerField(help_text="Number of the dataset version.")
    compared = serializers.IntegerField(help_text="How many models were measured there.")


class ModelPresetSerializer(serializers.Serializer):
    """What to begin with in a modality, and why."""

    modality = serializers.CharField()
    modality_name = serializers.CharField()
    family = serializers.CharField(help_text="The family to try first.")
    family_title = serializers.CharField()
    preprocess_id = serializers.CharField()
    hint = serializers.CharField(help_text="What to know of the family; may be empty.")
    also_try = serializers.ListField(child=serializers.CharField(), help_text="Titles of further families.")
    reason = serializers.CharField()
    source = serializers.ChoiceField(choices=["advice", "measured"])  # type: ignore[assignment]  # also a Field's
    measured = MeasuredPresetSerializer(allow_null=True)
    labels = serializers.ListField(child=serializers.CharField(), help_text="Codes of a label set to begin with.")
    window = serializers.CharField(help_text="How grey values are mapped to the 8 bits that models see.")
    windows = WindowPresetSerializer(many=True)
