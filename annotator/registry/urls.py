"""Addresses of runs, models, evaluations and promotions, below /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from annotator.registry.api import (
    CampaignSummaryView,
    EvaluationViewSet,
    ModelPresetsView,
    ModelViewSet,
    PromotionViewSet,
    RollbackView,
    TrainingRunViewSet,
)

router = SimpleRouter()
router.register("training-runs", TrainingRunViewSet, basename="training-run")
router.register("models", ModelViewSet, basename="model")
router.register("evaluations", EvaluationViewSet, basename="evaluation")
router.register("promotions", PromotionViewSet, basename="promotion")
urlpatterns = [
    path("model-presets/", ModelPresetsView.as_view(), name="model-presets"),
    path("campaigns/<slug:slug>/summary/", CampaignSummaryView.as_view(), name="campaign-summary"),
    path("campaigns/<slug:slug>/rollback/", RollbackView.as_view(), name="campaign-rollback"),
    *router.urls,
]
