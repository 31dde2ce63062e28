"""One process on a fresh machine: SQLite, memory broker and channel layer, files on disk."""

from annotator.settings.base import *  # noqa: F403
from annotator.settings.base import CHANNEL_CAPACITY
from annotator.settings.environment import blob_storage, data_dir, kept_secret, optional

DATA_DIR = data_dir()
SECRET_KEY = kept_secret(DATA_DIR)
DEMO = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *filter(None, optional("ALLOWED_HOSTS").split(","))]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DATA_DIR / "cineloop.sqlite3"),
        "OPTIONS": {
            # Writers queue instead of failing: the transaction takes its lock at once and waits for it.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
    }
}
STORAGES = {
    "default": blob_storage(DATA_DIR),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": CHANNEL_CAPACITY}}
}
CELERY_BROKER_URL = "memory://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.005}
EMBEDDED_WORKER = "workers.app.start_in_process"
