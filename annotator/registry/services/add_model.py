"""Add the weights of a known family to the registry; a process of its own, which may load torch, checks them first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotator.campaigns.models import Campaign
from annotator.core import audit
from annotator.core.errors import IllegalTransition, InvalidInput, NotFound, Unprocessable
from annotator.registry.models import ModelStatus, ModelVersion
from workers.protocol.families import FAMILIES, Family

from .announce import announce_model
from .model_files import ModelFiles, digest_of, files_at, require_one_file, store_files
from .register import next_model_number

CHECK = ("-m", "workers.engine.check")
CHECK_TIMEOUT_S = 1800
LONGEST_NAME = 120
NAMELESS_FILES = ("model.safetensors",)
"""Names of files that many repositories have, so that they tell nothing."""


@dataclass(frozen=True)
class Verdict:
    """What a checked file is.

    Attributes
    ----------
    family, preprocess_id, licence : str
    parameters : int
        How many numbers the model has.
    sha256 : str
        Of the weights.
    image_size : int
        Side of the model's square input in pixels.
    base : str
        SHA-256 of the checkpoint that an adapter belongs to; empty for a whole model.
    """

    family: str
    preprocess_id: str
    licence: str
    parameters: int
    sha256: str
    image_size: int
    base: str = ""


def find_family(name: str) -> Family:
    """Return a family by its name.

    Raises
    ------
    NotFound
        `unknown_family`, with the names of those that are known.
    """
    family = FAMILIES.get(name)
    if family is None:
        raise NotFound(
            f"No family of models is called {name!r}; there are {', '.join(FAMILIES)}.", code="unknown_family"
        )
    return family


def check_checkpoint(*, family: str, path: Path) -> Verdict:
    """Let a process of its own read a file as weights of a family: keys, shapes and numbers.

    Parameters
    ----------
    family : str
        A key of `workers.protocol.families.FAMILIES`.
    path : Path
        A file of any name: what it is stands in its first bytes. Or a folder or a package (`model_files.files_at`).

    Returns
    -------
    Verdict

    Raises
    ------
    NotFound
        `unknown_family` or `checkpoint_missing`.
    Unprocessable
        The refusal of the check with its code, such as `checkpoint_mismatch` and the first keys that differ, or
        `checkpoint_unsafe`; `not_one_file`; `check_failed` when it ended without a verdict, `check_timed_out` when it
        did not end.
    """
    find_family(family)
    files = files_at(path)
    require_one_file(files, family)
    return _check(family, files)


def _check(family: str, files: ModelFiles) -> Verdict:
    name = files.weights.name
    command = [sys.executable, *CHECK, family, *files.arguments]
    try:
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"The check of {name} did not end within {CHECK_TIMEOUT_S} s."
        raise Unprocessable(message, code="check_timed_out") from error
    return _read_verdict(done.stdout, done.returncode, name)


def add_model(
    *, family: str, path: Path, name: str = "", move: bool = False, beside: Mapping[str, Path] | None = None
) -> tuple[ModelVersion, bool]:
    """Check a file, put it into the blob store and register it; known bytes are not checked again.

    Workers that run already need no restart: they load a model by its digest when a reading asks for it.

    Parameters
    ----------
    family : str
        A key of `workers.protocol.families.FAMILIES`.
    path : Path
        As of `check_checkpoint`.
    name : str, optional
        For readers; without it the published name of a known file, else the file's own.
    move : bool
        Whether the files may be taken over rather than copied.
    beside : mapping of str to Path, optional
        What belongs to the weights at `path` and lies elsewhere (`model_files.ModelFiles`).

    Returns
    -------
    model : ModelVersion
        Evaluated, so that a manager can promote it.
    created : bool
        False where these weights were registered before.

    Raises
    ------
    InvalidInput
        `bad_model_name`.
    IllegalTransition
        `other_family` when the same bytes are registered as another family; `file_changed`.
    NotFound, Unprocessable
        As of `check_checkpoint`; `base_missing` for an adapter of weights that are not registered.
    """
    find_family(family)
    name = _clean_name(name or published_name(path.name) or path.stem)
    files = ModelFiles(path, beside) if beside else files_at(path)
    require_one_file(files, family)
    known = ModelVersion.objects.filter(checkpoint=digest_of(files, family)).first()
    if known is not None:
        _require_same_family(known, family)
        store_files(files, family, move=move)
        return known, False
    verdict = _check(family, files)
    base = _base_of(verdict)
    digest, weights = store_files(files, family, move=move)
    if weights != verdict.sha256:
        raise IllegalTransition(f"The file {path.name} changed while it was being checked.", code="file_changed")
    with transaction.atomic():
        model, created = ModelVersion.objects.get_or_create(
            checkpoint=digest,
            defaults={
                "number": max(1, next_model_number()),  # 0 is kept for the bundled model
                "name": name,
                "family": verdict.family,
                "preprocess_id": verdict.preprocess_id,
                "code_version": settings.VERSION,
                "licence": verdict.licence,
                "parent": base,
                # Whoever published the weights measured them; what they do here shows in the next comparison.
                "status": ModelStatus.EVALUATED,
            },
        )
        if created:
            data = {"checkpoint": digest, "number": model.number, "family": model.family}
            audit.record(actor=None, action="registry.model_added", target=model, data=data)
            for campaign in Campaign.objects.order_by("slug"):
                announce_model(campaign=campaign, model=model)
    return model, created


def published_names() -> dict[str, tuple[Family, str]]:
    """Return the family and the file of all published weights, by the name that readers give them.

    Weights that are their family's only ones are named after it, others after their file: ``medsam2-us-heart``.
    """
    return {
        family.name if len(family.files) == 1 else Path(file).stem.lower().replace("_", "-"): (family, file)
        for family in FAMILIES.values()
        if family.repository
        for file in family.files
    }


def published_name(file: str) -> str:
    """Return the name of published weights by the name of their file, or an empty text."""
    known = {published: name for name, (_, published) in published_names().items() if published not in NAMELESS_FILES}
    return known.get(file, "")


def _require_same_family(model: ModelVersion, family: str) -> None:
    if model.family != family:
        message = f"These weights are registered already: as model {model.number} of the family {model.family}."
        raise IllegalTransition(message, code="other_family")


def _base_of(verdict: Verdict) -> ModelVersion | None:
    """Return the model that an adapter belongs to, or None for a whole model."""
    if not verdict.base:
        return None
    base = ModelVersion.objects.filter(checkpoint=verdict.base).first()
    if base is None:
        message = f"This is an adapter of weights that are not registered: SHA-256 {verdict.base}. Add these first."
        raise Unprocessable(message, code="base_missing")
    return base


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or name.isdecimal():
        raise InvalidInput(
            f"The name of a model has 1 to {LONGEST_NAME} characters and is not a number.", code="bad_model_name"
        )
    return name


def _read_verdict(output: str, status: int, name: str) -> Verdict:
    """Return the verdict that a check printed as its last line, or raise its refusal."""
    lines = output.strip().splitlines()
    try:
        answer: Any = json.loads(lines[-1]) if lines else None
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("ok") is False:
        raise Unprocessable(str(answer.get("message")), code=str(answer.get("code")))
    if status == 0 and isinstance(answer, dict) and answer.pop("ok", False):
        try:
            return Verdict(**answer)
        except TypeError:
            pass
    why = "the system stopped it, most likely for lack of memory" if status < 0 else f"it ended with status {status}"
    raise Unprocessable(f"The check of {name} came to no verdict: {why}.", code="check_failed")
