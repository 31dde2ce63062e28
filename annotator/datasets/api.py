"""Dataset versions over HTTP: parse, authorise, one service call, render."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.authentication import user_of
from annotator.campaigns.permissions import require_manager
from annotator.campaigns.selectors import visible_campaign
from annotator.core.pagination import page_of
from annotator.datasets import selectors
from annotator.datasets.models import DatasetItem, DatasetVersion, VersionStatus
from annotator.datasets.serializers import (
    DatasetItemSerializer,
    DatasetVersionSerializer,
    FreezeSerializer,
    MaskLineageSerializer,
)
from annotator.datasets.services import freeze_dataset_version
from annotator.datasets.services.manifest import decode_manifest


class DatasetVersionFilter(django_filters.FilterSet):
    """Filters of the list of versions."""

    campaign = django_filters.CharFilter(field_name="campaign__slug")
    status = django_filters.ChoiceFilter(choices=VersionStatus.choices)

    class Meta:
        model = DatasetVersion
        fields = ["campaign", "status"]


@extend_schema_view(
    list=extend_schema(summary="List dataset versions, the newest first"),
    retrieve=extend_schema(summary="Show a dataset version"),
)
class DatasetVersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Immutable versions of what has been accepted in a campaign."""

    serializer_class = DatasetVersionSerializer
    filterset_class = DatasetVersionFilter
    queryset = DatasetVersion.objects.none()

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        """Return the versions that the user may see."""
        return selectors.visible_to(user_of(self.request)).order_by("campaign__slug", "-number")

    @extend_schema(
        summary="Freeze the accepted masks of a campaign into a new version",
        request=FreezeSerializer,
        responses={
            201: DatasetVersionSerializer,
            409: OpenApiResponse(description="`nothing_new` (details name the version) or `version_building`."),
            422: OpenApiResponse(description="`nothing_accepted` or `blob_missing`."),
        },
    )
    def create(self, request: Request) -> Response:
        """Freeze a version; for managers."""
        body = FreezeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = user_of(request)
        campaign = visible_campaign(user, body.validated_data["campaign"])
        require_manager(user, campaign)
        version = freeze_dataset_version(campaign=campaign, actor=user, reason=body.validated_data["reason"])
        return Response(self.get_serializer(version).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Download the manifest (canonical JSON Lines)",
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"])
    def manifest(self, request: Request, **kwargs: Any) -> HttpResponse:
        """Answer the bytes whose SHA-256 is the version's `manifest_digest`."""
        version = self.get_object()
        response = HttpResponse(selectors.manifest_bytes(version), content_type="application/x-ndjson")
        name = f"{version.campaign.slug}-v{version.number}.jsonl"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["ETag"] = f'"{version.manifest_digest}"'
        response["Cache-Control"] = "private, immutable, max-age=31536000"
        return response

    @extend_schema(
        summary="List the accepted readings inside a version",
        responses=DatasetItemSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def items(self, request: Request, **kwargs: Any) -> Response:
        """Answer a page of items."""
        page = page_of(self, selectors.items_of(self.get_object()))
        return self.get_paginated_response(DatasetItemSerializer(page, many=True).data)

    @extend_schema(
        summary="Trace each mask of an item to the event that made it",
        parameters=[],
        responses=MaskLineageSerializer(many=True),
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        url_path=r"items/(?P<item_id>[0-9a-f-]{36})/lineage",
        filterset_class=None,
        pagination_class=None,
    )
    def item_lineage(self, request: Request, item_id: str, **kwargs: Any) -> Response:
        """Answer mask -> event -> reading -> model for one item."""
        version = self.get_object()
        item = get_object_or_404(DatasetItem.objects.select_related("version"), pk=item_id, version=version)
        lines = decode_manifest(selectors.manifest_bytes(version))
        return Response([MaskLineageSerializer(mask).data for mask in selectors.mask_lineage(item, lines)])
