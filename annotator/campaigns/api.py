"""Campaigns over HTTP."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.authentication import user_of
from annotator.campaigns.models import Campaign
from annotator.campaigns.selectors import visible_campaign, visible_to
from annotator.campaigns.serializers import CampaignSerializer, CampaignUpdateSerializer, ImportUploadSerializer
from annotator.campaigns.services import import_files, update_campaign
from annotator.core.errors import TooLarge
from annotator.imaging.models import ImportBatch
from annotator.imaging.selectors import visible_batches
from annotator.imaging.serializers import ImportBatchSerializer
from annotator.imaging.services.ingest import SourceFile


class CampaignViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Campaign]):
    """The campaigns that the user takes part in."""

    serializer_class = CampaignSerializer
    queryset = Campaign.objects.none()
    lookup_field = "slug"
    filterset_fields = ["modality"]

    def get_queryset(self) -> QuerySet[Campaign]:
        """Return what the user may see."""
        return visible_to(user_of(self.request)).prefetch_related("schema__labels", "memberships__user")

    @extend_schema(request=CampaignUpdateSerializer, responses=CampaignSerializer)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change settings; managers only."""
        campaign = self.get_object()
        given = CampaignUpdateSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        update_campaign(campaign=campaign, actor=user_of(request), changes=dict(given.validated_data))
        return Response(CampaignSerializer(self.get_queryset().get(pk=campaign.pk)).data)


class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ImportBatch]):
    """Uploads of DICOM files, and what became of each file."""

    queryset = ImportBatch.objects.none()
    serializer_class = ImportBatchSerializer
    parser_classes = [MultiPartParser]
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[ImportBatch]:
        """Return what the user may see."""
        return visible_batches(user_of(self.request))

    @extend_schema(request={"multipart/form-data": ImportUploadSerializer}, responses={201: ImportBatchSerializer})
    def create(self, request: Request) -> Response:
        """Import files and .zip archives into a campaign."""
        given = ImportUploadSerializer(
            data={"campaign": request.POST.get("campaign"), "files": request.FILES.getlist("files")}
        )
        given.is_valid(raise_exception=True)
        uploads: list[UploadedFile] = given.validated_data["files"]
        if sum(upload.size or 0 for upload in uploads) > settings.MAX_UPLOAD_BYTES:
            limit = settings.MAX_UPLOAD_BYTES // 1_000_000
            raise TooLarge(f"One upload may hold {limit} MB; send the files in parts.", code="upload_too_large")
        campaign = visible_campaign(user_of(request), given.validated_data["campaign"])
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="upload-") as folder:
            sources = [_keep(upload, Path(folder) / str(number)) for number, upload in enumerate(uploads)]
            batch = import_files(campaign=campaign, actor=user_of(request), files=sources, scratch=Path(folder))
        return Response(ImportBatchSerializer(batch).data, status=201)


def _keep(upload: UploadedFile, path: Path) -> SourceFile:
    """Write an upload to disk under a name of our own; the user's name is only for the eyes."""
    with path.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return SourceFile(path, str(upload.name)[-160:])
