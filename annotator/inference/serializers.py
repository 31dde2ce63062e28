"""Jobs as JSON; their shape is that of the answer to an event."""

from annotator.readings.serializers import JobSerializer, render_job

__all__ = ["JobSerializer", "render_job"]
