"""Settings of the sandbox. Every path is below its home, the environment variable MEDIA_SANDBOX_HOME."""

import os
from datetime import timedelta
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(os.environ["MEDIA_SANDBOX_HOME"])

# The folder says which release this is: a re-executed gunicorn inherits the environment of the old release.
ZDT_VERSION = (BASE_DIR / "RELEASE").read_text().strip()
BUILD = BASE_DIR.name

SECRET_KEY = (HOME / "secret-key").read_text()
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "media_site.urls"
WSGI_APPLICATION = "media_site.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "oauth2_provider",
    "zdt_api",
    "media_api",
]
MIDDLEWARE = [
    "media_api.edge.EdgeCacheMiddleware",  # stands for a cache in front of the API, hence outside of everything
    "zdt_api.middleware.SignedRequestMiddleware",
    "django.middleware.common.CommonMiddleware",
]


def _database() -> dict:
    """PostgreSQL when DATABASE_URL says so, in a schema of the sandbox's own; else SQLite in the home."""
    url = os.environ.get("DATABASE_URL")
    if url:
        schema = os.environ["MEDIA_SANDBOX_SCHEMA"]
        return _parse(url) | {"OPTIONS": {"options": f"-c search_path={schema}"}}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HOME / "db.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            # A transaction that reads first and writes later cannot wait for its turn; one that begins with the lock can.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


def _parse(url: str) -> dict:
    try:
        database = dj_database_url.parse(url, conn_max_age=None)
    except ValueError:
        database = {}
    if not database.get("ENGINE", "").endswith("postgresql"):
        # Without the value, which holds a password.
        raise ImproperlyConfigured("DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset for SQLite")
    return database


def _file_cache(name: str, entries: int) -> dict:
    return {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": HOME / "cache" / name,
        "OPTIONS": {"MAX_ENTRIES": entries},
    }


DATABASES = {"default": _database()}
CACHES = {
    "default": _file_cache("throttles", 5_000),
    "edge": _file_cache("edge", 2_000),
    # Which signatures were used: of two processes that add the same key, one must fail, which files do not promise.
    "signatures": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "used_signatures",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    },
}
ZDT_CACHE = "signatures"
ZDT_REGISTRATION_MODEL = "media_api.OAuth2Registration"

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = HOME / "mail"
EMAIL_SENDER = "sandbox@example.org"

OAUTH2_PROVIDER_APPLICATION_MODEL = "media_api.ThrottledApplication"
OAUTH2_PROVIDER = {
    "SCOPES": {"read": "Read scope", "write": "Write scope"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": int(timedelta(hours=12).total_seconds()),
    "CLIENT_SECRET_HASHER": "random_secret",
}
PASSWORD_HASHERS = ["media_api.hashers.RandomSecretHasher"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["media_api.authentication.BearerAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": 0,  # an X-Forwarded-For of the client must not give it a fresh throttle
    "DEFAULT_THROTTLE_RATES": {
        scope: os.environ.get(variable, rate)
        for scope, variable, rate in [
            ("anon_burst", "THROTTLE_ANON_BURST", "5/minute"),
            ("anon_sustained", "THROTTLE_ANON_SUSTAINED", "100/day"),
            ("anon_thumbnail", "THROTTLE_ANON_THUMBS", "30/minute"),
            ("anon_healthcheck", "THROTTLE_ANON_HEALTHCHECK", "60/minute"),
            ("oauth2_client_credentials_thumbnail", "THROTTLE_OAUTH2_THUMBS", "60/minute"),
            ("oauth2_client_credentials_burst", "THROTTLE_OAUTH2_BURST", "20/minute"),
            ("oauth2_client_credentials_sustained", "THROTTLE_OAUTH2_SUSTAINED", "1000/day"),
            ("enhanced_oauth2_client_credentials_burst", "THROTTLE_ENHANCED_OAUTH2_BURST", "40/minute"),
            ("enhanced_oauth2_client_credentials_sustained", "THROTTLE_ENHANCED_OAUTH2_SUSTAINED", "2000/day"),
        ]
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s " + BUILD + ": %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # oauth2_provider's own messages may hold what a client sent as its credentials.
    "loggers": {"oauth2_provider": {"level": "CRITICAL"}, "oauthlib": {"level": "CRITICAL"}},
    "root": {"handlers": ["stderr"], "level": "ERROR"},
}
