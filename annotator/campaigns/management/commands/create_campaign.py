"""`manage.py create_campaign SLUG --name NAME --modality XA --label CODE=NAME ... --manager USERNAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.services import LabelSpec, create_campaign, ensure_schema
from annotator.core.errors import DomainError
from annotator.imaging.models import Modality

# Far apart in hue and lightness on near-black, also for the colour-blind (after Okabe and Ito).
COLOURS = ("#ff5c7a", "#4cc2ff", "#ffd166", "#06d6a0", "#c792ea", "#ff9f43", "#9bd3ff", "#e0e0e0")


class Command(BaseCommand):
    """Make a campaign with its labels and its first manager."""

    help = "Make a campaign with its labels; the manager must have an account (manage.py add_user)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="short name, as in addresses")
        parser.add_argument("--name", required=True)
        parser.add_argument("--modality", required=True, choices=Modality.values)
        parser.add_argument(
            "--label",
            action="append",
            required=True,
            help="CODE=NAME or CODE=NAME=SNOMED, such as 'coronary_artery=Coronary artery=41801008'; 1 to 8 of them",
        )
        parser.add_argument("--manager", required=True, help="user name")
        parser.add_argument("--keep-identity", action="store_true", help="keep the encrypted mapping to identities")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, or say in one sentence why not."""
        manager = User.objects.filter(username=options["manager"]).first()
        if manager is None:
            raise CommandError(f"There is no user {options['manager']!r}; make one with manage.py add_user.")
        try:
            with transaction.atomic():
                # Named after the campaign: a schema that other campaigns use must not change under them.
                schema = ensure_schema(name=options["slug"], labels=labels_from(options["label"]))
                create_campaign(
                    slug=options["slug"],
                    name=options["name"],
                    schema=schema,
                    modality=options["modality"],
                    keep_identity_mapping=options["keep_identity"],
                    actor=manager,
                )
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Campaign {options['slug']} is made; import cines with manage.py import_dicom.")


def labels_from(texts: list[str]) -> list[LabelSpec]:
    """Return the labels that texts of the form CODE=NAME[=SNOMED] describe, with colours of their own."""
    specs = []
    for text, colour in zip(texts, COLOURS, strict=False):
        parts = [part.strip() for part in text.split("=")]
        if len(parts) not in (2, 3) or not all(parts):
            raise CommandError(f"A label is written CODE=NAME or CODE=NAME=SNOMED, not {text!r}.")
        snomed = parts[2] if len(parts) == 3 else ""
        specs.append(LabelSpec(parts[0], parts[1], colour, "SCT" if snomed else "", snomed))
    if len(texts) > len(COLOURS):
        raise CommandError(f"A campaign has at most {len(COLOURS)} labels.")
    return specs
