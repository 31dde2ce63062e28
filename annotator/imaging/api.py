"""Cines and their frames over HTTP."""

from __future__ import annotations

import gzip
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
from annotator.imaging.selectors import visible_to
from annotator.imaging.serializers import CineBriefSerializer, CineSerializer
from annotator.imaging.services.frames import read_frame, thumbnail_png

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
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="No frame"),
        },
    )
    @action(detail=True, url_path=r"frames/(?P<frame_number>[0-9]{1,9})")
    def frames(self, request: Request, pk: UUID, frame_number: str) -> HttpResponse:
        """Return the exact pixels of a frame, row-major, little endian, RGB interleaved."""
        cine = self.get_object()
        frame = read_frame(cine=cine, frame_number=int(frame_number))
        headers = {
            "Cache-Control": IMMUTABLE,
            "ETag": frame.etag,
            "Vary": "Accept-Encoding",
            "X-Rows": str(cine.rows),
            "X-Columns": str(cine.columns),
            "X-Bits-Allocated": str(cine.bits_allocated),
            "X-Samples": str(cine.channels),
        }
        if frame.etag in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return HttpResponse(frame.gzipped, content_type="application/octet-stream", headers=headers)
        return HttpResponse(gzip.decompress(frame.gzipped), content_type="application/octet-stream", headers=headers)

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    @action(detail=True)
    def thumbnail(self, request: Request, pk: UUID) -> HttpResponse:
        """Return a small picture of the cine."""
        cine = self.get_object()
        return HttpResponse(thumbnail_png(cine=cine), content_type="image/png", headers={"Cache-Control": IMMUTABLE})
