"""What all settings share."""

from __future__ import annotations

from typing import Any

from annotator.settings.environment import ROOT, positive_int

BASE_DIR = ROOT
VERSION = "0.1.0"
DEBUG = False
DEMO = False
ALLOWED_HOSTS: list[str] = []

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "annotator.core",
    "annotator.accounts",
    "annotator.imaging",
    "annotator.campaigns",
    "annotator.readings",
    "annotator.inference",
    "annotator.datasets",
    "annotator.registry",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "annotator.core.middleware.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "annotator.urls"
ASGI_APPLICATION = "annotator.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {}}
]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"

STATIC_URL = "/static/"
STATIC_ROOT = None
FRONTEND_DIST = ROOT / "frontend" / "dist"
WHITENOISE_ROOT = FRONTEND_DIST if FRONTEND_DIST.is_dir() else None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_INDEX_FILE = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "annotator.core.views.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Uploads stream to disk; the import refuses what is larger.
MAX_UPLOAD_BYTES = positive_int("MAX_UPLOAD_MB", 4096) * 1_000_000
MAX_CINE_BYTES = positive_int("MAX_CINE_MB", 4096) * 1_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 32_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "annotator.core.pagination.StandardPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"login": "30/min"},
    # The server has put the client of a trusted proxy into REMOTE_ADDR; what clients say of themselves counts not.
    "NUM_PROXIES": 0,
    "EXCEPTION_HANDLER": "annotator.core.http_errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "CineLoop API",
    "DESCRIPTION": "Annotate cardiac cines together with a segmentation model that learns from the accepted work.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ImportBatchStatus": "annotator.imaging.models.import_batch.BatchStatus",
        "AssignmentStatus": "annotator.campaigns.models.assignment.AssignmentStatus",
        "ReadingStatus": "annotator.readings.models.reading.ReadingStatus",
        "JobStatus": "annotator.inference.models.job.JobStatus",
        "DatasetVersionStatus": "annotator.datasets.models.version.VersionStatus",
        "TrainingRunStatus": "annotator.registry.models.training_run.RunStatus",
        "ModelStatus": "annotator.registry.models.model_version.ModelStatus",
    },
}

# The one in-process or remote broker; workers take tasks by name, JSON only.
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = True
EMBEDDED_WORKER = ""

# Groups drop messages silently when full; hints are refetched, but dropping should stay rare.
CHANNEL_CAPACITY = 5_000


def redis_channel_layer(url: str) -> dict[str, Any]:
    """Return the channel layer on a Redis.

    Without a socket timeout: redis-py's default of 5 s would end every socket that has heard nothing for as long.
    """
    hosts = [{"address": url, "socket_timeout": None}]
    config = {"hosts": hosts, "capacity": CHANNEL_CAPACITY, "group_expiry": 86400}
    return {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": config}}


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"annotator": {"level": "INFO"}, "workers": {"level": "INFO"}},
}
