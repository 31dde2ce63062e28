"""What an import leaves behind."""

from annotator.imaging.models.cine import Cine, CineInstance, FrameTimeSource, IntensityRelationship, Modality
from annotator.imaging.models.dicom import IdentityMapping, Instance, Patient, Series, Study
from annotator.imaging.models.import_batch import BatchStatus, ImportBatch

__all__ = [
    "BatchStatus",
    "Cine",
    "CineInstance",
    "FrameTimeSource",
    "IdentityMapping",
    "ImportBatch",
    "Instance",
    "IntensityRelationship",
    "Modality",
    "Patient",
    "Series",
    "Study",
]
