"""From which pages a browser may open a socket."""

from __future__ import annotations

from typing import Any

from channels.security.websocket import OriginValidator


class BrowserOriginValidator(OriginValidator):
    """Refuse the handshakes of other sites' pages; programs name no origin and are let through.

    Notes
    -----
    A browser sends cookies along with a handshake that another site's page begins, but always names that page in
    `Origin`. A program names none, and has no cookies but its owner's.
    """

    def valid_origin(self, parsed_origin: Any) -> bool:
        """Tell whether a handshake with this origin (None when it names none) may go on."""
        return parsed_origin is None or bool(super().valid_origin(parsed_origin))
