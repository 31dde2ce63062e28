"""Filters of the registry's lists."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from annotator.registry.models import (
    Evaluation,
    ModelStatus,
    ModelVersion,
    Promotion,
    RunStatus,
    TrainingRun,
)


class TrainingRunFilter(django_filters.FilterSet):
    """Filters of training runs."""

    campaign = django_filters.CharFilter(field_name="campaign__slug")
    status = django_filters.ChoiceFilter(choices=RunStatus.choices)

    class Meta:
        model = TrainingRun
        fields = ["campaign", "status"]


class ModelFilter(django_filters.FilterSet):
    """Filters of models; a campaign's are the bundled ones and those trained or promoted in it."""

    campaign = django_filters.CharFilter(method="of_campaign")
    status = django_filters.ChoiceFilter(choices=ModelStatus.choices)

    class Meta:
        model = ModelVersion
        fields = ["campaign", "status"]

    def of_campaign(self, models: QuerySet[ModelVersion], name: str, slug: str) -> QuerySet[ModelVersion]:
        """Narrow models to one campaign."""
        promoted = Promotion.objects.filter(campaign__slug=slug).values("model")
        return models.filter(Q(training_run__isnull=True) | Q(training_run__campaign__slug=slug) | Q(pk__in=promoted))


class EvaluationFilter(django_filters.FilterSet):
    """Filters of evaluations."""

    model = django_filters.UUIDFilter(field_name="model_id")
    dataset_version = django_filters.UUIDFilter(field_name="dataset_version_id")
    campaign = django_filters.CharFilter(field_name="dataset_version__campaign__slug")

    class Meta:
        model = Evaluation
        fields = ["model", "dataset_version", "campaign", "split"]


class PromotionFilter(django_filters.FilterSet):
    """Filters of promotions."""

    campaign = django_filters.CharFilter(field_name="campaign__slug")

    class Meta:
        model = Promotion
        fields = ["campaign", "reason"]
