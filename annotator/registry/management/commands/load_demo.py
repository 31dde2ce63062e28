"""`manage.py load_demo`: the demo campaigns; safe to run at every start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.core.errors import DomainError
from annotator.registry.services.demo import load_demo_campaigns
from fixtures.demo import PASSWORD, USERS


class Command(BaseCommand):
    """Make the demo campaigns and print their accounts."""

    help = "Make the demo campaigns with synthetic cines, and accounts to try them (idempotent)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the service and print the accounts."""
        try:
            campaigns = load_demo_campaigns(say=self.stdout.write)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Demo campaigns: {', '.join(campaign.name for campaign in campaigns)}.")
        for user in USERS:
            self.stdout.write(f"  {user.username} / {PASSWORD}  ({user.role.lower()})")
