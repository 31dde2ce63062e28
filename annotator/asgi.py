"""The ASGI application: HTTP through Django, WebSockets through channels."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings.embedded")

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

http_application = get_asgi_application()

from annotator import celery  # noqa: E402, F401
from annotator.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": http_application, "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns))}
)
