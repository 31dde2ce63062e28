"""The app of accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users and tokens."""

    name = "annotator.accounts"
    default_auto_field = "django.db.models.BigAutoField"
