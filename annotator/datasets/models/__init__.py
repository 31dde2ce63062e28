"""Dataset versions, their items, and the side of the split on which each patient stands."""

from .split import PatientSplit, Split
from .version import DatasetItem, DatasetVersion, VersionStatus

__all__ = ["DatasetItem", "DatasetVersion", "PatientSplit", "Split", "VersionStatus"]
