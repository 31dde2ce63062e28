"""The readings app."""

from django.apps import AppConfig


class ReadingsConfig(AppConfig):
    """Readings, their events and their masks."""

    name = "annotator.readings"
    label = "readings"
    verbose_name = "Readings"
