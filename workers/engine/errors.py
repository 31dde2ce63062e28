"""What a model cannot do."""

from __future__ import annotations


class EngineError(Exception):
    """A request cannot be carried out; `code` is machine-readable, the message a sentence for the reader."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
