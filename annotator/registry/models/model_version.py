"""ModelVersion: a checkpoint with the preprocessing and the code that belong to it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel
from workers.protocol.families import FAMILIES


class ModelStatus(models.TextChoices):
    """Where a model stands; RETIRED means that no campaign uses it any longer."""

    CANDIDATE = "CANDIDATE", "Candidate"
    EVALUATED = "EVALUATED", "Evaluated"
    PROMOTED = "PROMOTED", "Promoted"
    RETIRED = "RETIRED", "Retired"


class ModelVersion(BaseModel):
    """Weights that can assist readers; number 0 is the bundled model.

    A rollback promotes a retired model again, so RETIRED leads back to PROMOTED.
    """

    TRANSITIONS: dict[str, set[str]] = {
        ModelStatus.CANDIDATE: {ModelStatus.EVALUATED, ModelStatus.RETIRED},
        ModelStatus.EVALUATED: {ModelStatus.PROMOTED, ModelStatus.RETIRED},
        ModelStatus.PROMOTED: {ModelStatus.RETIRED},
        ModelStatus.RETIRED: {ModelStatus.PROMOTED},
    }

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=120)
    family = models.CharField(max_length=64)
    checkpoint = models.CharField(max_length=64, unique=True)
    preprocess_id = models.CharField(max_length=64)
    code_version = models.CharField(max_length=64)
    licence = models.CharField(max_length=120, blank=True, default="")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    training_run = models.OneToOneField(
        "registry.TrainingRun", null=True, blank=True, on_delete=models.PROTECT, related_name="model"
    )
    dataset_version = models.ForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="models"
    )
    status = models.CharField(max_length=16, choices=ModelStatus.choices, default=ModelStatus.CANDIDATE)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ModelStatus.values), name="model_status_is_known"),
            models.CheckConstraint(
                condition=Q(training_run__isnull=True, dataset_version__isnull=True)
                | Q(training_run__isnull=False, dataset_version__isnull=False),
                name="model_run_and_version_together",
            ),
        ]

    def __str__(self) -> str:
        return f"Model {self.number} ({self.status})"

    @property
    def training_methods(self) -> tuple[str, ...]:
        """By which methods it can be trained further, the usual choice first; none for a family unknown here."""
        family = FAMILIES.get(self.family)
        return family.methods if family else ()
