"""The app of imaging."""

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    """Patients, studies, instances, cines."""

    name = "annotator.imaging"
    default_auto_field = "django.db.models.BigAutoField"
