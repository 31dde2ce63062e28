"""The app of campaigns."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Campaigns, label schemas, assignments."""

    name = "annotator.campaigns"
    default_auto_field = "django.db.models.BigAutoField"
