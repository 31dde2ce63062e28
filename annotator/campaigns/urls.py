"""Addresses of campaigns."""

from rest_framework.routers import SimpleRouter

from annotator.campaigns.api import CampaignViewSet, ImportViewSet

router = SimpleRouter()
router.register("campaigns", CampaignViewSet, basename="campaign")
router.register("imports", ImportViewSet, basename="import")
urlpatterns = router.urls
