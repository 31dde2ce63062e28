"""Addresses of readings."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from annotator.readings.api import ReadingViewSet, WorklistView

router = SimpleRouter(use_regex_path=False)
router.register("readings", ReadingViewSet, basename="reading")

urlpatterns = [path("worklist/", WorklistView.as_view(), name="worklist"), path("", include(router.urls))]
