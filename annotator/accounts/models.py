"""The user, and what they have set for themselves."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in; what they may do stands in their memberships of campaigns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    display_name = models.CharField(max_length=120, blank=True, default="")

    class Meta(AbstractUser.Meta):
        ordering = ["username"]

    def __str__(self) -> str:
        return self.display_name or self.username


class Preference(models.Model):
    """A choice of a user's by its name; `changed_at` is when they made it, by the clock of their computer."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="preferences")
    name = models.CharField(max_length=32)
    value = models.JSONField(null=True)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["user", "name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="preference_once_per_name")]

    def __str__(self) -> str:
        return f"Preference {self.name}"
