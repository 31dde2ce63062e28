"""Addresses of the site."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from annotator.core import views

API_APPS = ("accounts", "campaigns", "imaging", "readings", "inference", "datasets", "registry")

urlpatterns = [
    path("healthz/", views.healthz),
    path("readyz/", views.readyz),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[], authentication_classes=[]),
        name="docs",
    ),
    path("api/v1/", include([path("", include(f"annotator.{app}.urls")) for app in API_APPS])),
    re_path(r"^(?!api/).*$", views.frontend),
]
handler400 = "annotator.core.views.bad_request"
handler404 = "annotator.core.views.not_found"
handler500 = "annotator.core.views.server_error"
