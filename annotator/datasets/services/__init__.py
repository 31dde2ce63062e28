"""What can be done with dataset versions."""

from .collect import collect_lines
from .freeze import freeze_dataset_version
from .place import place_patients

__all__ = ["collect_lines", "freeze_dataset_version", "place_patients"]
