"""ReadingEvent: one step of a reader's work, never changed once written."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.core.models import BaseModel

from .reading import Reading


class EventKind(models.TextChoices):
    """What a reader can do to a reading."""

    PROMPT = "prompt", "Prompt"
    EDIT = "edit", "Edit"
    RELABEL = "relabel", "Relabel"
    PROPAGATE = "propagate", "Propagate"
    ACCEPT = "accept", "Accept"
    UNDO = "undo", "Undo"
    REDO = "redo", "Redo"


REVERSALS = (EventKind.UNDO, EventKind.REDO)
RESHAPING = (EventKind.EDIT, EventKind.RELABEL)
"""Events that leave masks by themselves, which no prompt made before explains any more."""


class ReadingEvent(BaseModel):
    """An entry of the append-only log of a reading; database triggers refuse an update.

    `frame_index` and `label` repeat the payload of prompts, propagations and edits of one mask, so that the fold
    can be asked in SQL; an edit of several masks and a relabelling have neither, their masks say which they are.
    `target` is the event that an undo or redo is about.
    """

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    client_uuid = models.UUIDField()
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    payload = models.JSONField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    frame_index = models.PositiveIntegerField(null=True, blank=True)
    label = models.ForeignKey("campaigns.Label", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversals")

    class Meta:
        ordering = ["reading", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["reading", "client_uuid"], name="event_client_uuid_once"),
            models.UniqueConstraint(fields=["reading", "seq"], name="event_seq_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_seq_from_one"),
            models.CheckConstraint(condition=Q(kind__in=EventKind.values), name="event_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind__in=REVERSALS, target__isnull=False)
                | (~Q(kind__in=REVERSALS) & Q(target__isnull=True)),
                name="event_target_of_reversals_only",
            ),
        ]
        indexes = [
            models.Index(fields=["target", "-seq"], name="event_reversals"),
            models.Index(fields=["reading", "kind", "frame_index"], name="event_by_frame"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq}"
