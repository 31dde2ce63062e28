"""The registry app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Training runs, models, their evaluation and promotion; follows submissions for the training policy."""

    name = "annotator.registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Begin to follow the readings."""
        from annotator.readings.services.followers import register_follower
        from annotator.registry.services.follower import PolicyFollower

        register_follower(PolicyFollower())
