"""`manage.py add_user USERNAME [--campaign SLUG --role READER] [--staff]`; asks for the password."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.campaigns.models import Campaign, Membership
from annotator.campaigns.services import add_member


class Command(BaseCommand):
    """Make an account, or give an existing one a role in a campaign."""

    help = "Make an account, and give it a role in a campaign; an existing account keeps its password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("username")
        parser.add_argument("--display-name", default="")
        parser.add_argument("--campaign", help="short name of a campaign")
        parser.add_argument("--role", default=Membership.Role.READER, choices=Membership.Role.values)
        parser.add_argument("--staff", action="store_true", help="sees every campaign")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, or say in one sentence why not."""
        campaign = None
        if options["campaign"]:
            campaign = Campaign.objects.filter(slug=options["campaign"]).first()
            if campaign is None:
                raise CommandError(f"There is no campaign {options['campaign']!r}.")
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            user = self._make(options)
            self.stdout.write(f"User {user.username} is made.")
        if campaign is not None:
            add_member(campaign=campaign, user=user, role=options["role"])
            self.stdout.write(f"User {user.username} is {options['role'].lower()} of {campaign.slug}.")

    def _make(self, options: dict[str, Any]) -> User:
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\n")
        else:
            password = getpass.getpass("Password: ")
            if password != getpass.getpass("Once more: "):
                raise CommandError("The two passwords differ.")
        try:
            validate_password(password)
            return create_user(
                username=options["username"],
                password=password,
                display_name=options["display_name"],
                is_staff=options["staff"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
