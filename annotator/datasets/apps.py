"""The datasets app."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """Accepted readings become immutable dataset versions."""

    name = "annotator.datasets"
    default_auto_field = "django.db.models.BigAutoField"
