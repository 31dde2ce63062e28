"""Addresses of dataset versions, below /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from annotator.datasets.api import DatasetVersionViewSet

router = SimpleRouter()
router.register("datasets", DatasetVersionViewSet, basename="dataset")
urlpatterns = router.urls
