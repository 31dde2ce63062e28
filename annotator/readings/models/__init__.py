"""Readings, their append-only events, and the masks that come of them."""

from .event import EventKind, ReadingEvent
from .mask import Mask, Provenance, Segmentation
from .reading import Reading, ReadingStatus
from .writer import ReadingWriter

__all__ = [
    "EventKind",
    "Mask",
    "Provenance",
    "Reading",
    "ReadingEvent",
    "ReadingStatus",
    "ReadingWriter",
    "Segmentation",
]
