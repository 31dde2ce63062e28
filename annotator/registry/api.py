"""Training runs, models, evaluations and promotions over HTTP: parse, authorise, one service call, render."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.accounts.authentication import user_of
from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.permissions import require_manager
from annotator.campaigns.selectors import visible_campaign
from annotator.core.errors import NotFound
from annotator.datasets.models import DatasetVersion
from annotator.datasets.selectors import visible_to as visible_versions
from annotator.registry import selectors
from annotator.registry.filters import EvaluationFilter, ModelFilter, PromotionFilter, TrainingRunFilter
from annotator.registry.models import Evaluation, ModelVersion, Promotion, TrainingRun
from annotator.registry.serializers import (
    CampaignSummarySerializer,
    EvaluationSerializer,
    ModelDetailSerializer,
    ModelPresetSerializer,
    ModelSerializer,
    PromoteSerializer,
    PromotionSerializer,
    StartTrainingSerializer,
    TrainingRunSerializer,
)
from annotator.registry.services import (
    cancel_training_run,
    promote_model,
    rollback_promotion,
    start_training_run,
    watch_training_runs,
)
from annotator.registry.services.presets import model_presets


def managed_campaign(user: User, slug: str) -> Campaign:
    """Return a campaign that the user manages.

    Raises
    ------
    NotFound
        `campaign_not_found`: there is none, or the user may not see it.
    PermissionDenied
        `manager_only`.
    """
    campaign = visible_campaign(user, slug)
    require_manager(user, campaign)
    return campaign


def visible_version(user: User, pk: UUID | None) -> DatasetVersion | None:
    """Return a dataset version that the user may see, or None when none was named."""
    if pk is None:
        return None
    version = visible_versions(user).filter(pk=pk).first()
    if version is None:
        raise NotFound("There is no such dataset version.", code="version_not_found")
    return version


@extend_schema_view(
    list=extend_schema(summary="List training runs, the newest first"),
    retrieve=extend_schema(summary="Show a training run with its loss curve"),
)
class TrainingRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Trainings of a campaign's model; one at a time."""

    serializer_class = TrainingRunSerializer
    filterset_class = TrainingRunFilter
    queryset = TrainingRun.objects.none()

    def get_queryset(self) -> QuerySet[TrainingRun]:
        """Return the runs that the user may see, after failing those whose worker has died (ADR 0042)."""
        watch_training_runs()
        return selectors.visible_runs(user_of(self.request)).order_by("-created_at", "pk")

    @extend_schema(
        summary="Train the current model further",
        description="Without a dataset version, newly accepted work is frozen first.",
        request=StartTrainingSerializer,
        responses={
            201: TrainingRunSerializer,
            409: OpenApiResponse(description="`training_already_running` or `version_not_frozen`."),
            422: OpenApiResponse(
                description="`nothing_accepted`, `nothing_to_learn`, `family_not_trainable` or `method_not_offered`."
            ),
        },
    )
    def create(self, request: Request) -> Response:
        """Start a training; for managers."""
        body = StartTrainingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = user_of(request)
        campaign = managed_campaign(user, body.validated_data["campaign"])
        run = start_training_run(
            campaign=campaign,
            actor=user,
            dataset_version=visible_version(user, body.validated_data["dataset_version"]),
            config=body.validated_data["config"],
        )
        return Response(self.get_serializer(run).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Stop a training",
        request=None,
        responses={200: TrainingRunSerializer, 409: OpenApiResponse(description="`training_has_ended`.")},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Stop a queued or running training; for managers."""
        run = self.get_object()
        user = user_of(request)
        require_manager(user, run.campaign)
        run = cancel_training_run(run=run, actor=user)
        return Response(self.get_serializer(run).data)


@extend_schema_view(
    list=extend_schema(summary="List models, the newest first"),
    retrieve=extend_schema(summary="Show a model with its lineage"),
)
class ModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Model versions: the bundled ones and those trained from accepted work."""

    filterset_class = ModelFilter
    queryset = ModelVersion.objects.none()

    def get_queryset(self) -> QuerySet[ModelVersion]:
        """Return the models that the user may see."""
        return selectors.visible_models(user_of(self.request)).order_by("-number")

    def get_serializer_class(self) -> type[ModelSerializer]:
        """Return the serializer with lineage for a single model."""
        return ModelDetailSerializer if self.action == "retrieve" else ModelSerializer

    @extend_schema(
        summary="Promote a model in a campaign",
        request=PromoteSerializer,
        responses={
            201: PromotionSerializer,
            409: OpenApiResponse(description="`already_current` or `model_not_evaluated`."),
        },
    )
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, **kwargs: Any) -> Response:
        """Let new readings of a campaign start from this model; for managers."""
        model = self.get_object()
        body = PromoteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = user_of(request)
        campaign = managed_campaign(user, body.validated_data["campaign"])
        promotion = promote_model(campaign=campaign, model=model, actor=user)
        return Response(PromotionSerializer(promotion).data, status=status.HTTP_201_CREATED)


class ModelPresetsView(APIView):
    """Which model to begin with in which modality."""

    @extend_schema(
        summary="List which model to try first for which modality, and why",
        description="Advice, until models have been measured on the test part of a campaign of the modality.",
        responses=ModelPresetSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Answer the presets of all modalities, with the measurements that the user may see."""
        return Response(ModelPresetSerializer(model_presets(user_of(request)), many=True).data)


class CampaignSummaryView(APIView):
    """How the loop of a campaign stands."""

    @extend_schema(summary="Show how the loop of a campaign stands", responses=CampaignSummarySerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Answer counts, the current model, the newest version and the training under way."""
        watch_training_runs()
        campaign = visible_campaign(user_of(request), slug)
        return Response(CampaignSummarySerializer(selectors.summary_of(campaign)).data)


class RollbackView(APIView):
    """One click back to the previous model."""

    @extend_schema(
        summary="Go back to the previous model of a campaign",
        request=None,
        responses={201: PromotionSerializer, 409: OpenApiResponse(description="`nothing_to_roll_back`.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Roll back; for managers."""
        user = user_of(request)
        promotion = rollback_promotion(campaign=managed_campaign(user, slug), actor=user)
        return Response(PromotionSerializer(promotion).data, status=status.HTTP_201_CREATED)


@extend_schema_view(
    list=extend_schema(summary="List evaluations, the newest first"),
    retrieve=extend_schema(summary="Show an evaluation"),
)
class EvaluationViewSet(viewsets.ReadOnlyModelViewSet):
    """IoU and Dice of models, per cine and overall."""

    serializer_class = EvaluationSerializer
    filterset_class = EvaluationFilter
    queryset = Evaluation.objects.none()

    def get_queryset(self) -> QuerySet[Evaluation]:
        """Return the evaluations that the user may see."""
        return selectors.visible_evaluations(user_of(self.request)).order_by("-created_at", "pk")


@extend_schema_view(
    list=extend_schema(summary="List promotions, the newest first"),
    retrieve=extend_schema(summary="Show a promotion"),
)
class PromotionViewSet(viewsets.ReadOnlyModelViewSet):
    """Which model a campaign used from when, and who decided it."""

    serializer_class = PromotionSerializer
    filterset_class = PromotionFilter
    queryset = Promotion.objects.none()

    def get_queryset(self) -> QuerySet[Promotion]:
        """Return the promotions that the user may see."""
        return selectors.visible_promotions(user_of(self.request)).order_by("-created_at", "pk")
