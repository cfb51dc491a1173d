"""What operators ask for, and answers to what no view answered."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import get_resolver
from rest_framework.request import Request
from rest_framework.response import Response

from media_api import throttles
from media_api.api_view import ApiView
from media_api.models import Audio, Image


def check() -> None:
    """Import every view, read every throttle rate and a work of each type.

    Raises whatever keeps this release from serving.
    """
    get_resolver().url_patterns  # noqa: B018 - reading it imports the views
    for throttle in [*throttles.DEFAULT, *throttles.THUMBNAIL, throttles.HealthcheckAnonRateThrottle]:
        throttle()
    for model in (Image, Audio):
        model.objects.first()


class VersionView(ApiView):
    """Which release answers; `build` is the folder it runs from."""

    throttle_classes = []

    def get(self, request: Request) -> Response:
        """200 {release, build, environment}."""
        return Response({"release": settings.ZDT_VERSION, "build": settings.BUILD, "environment": "sandbox"})


class HealthcheckView(ApiView):
    """Whether this process can serve."""

    throttle_classes = [throttles.HealthcheckAnonRateThrottle]

    def get(self, request: Request) -> Response:
        """200 {status: "200 OK"}, or 500."""
        check()
        return Response({"status": "200 OK"})


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """400 outside of the views."""
    return JsonResponse({"detail": "Bad request."}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """404 for a path that no route has."""
    return JsonResponse({"detail": "Not found."}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """500 for an unhandled exception."""
    return JsonResponse({"detail": "An internal server error occurred."}, status=500)
