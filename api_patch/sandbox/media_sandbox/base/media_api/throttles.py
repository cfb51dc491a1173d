"""Rate limits: by address for anonymous callers, by application for verified ones, none for signed load."""

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView
from zdt_api.throttles import SignedRequestsExempt

from media_api.authentication import verified_application


class AnonymousThrottle(SignedRequestsExempt, SimpleRateThrottle):
    """Counts callers without a verified token, by address."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """The counter of the address; None where the throttle does not apply."""
        if verified_application(request):
            return None
        return f"throttle_{suffix(self)}_{self.get_ident(request)}"


class BurstRateThrottle(AnonymousThrottle):
    """Requests a minute."""

    scope = "anon_burst"


class SustainedRateThrottle(AnonymousThrottle):
    """Requests a day."""

    scope = "anon_sustained"


class AnonThumbnailRateThrottle(AnonymousThrottle):
    """Thumbnails and waveforms a minute."""

    scope = "anon_thumbnail"


class HealthcheckAnonRateThrottle(AnonymousThrottle):
    """Health checks a minute."""

    scope = "anon_healthcheck"


class TenPerDay(AnonymousThrottle):
    """Registrations."""

    rate = "10/day"


class OnePerSecond(AnonymousThrottle):
    """Questions about one's own limits."""

    rate = "1/second"


class OAuth2IdThrottle(SignedRequestsExempt, SimpleRateThrottle):
    """Counts verified applications by client id, if they have one of these rate-limit models."""

    rate_limit_models = {"standard"}

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """The counter of the application; None where the throttle does not apply."""
        application = verified_application(request)
        if application is None or application.rate_limit_model not in self.rate_limit_models:
            return None
        return client_key(self.scope, application.client_id)


class OAuth2IdThumbnail(OAuth2IdThrottle):
    """Thumbnails and waveforms a minute."""

    scope = "oauth2_client_credentials_thumbnail"
    rate_limit_models = {"standard", "enhanced"}


class OAuth2IdBurst(OAuth2IdThrottle):
    """Requests a minute."""

    scope = "oauth2_client_credentials_burst"


class OAuth2IdSustained(OAuth2IdThrottle):
    """Requests a day."""

    scope = "oauth2_client_credentials_sustained"


class EnhancedOAuth2IdBurst(OAuth2IdThrottle):
    """Requests a minute, for those with higher needs."""

    scope = "enhanced_oauth2_client_credentials_burst"
    rate_limit_models = {"enhanced"}


class EnhancedOAuth2IdSustained(OAuth2IdThrottle):
    """Requests a day, for those with higher needs."""

    scope = "enhanced_oauth2_client_credentials_sustained"
    rate_limit_models = {"enhanced"}


DEFAULT = [
    BurstRateThrottle,
    SustainedRateThrottle,
    OAuth2IdBurst,
    OAuth2IdSustained,
    EnhancedOAuth2IdBurst,
    EnhancedOAuth2IdSustained,
]
THUMBNAIL = [AnonThumbnailRateThrottle, OAuth2IdThumbnail]
_REPORTED = {
    "standard": (OAuth2IdBurst, OAuth2IdSustained),
    "enhanced": (EnhancedOAuth2IdBurst, EnhancedOAuth2IdSustained),
}


def suffix(throttle: SimpleRateThrottle) -> str:
    """What a throttle is called in its headers: its scope, or its class in lower case."""
    return throttle.scope or type(throttle).__name__.lower()


def headers(throttles: list[SimpleRateThrottle]) -> dict[str, str]:
    """`X-RateLimit-Limit-…` and `-Available-…` of the throttles that counted the request."""
    found = {}
    for throttle in throttles:
        if (history := getattr(throttle, "history", None)) is not None:
            found[f"X-RateLimit-Limit-{suffix(throttle)}"] = throttle.rate
            found[f"X-RateLimit-Available-{suffix(throttle)}"] = str(max(throttle.num_requests - len(history), 0))
    return found


def client_key(scope: str, client_id: str) -> str:
    """The cache key of an application's counter."""
    return f"throttle_{scope}_{client_id}"


def counts(rate_limit_model: str, client_id: str) -> tuple[int | None, int | None]:
    """Requests of an application in this minute and today; None where nothing counts them."""
    throttles = [throttle() for throttle in _REPORTED.get(rate_limit_model, ())]
    if not throttles:
        return None, None
    return tuple(_recent(throttle, client_key(throttle.scope, client_id)) for throttle in throttles)


def _recent(throttle: SimpleRateThrottle, key: str) -> int:
    since = throttle.timer() - throttle.duration
    return sum(sent > since for sent in cache.get(key, []))
