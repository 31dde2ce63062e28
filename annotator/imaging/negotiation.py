"""Which form of a frame a client asks for."""

from __future__ import annotations

from collections.abc import Iterable

from django.http.request import MediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from annotator.imaging.services import htj2k

RAW = "application/octet-stream"
HTJ2K = "image/jphc"


class FrameNegotiation(DefaultContentNegotiation):
    """Let a client name the forms of a frame; errors are JSON whatever it accepts."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of errors; a client that accepts neither a frame nor JSON is refused."""
        if prefers_htj2k(request) or _quality(_asked(request), RAW) > 0:
            first = next(iter(renderers))
            return first, str(first.media_type)
        return super().select_renderer(request, renderers, format_suffix)


def prefers_htj2k(request: Request) -> bool:
    """Tell whether a frame goes as HTJ2K: its type is named, liked no less than the bytes themselves, and offered.

    Notes
    -----
    A wildcard does not ask for a codec that few can read: who says ``*/*`` or ``image/*`` is answered as ever.
    """
    asked = _asked(request)
    named = max((kind.quality for kind in asked if (kind.main_type, kind.sub_type) == ("image", "jphc")), default=0)
    return named > 0 and named >= _quality(asked, RAW) and htj2k.is_offered()


def _asked(request: Request) -> list[MediaType]:
    """Return what a client accepts; a header beyond DRF's bounds is cut."""
    return [MediaType(token) for token in DefaultContentNegotiation().get_accept_list(request)]


def _quality(asked: list[MediaType], media_type: str) -> float:
    """Return how much a type is liked, 0 where it is not accepted; the most specific range that it fits counts."""
    fitting = [kind for kind in asked if kind.match(media_type)]
    return max(fitting, key=lambda kind: (kind.specificity, kind.quality)).quality if fitting else 0
