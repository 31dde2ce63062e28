"""Cine: ordered frames of one view with their times."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel
from annotator.imaging.models.dicom import Instance, Patient, Series


class Modality(models.TextChoices):
    """What made the pictures."""

    XA = "XA", "X-ray angiography"
    US = "US", "Echocardiography"
    IVUS = "IVUS", "Intravascular ultrasound"
    OCT = "OCT", "Optical coherence tomography"
    MR = "MR", "Magnetic resonance"
    CT = "CT", "Computed tomography"
    OT = "OT", "Other"


class FrameTimeSource(models.TextChoices):
    """Where the frame times come from, best first."""

    FRAME_TIME_VECTOR = "FrameTimeVector", "Frame Time Vector"
    FRAME_TIME = "FrameTime", "Frame Time"
    RECOMMENDED_RATE = "RecommendedDisplayFrameRate", "Recommended Display Frame Rate"
    CINE_RATE = "CineRate", "Cine Rate"
    TRIGGER_TIME = "trigger_time", "Trigger Time"
    ACQUISITION_TIME = "acquisition_time", "Acquisition Time"
    ASSUMED = "assumed", "Assumed"
    SINGLE = "single", "Single frame"


class IntensityRelationship(models.TextChoices):
    """What grey values say of the X-rays that came through; PS3.3 C.8.7.1.1.2."""

    LIN = "LIN", "Linear"
    LOG = "LOG", "Logarithmic"
    DISP = "DISP", "Made for display"


class Cine(BaseModel):
    """Frames of one view in the order of time.

    The pixels are one array blob, uint8 or uint16 (T, H, W), or uint8 RGB (T, H, W, 3). `window_low` and `window_high`
    are the grey values that map to 0 and 255; `windows` holds others by name, {name: [low, high]}. `frame_times_ms`
    counts from the first frame. `intensity_relationship` is empty where the file does not say it.
    """

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="cines")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="cines")
    instances = models.ManyToManyField(Instance, through="CineInstance", related_name="cines")
    title = models.CharField(max_length=160)
    modality = models.CharField(max_length=8, choices=Modality.choices)
    frame_count = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    channels = models.PositiveSmallIntegerField(default=1)
    bits_stored = models.PositiveSmallIntegerField()
    bits_allocated = models.PositiveSmallIntegerField()
    pixels_digest = models.CharField(max_length=64, db_index=True)
    window_low = models.FloatField()
    window_high = models.FloatField()
    windows = models.JSONField(default=dict, blank=True)
    intensity_relationship = models.CharField(
        max_length=4, choices=IntensityRelationship.choices, blank=True, default=""
    )
    frame_times_ms = models.JSONField()
    frame_time_source = models.CharField(max_length=32, choices=FrameTimeSource.choices)
    display = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(frame_count__gte=1, rows__gte=1, columns__gte=1), name="cine_has_pixels"
            ),
            models.CheckConstraint(condition=Q(channels__in=[1, 3]), name="cine_channels_known"),
            models.CheckConstraint(condition=Q(bits_allocated__in=[8, 16]), name="cine_bits_known"),
            models.CheckConstraint(
                condition=Q(intensity_relationship__in=["", *IntensityRelationship.values]),
                name="cine_intensity_known",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class CineInstance(models.Model):
    """The place of an instance in a cine."""

    cine = models.ForeignKey(Cine, on_delete=models.CASCADE, related_name="places")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="places")
    order = models.PositiveIntegerField()

    class Meta:
        ordering = ["cine", "order"]
        constraints = [models.UniqueConstraint(fields=["cine", "order"], name="cine_instance_order_once")]

    def __str__(self) -> str:
        return f"{self.instance} at {self.order}"
