"""The DICOM hierarchy, without identities: Patient > Study > Series > Instance."""

from __future__ import annotations

from django.db import models

from annotator.core.models import BaseModel


class Patient(BaseModel):
    """A patient, known by a pseudonym that a keyed hash of the identity gives."""

    key = models.CharField(max_length=16, unique=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class IdentityMapping(BaseModel):
    """The original identity of a patient, encrypted; kept only where a campaign asks for it."""

    patient = models.OneToOneField(Patient, on_delete=models.CASCADE, related_name="identity")
    token = models.TextField()

    def __str__(self) -> str:
        return f"Identity of {self.patient}"


class Study(BaseModel):
    """A study; its UID is the replaced one."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    uid = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.uid


class Series(BaseModel):
    """A series; its UID is the replaced one."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    uid = models.CharField(max_length=64, unique=True)
    modality = models.CharField(max_length=16)

    class Meta:
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return self.uid


class Instance(BaseModel):
    """One DICOM file: the digest of the original bytes, and the blob of the de-identified file."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64)
    original_digest = models.CharField(max_length=64, unique=True)
    deidentified_blob = models.CharField(max_length=64)
    number_of_frames = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.sop_instance_uid
