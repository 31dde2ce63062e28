"""Pages outside the API: health, the single-page frontend, plain errors."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from annotator.core import health
from annotator.core.http_errors import INTERNAL, error_body

NOT_BUILT = """<!doctype html><html lang="en"><title>CineLoop</title>
<body style="background:#0e0f11;color:#d7d9dc;font:16px system-ui;padding:3rem">
<h1>The frontend is not built yet</h1><p>Run <code>make run</code>, or <code>make frontend</code> and reload.</p>"""


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether database, broker, worker and model are ready; 503 unless all are."""
    outcome = health.run_checks()
    ready = all(value == health.OK for value in outcome.values())
    response = JsonResponse({"status": "ok" if ready else "not_ready", **outcome}, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # not ready yet is no error of the server
    return response


@never_cache
@ensure_csrf_cookie
@require_safe
def frontend(request: HttpRequest) -> HttpResponse:
    """Answer every address that is no API with the page that draws it."""
    if request.path.startswith(("/api/", "/static/", "/assets/", "/ws/")):
        raise Http404
    index = settings.FRONTEND_DIST / "index.html"
    if not index.is_file():
        return HttpResponse(NOT_BUILT, status=503)
    return HttpResponse(index.read_bytes(), content_type="text/html; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    return JsonResponse(error_body("not_found", "There is nothing at this address."), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected error outside the API's views."""
    return JsonResponse(error_body("internal", INTERNAL), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django itself refuses."""
    return JsonResponse(error_body("bad_request", "The request cannot be understood."), status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a request whose form token is missing or old."""
    message = "The page is out of date; reload it and try again."
    return JsonResponse(error_body("csrf_failed", message), status=403)
