"""Addresses of the WebSockets."""

from __future__ import annotations

from django.urls import path

from annotator.inference.authentication import authenticated
from annotator.inference.consumers import CampaignConsumer, ReadingConsumer

websocket_urlpatterns = [
    path("ws/readings/<uuid:reading_id>/", authenticated(ReadingConsumer.as_asgi())),
    path("ws/campaigns/<slug:slug>/", authenticated(CampaignConsumer.as_asgi())),
]
