"""`manage.py ensure_models`: register the bundled checkpoint; safe to run at every start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.core.errors import DomainError
from annotator.registry.services import register_bundled_model


class Command(BaseCommand):
    """Register the bundled checkpoint and give it to campaigns that have no model."""

    help = "Register the bundled checkpoint and give it to campaigns that have no model (idempotent)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the service and say what stands."""
        try:
            model = register_bundled_model()
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Model {model.number} ({model.name}) is registered.")
