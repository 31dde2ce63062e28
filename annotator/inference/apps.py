"""The inference app."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Workers, leases and jobs; follows the readings and answers for the health of the workers."""

    name = "annotator.inference"
    label = "inference"
    verbose_name = "Inference"

    def ready(self) -> None:
        """Begin to follow the readings, and register the health checks."""
        from annotator.inference.services.follower import InferenceFollower
        from annotator.inference.services.health import register_checks
        from annotator.readings.services.followers import register_follower

        register_follower(InferenceFollower())
        register_checks()
