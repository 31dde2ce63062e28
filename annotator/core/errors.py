"""The errors that services raise; what they become over HTTP stands in `http_errors` alone."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """Something that a user asked for cannot be done.

    Parameters
    ----------
    message : str
        One human sentence.
    code : str
        Machine-readable, lower case with underscores; stable.
    details : dict, optional
        JSON-serialisable facts that help a program to react.
    """

    def __init__(self, message: str, *, code: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details or {}


class InvalidInput(DomainError):
    """What was sent is malformed or out of range."""


class PermissionDenied(DomainError):
    """The user may not do this."""


class NotFound(DomainError):
    """There is no such thing, or the user may not know of it."""


class IllegalTransition(DomainError):
    """The thing is not in a state that allows this."""


class StaleRevision(DomainError):
    """The caller has seen an older state than the one it wants to change."""


class TooLarge(DomainError):
    """What was sent exceeds a limit."""


class Unprocessable(DomainError):
    """What was sent is well formed but cannot be carried out."""


class Busy(DomainError):
    """The system has too much to do at this moment; try again."""
