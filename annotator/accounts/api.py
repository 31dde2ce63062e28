"""Sign in and out, and who am I."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from annotator.accounts.authentication import user_of
from annotator.accounts.models import User
from annotator.accounts.serializers import (
    CredentialsSerializer,
    CsrfSerializer,
    MeSerializer,
    PreferenceSerializer,
    SetPreferenceSerializer,
    TokenSerializer,
)
from annotator.accounts.services import check_credentials, preference_of, set_preference, user_group
from annotator.core import realtime


def describe(user: User) -> dict[str, Any]:
    """Return what `auth/me/` says of a user."""
    memberships = user.memberships.select_related("campaign").order_by("campaign__slug")
    return {
        "id": user.pk,
        "username": user.username,
        "display_name": str(user),
        "is_staff": user.is_staff,
        "memberships": [{"campaign": item.campaign.slug, "role": item.role} for item in memberships],
    }


class CsrfView(APIView):
    """Set the form token's cookie."""

    permission_classes = [AllowAny]

    @extend_schema(responses=CsrfSerializer)
    def get(self, request: Request) -> Response:
        """Return the form token."""
        return Response({"csrf_token": get_token(request._request), "demo": settings.DEMO})


class LoginView(APIView):
    """Begin a session."""

    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"

    @extend_schema(request=CredentialsSerializer, responses=MeSerializer)
    def post(self, request: Request) -> Response:
        """Check the credentials and set the session's cookie."""
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = check_credentials(request=request._request, **given.validated_data)
        login(request._request, user)
        return Response(describe(user))


class LogoutView(APIView):
    """End the session."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Forget the session."""
        user = user_of(request)
        logout(request._request)
        realtime.broadcast(user_group(user.pk), json={"type": "access"})
        return Response(status=204)


class MeView(APIView):
    """The signed-in user."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return name and roles."""
        return Response(describe(user_of(request)))


class PreferenceView(APIView):
    """A choice of the signed-in user, such as their keys, kept for whichever computer they sit at."""

    @extend_schema(responses=PreferenceSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return the choice."""
        return Response(PreferenceSerializer(preference_of(user=user_of(request), name=name)).data)

    @extend_schema(request=SetPreferenceSerializer, responses=PreferenceSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Keep a choice, unless a newer one is kept."""
        given = SetPreferenceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        kept = set_preference(user=user_of(request), name=name, **given.validated_data)
        return Response(PreferenceSerializer(kept).data)


class TokenView(APIView):
    """A token for scripts."""

    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"

    @extend_schema(request=CredentialsSerializer, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        """Check the credentials and return the user's token, making it at first use."""
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = check_credentials(request=request._request, **given.validated_data)
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})
