"""Labels: the coded structures that readers segment."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel

MAX_LABELS = 8


class LabelSchema(BaseModel):
    """A named, versioned set of labels."""

    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name", "version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="schema_once_per_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Label(BaseModel):
    """A structure to segment.

    `index` is its position in the schema and its bit in the label maps of the viewer, 1 to 8.
    """

    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="labels")
    code = models.CharField(max_length=64, validators=[RegexValidator(r"^[a-z][a-z0-9_]*$")])
    name = models.CharField(max_length=120)
    colour = models.CharField(max_length=7, validators=[RegexValidator(r"^#[0-9a-f]{6}$")])
    index = models.PositiveSmallIntegerField()
    coding_scheme = models.CharField(max_length=16, blank=True, default="")
    code_value = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        ordering = ["schema", "index"]
        constraints = [
            models.UniqueConstraint(fields=["schema", "code"], name="label_code_once_per_schema"),
            models.UniqueConstraint(fields=["schema", "index"], name="label_index_once_per_schema"),
            models.CheckConstraint(condition=Q(index__gte=1, index__lte=MAX_LABELS), name="label_index_in_range"),
        ]

    def __str__(self) -> str:
        return self.name
