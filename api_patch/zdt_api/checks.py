"""System checks: what would make the feature weak, or useless, without an error."""

from collections.abc import Iterator

from django.conf import settings
from django.core.cache import caches
from django.core.checks import CheckMessage, Tags, Warning, register

from zdt_api import conf
from zdt_api.replay import LEAST_ENTRIES, is_fit

MIDDLEWARE = "zdt_api.middleware.SignedRequestMiddleware"
SHORTEST_SECRET, LONGEST_AGE = 32, 300


@register(Tags.security)
def check(**_: object) -> list[CheckMessage]:
    """All that is to be said of the settings; nothing where the feature is off."""
    if conf.is_refused():
        return list(_refused())
    return [*_secrets(), *_age(), *_middleware(), *_cache()] if conf.secrets() else []


def _refused() -> Iterator[CheckMessage]:
    yield Warning(
        "ENVIRONMENT is production, so signed requests are not recognised.",
        hint="Leave zdt_api out of production, or set ZDT_ALLOW_PRODUCTION to true if you mean it.",
        id="zdt_api.W001",
    )


def _secrets() -> Iterator[CheckMessage]:
    if min(map(len, conf.secrets())) < SHORTEST_SECRET:
        yield Warning(
            f"A signing secret is shorter than {SHORTEST_SECRET} bytes.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            id="zdt_api.W002",
        )


def _age() -> Iterator[CheckMessage]:
    if conf.max_age() > LONGEST_AGE:
        yield Warning(
            f"ZDT_MAX_AGE is {conf.max_age()} seconds: whoever sees a signature can use it again for so long.",
            hint=f"Set it to {LONGEST_AGE} or less, and the clocks by NTP.",
            id="zdt_api.W003",
        )


def _cache() -> Iterator[CheckMessage]:
    backend = settings.CACHES[conf.cache()]["BACKEND"]
    if not is_fit(caches[conf.cache()]):
        yield Warning(
            f"The cache {conf.cache()!r} ({backend}) cannot remember for all processes which signatures were used, so signed "
            "registrations are not verified.",
            hint=f"Set ZDT_CACHE to one on Redis, Memcached or the database, there with MAX_ENTRIES of {LEAST_ENTRIES} or more.",
            id="zdt_api.W004",
        )


def _middleware() -> Iterator[CheckMessage]:
    found = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in found:
        yield Warning(
            f"{MIDDLEWARE} is not in MIDDLEWARE: answers do not name their version.",
            hint="Put it first.",
            id="zdt_api.W005",
        )
    elif before := [name for name in found[: found.index(MIDDLEWARE)] if name.startswith("django.")]:
        yield Warning(
            f"{MIDDLEWARE} comes after {before[0]}, whose answers do not name their version.",
            hint="Put it first.",
            id="zdt_api.W006",
        )
