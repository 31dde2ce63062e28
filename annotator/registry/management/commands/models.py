"""`manage.py models list | add FAMILY PATH | fetch NAME | check NAME`: the weights that can assist readers."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.core import blobs
from annotator.core.errors import DomainError, NotFound
from annotator.registry import selectors
from annotator.registry.models import ModelVersion
from annotator.registry.services.add_model import (
    add_model,
    check_checkpoint,
    find_family,
    published_name,
    published_names,
)
from annotator.registry.services.checkpoint_header import read_header_of
from annotator.registry.services.hub import HubFile, fetch_model, find_hub_file
from annotator.registry.services.model_files import files_at, size_of_model
from workers.protocol.families import FAMILIES

MB = 1_000_000


class Command(BaseCommand):
    """See which models there are, add weights of known families, and check them."""

    help = "List, add, fetch and check models; a model that was added needs no restart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions and their arguments."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | add | fetch | check")
        listing = actions.add_parser("list", help="registered models, and what could be added")
        listing.add_argument("--json", action="store_true", help="for programs")
        adding = actions.add_parser("add", help="register the weights in a file")
        adding.add_argument("family", metavar="FAMILY", help=", ".join(FAMILIES))
        adding.add_argument("path", metavar="PATH", type=Path, help="a file; for sam3 also its folder")
        adding.add_argument("--name", default="", help="what readers see; else the name of the file")
        fetching = actions.add_parser("fetch", help="fetch published weights from a hub and register them")
        fetching.add_argument("name", metavar="NAME", help=", ".join(published_names()))
        fetching.add_argument("--endpoint", default="", help="address of the hub; else HF_ENDPOINT or huggingface.co")
        fetching.add_argument("--revision", default="", help="branch, tag or commit; else main")
        fetching.add_argument("--accept-licence", action="store_true", help="agree to the licence that is shown")
        checking = actions.add_parser("check", help="check a registered model, or a file before it is added")
        checking.add_argument("name", metavar="NAME", help="name or number of a model, or a path")
        checking.add_argument("--family", default="", help="of a file whose name and header do not tell")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one action; whatever cannot be done is one sentence."""
        try:
            match options["action"]:
                case "list":
                    self._list(as_json=options["json"])
                case "add":
                    self._tell(*add_model(family=options["family"], path=options["path"], name=options["name"]))
                case "fetch":
                    self._fetch(options)
                case "check":
                    self._check(options["name"], options["family"])
        except DomainError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; run the same command again to go on.") from None

    def _list(self, *, as_json: bool) -> None:
        models, rest = registered(), not_yet_added()
        if as_json:
            self.stdout.write(json.dumps({"models": models, "not_added": rest}, indent=2))
            return
        rows = [
            (
                f"#{row['number']}",
                row["name"],
                row["family"],
                "missing" if row["size"] is None else f"{row['size'] / MB:,.1f} MB",
                row["licence"] or "-",
                row["status"].lower(),
                ", ".join(row["campaigns"]) or "-",
            )
            for row in models
        ]
        self._table(("", "name", "family", "size", "licence", "state", "used by"), rows)
        self.stdout.write("\nNot added yet (manage.py models fetch NAME, or models add FAMILY PATH):")
        self._table(
            ("name", "family", "licence", "from", ""),
            [(row["name"], row["family"], row["licence"], row["source"], row["advice"]) for row in rest],
        )

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        for row in (head, *rows):
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _fetch(self, options: dict[str, Any]) -> None:
        source = find_hub_file(name=options["name"], endpoint=options["endpoint"], revision=options["revision"])
        self.stdout.write(f"{source.family.title}, {source.file}: licence {source.family.licence} ({source.page}).")
        if source.needs_consent and not options["accept_licence"]:
            self._ask_consent(source)
        self._tell(*fetch_model(source=source, say=self.stdout.write))

    def _ask_consent(self, source: HubFile) -> None:
        """Raise CommandError unless somebody at the terminal agrees to the licence."""
        licence = source.family.licence
        if not sys.stdin.isatty():
            raise CommandError(f"The licence {licence} has terms of its own; read it and say --accept-licence.")
        if input(f"Do you agree to the terms of {licence}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was fetched, as its licence was not agreed to.")

    def _tell(self, model: ModelVersion, created: bool) -> None:
        what = "is registered" if created else "was registered before; nothing changed"
        self.stdout.write(f"Model {model.number} ({model.name}, {model.family}, {model.licence}) {what}.")
        self.stdout.write(
            "No restart is needed. A campaign uses it once its manager presses 'Use this one' on the page Models, or "
            f'sends POST /api/v1/models/{model.pk}/promote/ {{"campaign": "NAME"}}.'
        )

    def _check(self, name: str, family: str) -> None:
        path, family, title = self._find(name, family)
        verdict = check_checkpoint(family=family, path=path)
        self.stdout.write(
            f"{title} is good: {verdict.family}, {verdict.parameters / MB:,.1f} million parameters, "
            f"{verdict.image_size} pixels, {verdict.preprocess_id}, {verdict.licence}, SHA-256 {verdict.sha256}."
        )

    def _find(self, name: str, family: str) -> tuple[Path, str, str]:
        """Return file, family and title of what is to be checked: a registered model before a file of that name."""
        found = selectors.models_called(name)
        if len(found) > 1:
            numbers = ", ".join(str(model.number) for model in found)
            raise CommandError(f"Several models are called {name!r}; give one of the numbers {numbers}.")
        if found:
            model = found[0]
            return blobs.local_path(model.checkpoint), model.family, f"Model {model.number} ({model.name})"
        path = Path(name)
        if not path.exists():
            known = ", ".join(ModelVersion.objects.order_by("number").values_list("name", flat=True)) or "none"
            raise CommandError(f"{name!r} is neither a model nor a file; the models are: {known}.")
        return path, find_family(family).name if family else family_of(path), path.name


def registered() -> list[dict[str, Any]]:
    """Return what is told of each registered model, in the order of their numbers."""
    used = selectors.campaigns_by_model()
    return [
        {
            "id": str(model.pk),
            "number": model.number,
            "name": model.name,
            "family": model.family,
            "size": size_of_model(model.family, model.checkpoint),
            "licence": model.licence,
            "status": str(model.status),
            "campaigns": used.get(model.pk, []),
            "checkpoint": model.checkpoint,
        }
        for model in ModelVersion.objects.order_by("number")
    ]


def not_yet_added() -> list[dict[str, str]]:
    """Return the published weights that no model is named after."""
    names = set(ModelVersion.objects.values_list("name", flat=True))
    return [
        {
            "name": name,
            "family": family.name,
            "licence": family.licence,
            "source": f"{family.repository}/{file}" + (" (gated)" if family.is_gated else ""),
            "advice": family.advice,
        }
        for name, (family, file) in published_names().items()
        if name not in names
    ]


def family_of(path: Path) -> str:
    """Return the family of a file by its published name or by its own header.

    Raises
    ------
    NotFound
        `family_not_told`, with the names of the known families.
    """
    name = published_name(path.name)
    if name:
        return published_names()[name][0].name
    try:
        return read_header_of(files_at(path).weights).family
    except DomainError as error:
        raise NotFound(
            f"The file {path.name} does not say of which family it is; give --family: {', '.join(FAMILIES)}.",
            code="family_not_told",
        ) from error
