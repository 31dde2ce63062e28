"""Readings over HTTP: open, append, fetch masks, submit, reopen; and the worklist."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.accounts.authentication import user_of
from annotator.campaigns.models import CampaignCine
from annotator.core.devices import device_of
from annotator.core.errors import InvalidInput
from annotator.core.pagination import StandardPagination, page_of
from annotator.readings import selectors, services
from annotator.readings.models import Reading, ReadingStatus
from annotator.readings.permissions import can_write
from annotator.readings.serializers import (
    AppendedSerializer,
    AppendEventSerializer,
    ClaimedSerializer,
    ClaimSerializer,
    EventSerializer,
    MasksSerializer,
    OpenReadingSerializer,
    OtherReadingSerializer,
    ReadingDetailSerializer,
    ReadingSerializer,
    ReleaseSerializer,
    SubmitSerializer,
    WorklistRowSerializer,
    render_job,
    render_masks,
    render_worklist_row,
)
from annotator.readings.services.writers import writer_json

SINCE = "since"
HIDDEN = "hidden"
FRAMES = [
    OpenApiParameter("start", int, description="First frame, 0-based; the first of the cine without it."),
    OpenApiParameter("stop", int, description="Last frame, 0-based; the last of the cine without it."),
]


class EventPagination(StandardPagination):
    """Events come in larger pages: the editor wants the whole log."""

    page_size = 200
    max_page_size = 1000


class ReadingFilter(django_filters.FilterSet):
    """`?campaign=slug` and `?status=`."""

    campaign = django_filters.CharFilter(field_name="campaign__slug")
    status = django_filters.ChoiceFilter(choices=ReadingStatus.choices)

    class Meta:
        model = Reading
        fields = ["campaign", "status"]


def since_of(request: Request) -> int | None:
    """Return the revision named by `?since=`, or None.

    Raises
    ------
    InvalidInput
        When it is no whole number from 0.
    """
    text = request.query_params.get(SINCE)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidInput("The parameter since is a revision: a whole number from 0.", code="invalid_since")
    return int(text)


def frames_of(request: Request, reading: Reading) -> range:
    """Return the 0-based frames named by `?start=` and `?stop=`, both included.

    Raises
    ------
    InvalidInput
        When they are no frames of the cine, or the last comes before the first.
    """
    last = reading.cine.frame_count - 1
    texts = [request.query_params.get("start", "0"), request.query_params.get("stop", str(last))]
    if all(text.isascii() and text.isdigit() and len(text) <= 10 for text in texts):
        start, stop = map(int, texts)
        if start <= stop <= last:
            return range(start, stop + 1)
    raise InvalidInput(
        f"The parameters start and stop are frames from 0 to {last}, the first not after the last.",
        code="invalid_frames",
    )


def device_of_request(request: Request) -> str:
    """Return what a request comes from, for people to read."""
    return device_of(request.META.get("HTTP_USER_AGENT", ""))


@extend_schema_view(
    list=extend_schema(summary="List the readings that this user may see"),
    retrieve=extend_schema(summary="Get a reading with its labels", responses=ReadingDetailSerializer),
)
class ReadingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Reading]):
    """Readings: readers see their own, managers those of their campaigns."""

    queryset = Reading.objects.none()
    serializer_class = ReadingSerializer
    filterset_class = ReadingFilter
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Reading]:
        """Return the readings that the user may see."""
        return selectors.visible_to(user_of(self.request))

    def get_object(self) -> Reading:
        """Return the reading of the address if the user may see it."""
        return selectors.visible_reading(user_of(self.request), self.kwargs["pk"])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a page of readings."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        context = {**self.get_serializer_context(), "progress": selectors.progress_of(page)}
        return self.get_paginated_response(ReadingSerializer(page, many=True, context=context).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one reading."""
        return Response(self._render(self.get_object()))

    @extend_schema(
        summary="Open a cine for reading",
        description="Accepts the assignment, or makes one where the cine may still be picked.",
        request=OpenReadingSerializer,
        responses={
            201: OpenApiResponse(ReadingDetailSerializer, description="The reading was made."),
            200: OpenApiResponse(ReadingDetailSerializer, description="The reading was there already."),
        },
    )
    def create(self, request: Request) -> Response:
        """Open a reading."""
        given = OpenReadingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        reading, created = services.open_reading_by_ids(
            reader=user_of(request),
            cine_id=given.validated_data["cine"],
            campaign_slug=given.validated_data["campaign"],
        )
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(self._render(reading), status=code)

    @extend_schema(
        summary="List the events of a reading",
        parameters=[OpenApiParameter(SINCE, int, description="Only events after this seq.")],
        responses=EventSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=EventPagination, filterset_class=None)
    def events(self, request: Request, pk: Any = None) -> Response:
        """Return the log of a reading in order."""
        reading = self.get_object()
        page = page_of(self, selectors.events_of(reading).filter(seq__gt=since_of(request) or 0))
        context = {**self.get_serializer_context(), "undone": selectors.undone_event_ids(reading)}
        return self.get_paginated_response(EventSerializer(page, many=True, context=context).data)

    @extend_schema(
        summary="Append an event to a reading",
        request=AppendEventSerializer,
        responses={
            201: OpenApiResponse(AppendedSerializer, description="The event was appended."),
            200: OpenApiResponse(AppendedSerializer, description="A resend: the same answer again."),
        },
    )
    @events.mapping.post
    def append(self, request: Request, pk: Any = None) -> Response:
        """Append what the reader did."""
        reading = self.get_object()
        given = AppendEventSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        result = services.append_event(
            reading=reading, actor=user_of(request), device=device_of_request(request), **given.validated_data
        )
        undone = selectors.undone_event_ids(reading, as_of=result.revision)
        context = {**self.get_serializer_context(), "undone": undone}
        body = {
            "event": EventSerializer(result.event, context=context).data,
            "revision": result.revision,
            "masks": render_masks(result.masks, rows=reading.cine.rows, columns=reading.cine.columns),
            "job": None if result.job is None else render_job(result.job),
        }
        return Response(body, status=status.HTTP_201_CREATED if result.created else status.HTTP_200_OK)

    @extend_schema(
        summary="Get the current masks of a reading",
        parameters=[
            OpenApiParameter(
                SINCE,
                int,
                description="Only (label, frame) pairs changed after this revision; area 0 means cleared.",
            ),
            OpenApiParameter(
                HIDDEN,
                bool,
                description="Instead, the masks of models that lie beneath others or belong to undone events.",
            ),
        ],
        responses=MasksSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def masks(self, request: Request, pk: Any = None) -> Response:
        """Return the current masks."""
        reading = self.get_object()
        if request.query_params.get(HIDDEN) == "true":
            masks = selectors.hidden_masks(reading)
        else:
            masks = selectors.current_masks(reading, since=since_of(request))
        body = render_masks(masks, rows=reading.cine.rows, columns=reading.cine.columns)
        return Response({"revision": reading.revision, "masks": body})

    @extend_schema(
        summary="Get what the model answered in a reading",
        description="Its last answer for each label and frame, whatever was drawn over it since.",
        parameters=FRAMES,
        responses=MasksSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def answers(self, request: Request, pk: Any = None) -> Response:
        """Return the last answers of the model."""
        reading = self.get_object()
        masks = selectors.model_answers(reading, frames_of(request, reading))
        body = render_masks(masks, rows=reading.cine.rows, columns=reading.cine.columns)
        return Response({"revision": reading.revision, "masks": body})

    @extend_schema(
        summary="List the other readings of the same cine that may be laid beside this one",
        description="One's own, and those of others for managers and adjudicators once they are submitted.",
        responses=OtherReadingSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def others(self, request: Request, pk: Any = None) -> Response:
        """Return the readings that may be compared with this one."""
        user, reading = user_of(request), self.get_object()
        page = page_of(self, selectors.others_of(user, reading))
        context = {**self.get_serializer_context(), "user": user, "reading": reading}
        return self.get_paginated_response(OtherReadingSerializer(page, many=True, context=context).data)

    @extend_schema(
        summary="Get the current masks of another reading of the same cine",
        description="In the labels of this reading; those that it does not know are left out.",
        parameters=[OpenApiParameter("other", uuid.UUID, OpenApiParameter.PATH), *FRAMES],
        responses=MasksSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None, url_path="others/<uuid:other>/masks")
    def others_masks(self, request: Request, other: uuid.UUID, pk: Any = None) -> Response:
        """Return the masks of a reading that may be compared with this one."""
        reading = self.get_object()
        found = selectors.other_of(user_of(request), reading, other)
        masks = selectors.masks_beside(reading, found, frames_of(request, reading))
        body = render_masks(masks, rows=reading.cine.rows, columns=reading.cine.columns)
        return Response({"revision": found.revision, "masks": body})

    @extend_schema(summary="Submit a reading", request=SubmitSerializer, responses={200: ReadingDetailSerializer})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: Any = None) -> Response:
        """Submit the reading: nothing changes afterwards."""
        reading = self.get_object()
        given = SubmitSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        submitted = services.submit_reading(
            reading=reading, actor=user_of(request), device=device_of_request(request), **given.validated_data
        )
        return Response(self._render(submitted))

    @extend_schema(summary="Reopen a submitted reading", request=None, responses={200: ReadingDetailSerializer})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: Any = None) -> Response:
        """Let the reading be changed again."""
        return Response(self._render(services.reopen_reading(reading=self.get_object(), actor=user_of(request))))

    @extend_schema(
        summary="Ask to write, or take over",
        description="One tab writes at a time. A tab asks when it opens and every 20 s; a silent one loses the pen.",
        request=ClaimSerializer,
        responses=ClaimedSerializer,
    )
    @action(detail=True, methods=["post"])
    def writer(self, request: Request, pk: Any = None) -> Response:
        """Make a tab the writer of the reading, or tell who is."""
        reading = self.get_object()
        given = ClaimSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        claim = services.claim_writer(
            reading=reading,
            actor=user_of(request),
            token=given.validated_data["writer"],
            device=device_of_request(request),
            take=given.validated_data["take"],
        )
        return Response({"writer": writer_json(claim.writer), "yours": claim.yours})

    @extend_schema(summary="Stop writing", request=ReleaseSerializer, responses={204: None})
    @action(detail=True, methods=["post"], url_path="writer/release")
    def release(self, request: Request, pk: Any = None) -> Response:
        """Let another tab write."""
        reading = self.get_object()
        given = ReleaseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.release_writer(reading=reading, actor=user_of(request), token=given.validated_data["writer"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _render(self, reading: Reading) -> Any:
        user = user_of(self.request)
        context = {
            **self.get_serializer_context(),
            "progress": selectors.progress_of([reading]),
            "labels": list(selectors.labels_by_code(reading.campaign).values()),
            "events": selectors.summarise_events(reading),
            "can_write": reading.is_editable and can_write(user, reading),
        }
        return ReadingDetailSerializer(reading, context=context).data


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    Places = QuerySet[WithAnnotations[CampaignCine, selectors.Standing]]


class WorklistFilter(django_filters.FilterSet):
    """`?campaign=slug` and `?status=`, where NEW is a cine not opened yet."""

    campaign = django_filters.CharFilter(field_name="campaign__slug")
    status = django_filters.ChoiceFilter(
        choices=[(selectors.NEW, "Not opened yet"), *ReadingStatus.choices], method="filter_status"
    )

    class Meta:
        model = CampaignCine
        fields = ["campaign", "status"]

    def filter_status(self, places: Places, name: str, value: str) -> Places:
        """Keep the cines whose own reading has this status."""
        if value == selectors.NEW:
            return places.filter(reading_status__isnull=True)
        return places.filter(reading_status=value)


@extend_schema(summary="List the cines that this user may read")
class WorklistView(generics.ListAPIView[CampaignCine]):
    """The worklist of the user, campaign by campaign."""

    queryset = CampaignCine.objects.none()
    serializer_class = WorklistRowSerializer
    filterset_class = WorklistFilter

    def get_queryset(self) -> QuerySet[CampaignCine]:
        """Return the cines that the user may read."""
        return selectors.worklist_of(user_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a page of the worklist."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        rows = selectors.worklist_rows(user_of(request), page)
        return self.get_paginated_response([render_worklist_row(row) for row in rows])
