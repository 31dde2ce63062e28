"""ReadingWriter: which tab may add to a reading."""

from __future__ import annotations

from django.db import models

from annotator.core.models import BaseModel

from .reading import Reading

MAX_TOKEN = 80


class ReadingWriter(BaseModel):
    """The one tab that adds to a reading; no row, or one not heard of for a while, means that any tab may begin.

    `token` is chosen by the tab and sent with each of its events. It is no secret: who may write is decided by
    the account, the token only tells the tabs of that one reader apart. `device` is for people to read.
    """

    reading = models.OneToOneField(Reading, on_delete=models.CASCADE, related_name="writer")
    token = models.CharField(max_length=MAX_TOKEN)
    device = models.CharField(max_length=64)
    taken_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["reading"]

    def __str__(self) -> str:
        return f"{self.device} ({self.token})"
