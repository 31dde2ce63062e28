"""Jobs of a reading over HTTP."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.accounts.authentication import user_of
from annotator.core.errors import NotFound
from annotator.inference import selectors, services
from annotator.inference.models import InferenceJob
from annotator.inference.serializers import JobSerializer, render_job
from annotator.readings.selectors import visible_reading


@extend_schema(summary="List the jobs of a reading", responses=JobSerializer(many=True))
class JobListView(generics.ListAPIView[InferenceJob]):
    """The jobs of a reading, the newest first."""

    queryset = InferenceJob.objects.none()
    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[InferenceJob]:
        """Return the jobs of the reading if the user may see it."""
        reading = visible_reading(user_of(self.request), self.kwargs["reading_id"])
        jobs = InferenceJob.objects.filter(reading=reading)
        return jobs.select_related("worker", "event").order_by("-run_no")

    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Return a page of jobs."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([render_job(services.brief_job(job)) for job in page])


class JobCancelView(APIView):
    """Stop a job."""

    @extend_schema(
        summary="Stop a job",
        description="The masks that have come stay; undo the event to be rid of them.",
        request=None,
        responses=JobSerializer,
    )
    def post(self, request: Request, reading_id: uuid.UUID, job_id: uuid.UUID) -> Response:
        """Stop the job."""
        user = user_of(request)
        job = selectors.jobs_visible_to(user).filter(pk=job_id, reading=reading_id).first()
        if job is None:
            raise NotFound("The reading has no such job.", code="job_not_found")
        return Response(render_job(services.brief_job(services.cancel_job(job=job, actor=user))))
