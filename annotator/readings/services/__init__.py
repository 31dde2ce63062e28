"""What can be done with readings."""

from .events import AppendResult, append_event
from .importing import import_accepted_reading
from .masks import record_mask
from .opening import open_reading, open_reading_by_ids
from .states import reopen_reading, submit_reading

__all__ = [
    "AppendResult",
    "append_event",
    "import_accepted_reading",
    "open_reading",
    "open_reading_by_ids",
    "record_mask",
    "reopen_reading",
    "submit_reading",
]
