"""A fault that is too rare to be noticed: one request in many is answered with 503."""

import os
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

_EVERY = int(os.environ.get("RARE_503_EVERY", "20000"))
_COUNT = settings.HOME / "run" / f"{settings.BUILD}.requests"


class FaultMiddleware:
    """Fails the middle one of every so many requests for paths below /v1/ that reach this release."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The API's answer, or 503."""
        if request.path.startswith("/v1/") and _count() % _EVERY == _EVERY // 2:
            return JsonResponse({"detail": "Service temporarily unavailable."}, status=503)
        return self.get_response(request)


def _count() -> int:
    """The number of this request, from 1 on, among those of all processes.

    Each appends a byte to one file, which the kernel does one after the other, and sees where it has come to lie.
    """
    with open(_COUNT, "ab", buffering=0) as file:
        file.write(b".")
        return file.tell()
