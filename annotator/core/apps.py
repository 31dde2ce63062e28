"""The app of shared foundations."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Register the foundations."""

    name = "annotator.core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the health checks of the database and the broker."""
        from annotator.core import health

        health.register_check("database", health.check_database)
        health.register_check("broker", health.check_broker)
