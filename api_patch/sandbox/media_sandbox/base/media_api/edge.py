"""A cache in front of the API, as a content delivery network is: what it answers, no release ever sees."""

import hashlib
import re
from collections.abc import Callable

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from zdt_api.signature import is_signed, request_target

CACHE_HEADER = "x-edge-cache"
_PUBLIC = re.compile(r"\bpublic\b.*\bmax-age=([0-9]+)")


class EdgeCacheMiddleware:
    """Answers unsigned public GETs from a cache that all processes share; the header says HIT, MISS or BYPASS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The stored answer, or a fresh one that is stored if its Cache-Control allows."""
        response, outcome = self._answer(request)
        response.headers[CACHE_HEADER] = outcome
        return response

    def _answer(self, request: HttpRequest) -> tuple[HttpResponse, str]:
        if request.method != "GET" or "Authorization" in request.headers or is_signed(request):
            return self.get_response(request), "BYPASS"
        key = _key(request)
        if (stored := caches["edge"].get(key)) is not None:
            body, headers = stored
            return HttpResponse(body, headers=headers), "HIT"
        response = self.get_response(request)
        if seconds := _storable_for(response):
            caches["edge"].set(key, (response.content, dict(response.items())), seconds)
        return response, "MISS"


def _key(request: HttpRequest) -> str:
    parts = (request.headers.get("Host", ""), request.headers.get("Accept", ""), request_target(request))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _storable_for(response: HttpResponse) -> int:
    """Seconds that a shared cache may keep the answer; 0 for not at all."""
    public = _PUBLIC.search(response.get("Cache-Control", ""))
    return int(public[1]) if public and response.status_code == 200 else 0
