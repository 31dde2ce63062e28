"""What can be done with readings."""

from .events import AppendResult, append_event
from .importing import import_accepted_reading
from .masks import record_mask
from .opening import open_reading, open_reading_by_ids
from .states import reopen_reading, submit_reading
from .writers import WriterClaim, claim_writer, release_writer

__all__ = [
    "AppendResult",
    "WriterClaim",
    "append_event",
    "claim_writer",
    "import_accepted_reading",
    "open_reading",
    "open_reading_by_ids",
    "record_mask",
    "release_writer",
    "reopen_reading",
    "submit_reading",
]
