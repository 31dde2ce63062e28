"""Cines and their frames over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request

from annotator.accounts.authentication import user_of
from annotator.imaging.models import Cine, Modality
from annotator.imaging.negotiation import HTJ2K, RAW, FrameNegotiation, prefers_htj2k
from annotator.imaging.selectors import visible_to
from annotator.imaging.serializers import CineBriefSerializer, CineSerializer
from annotator.imaging.services.frames import Form, frame_etag, read_frame, thumbnail_png

IMMUTABLE = "private, max-age=31536000, immutable"


class CineFilter(filters.FilterSet):
    """Narrow a list of cines."""

    campaign = filters.CharFilter(field_name="campaign_cines__campaign__slug", distinct=True)
    modality = filters.ChoiceFilter(choices=Modality.choices)
    search = filters.CharFilter(field_name="title", lookup_expr="icontains")

    class Meta:
        model = Cine
        fields = ["campaign", "modality", "search"]


class CineViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Cine]):
    """The cines of the user's campaigns."""

    queryset = Cine.objects.none()
    filterset_class = CineFilter
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Cine]:
        """Return what the user may see."""
        return visible_to(user_of(self.request))

    def get_serializer_class(self) -> type[CineBriefSerializer]:
        """Return the brief form for lists, the whole one else."""
        return CineBriefSerializer if self.action == "list" else CineSerializer

    @extend_schema(
        parameters=[OpenApiParameter("frame_number", int, OpenApiParameter.PATH, description="1-based")],
        responses={
            (200, RAW): OpenApiTypes.BINARY,
            (200, HTJ2K): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="No frame"),
        },
    )
    @action(detail=True, url_path=r"frames/(?P<frame_number>[0-9]{1,9})", content_negotiation_class=FrameNegotiation)
    def frames(self, request: Request, pk: UUID, frame_number: str) -> HttpResponse:
        """Return the exact pixels of a frame, row-major, little endian, RGB interleaved.

        With ``Accept: image/jphc``, where the server offers it, as a lossless HTJ2K codestream; `X-Pixels-CRC32` is
        then the CRC-32, eight hexadecimal digits, of the bytes that decoding has to give.
        """
        cine, number = self.get_object(), int(frame_number)
        packed = [Form.GZIP] if "gzip" in request.headers.get("Accept-Encoding", "") else []
        forms = [Form.HTJ2K, *packed] if prefers_htj2k(request) else packed
        headers = {
            "Cache-Control": IMMUTABLE,
            "Vary": "Accept, Accept-Encoding",
            "X-Rows": str(cine.rows),
            "X-Columns": str(cine.columns),
            "X-Bits-Allocated": str(cine.bits_allocated),
            "X-Samples": str(cine.channels),
        }
        expected = frame_etag(cine=cine, frame_number=number, form=forms[0] if forms else Form.RAW)
        if 1 <= number <= cine.frame_count and expected in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers={**headers, "ETag": expected})
        frame = read_frame(cine=cine, frame_number=number, forms=forms)
        headers["ETag"] = frame_etag(cine=cine, frame_number=number, form=frame.form)
        if frame.form is Form.GZIP:
            headers["Content-Encoding"] = "gzip"
        if frame.crc32 is not None:
            headers["X-Pixels-CRC32"] = f"{frame.crc32:08x}"
        media_type = HTJ2K if frame.form is Form.HTJ2K else RAW
        return HttpResponse(frame.data, content_type=media_type, headers=headers)

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    @action(detail=True)
    def thumbnail(self, request: Request, pk: UUID) -> HttpResponse:
        """Return a small picture of the cine."""
        cine = self.get_object()
        return HttpResponse(thumbnail_png(cine=cine), content_type="image/png", headers={"Cache-Control": IMMUTABLE})
