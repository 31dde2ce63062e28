"""Label schemas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from annotator.campaigns.models import Label, LabelSchema
from annotator.campaigns.models.label import MAX_LABELS
from annotator.core.errors import InvalidInput


@dataclass(frozen=True)
class LabelSpec:
    """A label to be made: code, name, colour "#rrggbb", and its code in a terminology."""

    code: str
    name: str
    colour: str
    coding_scheme: str = ""
    code_value: str = ""


@transaction.atomic
def ensure_schema(*, name: str, labels: Sequence[LabelSpec]) -> LabelSchema:
    """Return the schema of this name, making its first version when there is none.

    Raises
    ------
    InvalidInput
        When there are no labels or more than the viewer can draw.
    """
    existing = LabelSchema.objects.filter(name=name).order_by("-version").first()
    if existing is not None:
        return existing
    if not 1 <= len(labels) <= MAX_LABELS:
        raise InvalidInput(f"A schema has 1 to {MAX_LABELS} labels.", code="bad_label_count")
    schema = LabelSchema.objects.create(name=name)
    for index, spec in enumerate(labels, 1):
        label = Label(
            schema=schema,
            index=index,
            code=spec.code,
            name=spec.name,
            colour=spec.colour,
            coding_scheme=spec.coding_scheme,
            code_value=spec.code_value,
        )
        label.full_clean()
        label.save()
    return schema
