"""PostgreSQL, Redis, any number of web processes and workers; nothing is assumed, everything is named."""

from annotator.settings.base import *  # noqa: F403
from annotator.settings.base import redis_channel_layer
from annotator.settings.environment import (
    blob_storage,
    data_dir,
    database,
    names,
    optional,
    required,
    service_url,
    switch,
)

SECRET_KEY = required("SECRET_KEY", "a long random string that signs sessions and pseudonyms")
ALLOWED_HOSTS = names("ALLOWED_HOSTS", "the host names of this site, with commas")
DATABASES = {"default": database()}
REDIS_URL = service_url("REDIS_URL", "the Redis of the channel layer, such as redis://host:6379/0", ("redis", "rediss"))
DATA_DIR = data_dir()
STORAGES = {
    "default": blob_storage(DATA_DIR),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CHANNEL_LAYERS = redis_channel_layer(REDIS_URL)
CELERY_BROKER_URL = service_url(
    "BROKER_URL", "the message broker", ("redis", "rediss", "amqp", "amqps"), default=REDIS_URL
)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if switch("HTTPS", default=False):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
CSRF_TRUSTED_ORIGINS = [origin for origin in optional("CSRF_TRUSTED_ORIGINS").split(",") if origin]
