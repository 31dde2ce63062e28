"""Addresses of imaging."""

from rest_framework.routers import SimpleRouter

from annotator.imaging.api import CineViewSet

router = SimpleRouter(use_regex_path=True)
router.register("cines", CineViewSet, basename="cine")
urlpatterns = router.urls
