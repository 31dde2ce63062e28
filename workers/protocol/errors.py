"""What can be wrong with something that was received."""

from __future__ import annotations


class ProtocolError(ValueError):
    """Something received is not what the protocol says; `code` is machine-readable, the message a sentence."""

    code = "malformed"


class MessageError(ProtocolError):
    """A message has unknown, missing or wrong fields, or another version."""

    code = "malformed_message"


class MaskCodecError(ProtocolError):
    """A mask cannot be encoded, or bytes are not the one encoding of a mask."""

    code = "malformed_mask"
