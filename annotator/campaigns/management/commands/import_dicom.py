"""Import DICOM files from the command line."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotator.campaigns.models import Campaign
from annotator.campaigns.services import import_files
from annotator.imaging.services.ingest import FileOutcome, SourceFile


class Command(BaseCommand):
    """`manage.py import_dicom PATH... [--campaign SLUG]`: files, folders and .zip archives."""

    help = "Import DICOM files, folders and .zip archives into a campaign."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("paths", nargs="+", type=Path)
        parser.add_argument("--campaign", help="the campaign's short name; the oldest campaign when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, with a progress bar, and say what was refused and why."""
        campaigns, slug = Campaign.objects.order_by("created_at"), options["campaign"]
        campaign = campaigns.filter(slug=slug).first() if slug else campaigns.first()
        if campaign is None and not slug:
            raise CommandError("There is no campaign yet; make one with manage.py create_campaign.")
        if campaign is None:
            known = ", ".join(campaigns.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no campaign {slug!r}; there are: {known}.")
        self.stdout.write(f"Importing into the campaign {campaign.slug}.")
        files = [source for path in options["paths"] for source in self._walk(path)]
        counts = {"imported": 0, "duplicate": 0, "refused": 0}
        with (
            tqdm(total=len(files), unit="file", desc="Importing") as bar,
            tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="import-") as scratch,
        ):

            def report(outcome: FileOutcome) -> None:
                counts[outcome.outcome] += 1
                bar.update()
                if outcome.outcome == "refused":
                    bar.write(outcome.message)

            import_files(campaign=campaign, actor=None, files=files, scratch=Path(scratch), report=report)
        self.stdout.write(
            f"{counts['imported']} imported, {counts['duplicate']} already there, {counts['refused']} refused."
        )

    def _walk(self, path: Path) -> list[SourceFile]:
        if path.is_file():
            return [SourceFile(path, path.name)]
        if not path.is_dir():
            raise CommandError(f"{path} does not exist.")
        found = sorted(item for item in path.rglob("*") if item.is_file() and not item.name.startswith("."))
        return [SourceFile(item, str(item.relative_to(path))) for item in found]
