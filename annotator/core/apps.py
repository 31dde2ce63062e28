"""The app of shared foundations."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Register the foundations."""

    name = "annotator.core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the Celery application, and register the health checks of the database and the broker.

        Whatever process sends a task, a management command too, must send it to the broker of the settings: Celery
        has an application of its own that knows none of them.
        """
        import annotator.celery  # noqa: F401
        from annotator.core import health

        health.register_check("database", health.check_database)
        health.register_check("broker", health.check_broker)
