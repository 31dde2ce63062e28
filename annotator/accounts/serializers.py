"""What accounts look like over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class CredentialsSerializer(serializers.Serializer[Any]):
    """A user name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=256, trim_whitespace=False)


class CsrfSerializer(serializers.Serializer[Any]):
    """The form token that a browser sends back, and whether this site is a demo."""

    csrf_token = serializers.CharField()
    demo = serializers.BooleanField()


class TokenSerializer(serializers.Serializer[Any]):
    """A token for scripts: `Authorization: Token <token>`."""

    token = serializers.CharField()


class MembershipBriefSerializer(serializers.Serializer[Any]):
    """A role in a campaign."""

    campaign = serializers.CharField()
    role = serializers.ChoiceField(choices=["READER", "ADJUDICATOR", "MANAGER"])


class MeSerializer(serializers.Serializer[Any]):
    """The signed-in user."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    is_staff = serializers.BooleanField()
    memberships = MembershipBriefSerializer(many=True)


@extend_schema_field(OpenApiTypes.OBJECT)
class PreferenceValueField(serializers.JSONField):
    """The value of a preference; the service checks it by its name."""


class PreferenceSerializer(serializers.Serializer[Any]):
    """A choice of the user's, and when they made it; both null where they have made none."""

    value = PreferenceValueField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)


class SetPreferenceSerializer(serializers.Serializer[Any]):
    """A choice to keep."""

    value = PreferenceValueField()
    changed_at = serializers.DateTimeField(help_text="When it was made; an older one than the kept one is refused.")
