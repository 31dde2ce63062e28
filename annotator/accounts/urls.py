"""Addresses of accounts."""

from django.urls import path

from annotator.accounts import api

urlpatterns = [
    path("auth/csrf/", api.CsrfView.as_view()),
    path("auth/login/", api.LoginView.as_view()),
    path("auth/logout/", api.LogoutView.as_view()),
    path("auth/me/", api.MeView.as_view()),
    path("auth/me/preferences/<slug:name>/", api.PreferenceView.as_view()),
    path("auth/token/", api.TokenView.as_view()),
]
