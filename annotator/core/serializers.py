"""What serializers of several apps share."""

from __future__ import annotations

from typing import Any, TypeVar

from rest_framework import serializers

Shown = TypeVar("Shown")


class LabelledSerializer(serializers.Serializer[Shown]):
    """A serializer whose first field is the text `label`.

    Notes
    -----
    Every serializer has an attribute `label` of its own, its caption in forms, so the class cannot declare a field of
    this name without breaking its base.
    """

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return `label`, then the declared fields."""
        return {"label": serializers.CharField(), **super().get_fields()}
