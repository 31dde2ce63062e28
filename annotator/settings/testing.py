"""For the tests: SQLite and memory, or PostgreSQL and Redis with `TEST_BACKEND=production`."""

import tempfile
from pathlib import Path

import dj_database_url

from annotator.settings.base import *  # noqa: F403
from annotator.settings.base import redis_channel_layer
from annotator.settings.environment import optional

DATA_DIR = Path(tempfile.mkdtemp(prefix="cineloop-test-"))
SECRET_KEY = "a key for the tests only, long enough to sign with"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
IS_PRODUCTION_BACKEND = optional("TEST_BACKEND") == "production"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "blobs")},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.005}
WHITENOISE_ROOT = None
if IS_PRODUCTION_BACKEND:
    DATABASES = {
        "default": dict(
            dj_database_url.parse(optional("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres"))
        )
    }
    CHANNEL_LAYERS = redis_channel_layer(optional("TEST_REDIS_URL", "redis://127.0.0.1:6379/15"))
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
        }
    }
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 5_000}}}
