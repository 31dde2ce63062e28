"""Why a file is not imported."""

from __future__ import annotations


class FileRefused(Exception):
    """A file cannot be imported; `code` is machine-readable, `reason` ends a sentence that begins with its name."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
