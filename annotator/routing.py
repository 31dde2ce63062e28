"""Addresses of the WebSockets."""

from annotator.inference.routing import websocket_urlpatterns

__all__ = ["websocket_urlpatterns"]
