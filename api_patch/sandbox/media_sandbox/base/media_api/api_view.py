"""The base of every view: throttles and the headers that tell about them, the caller and the cache."""

from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from media_api import throttles

DAY = 24 * 60 * 60


class ApiView(APIView):
    """A view with the default throttles whose answers are not cached, unless it says otherwise."""

    throttle_classes = throttles.DEFAULT
    cache_seconds = 0

    def get_throttles(self) -> list[BaseThrottle]:
        """The throttles of this request, kept for the headers."""
        self.throttles = super().get_throttles()
        return self.throttles

    def finalize_response(self, request: Request, response: HttpResponseBase, *args, **kwargs) -> HttpResponseBase:
        """Add the headers about the throttles, the application and the cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in throttles.headers(getattr(self, "throttles", [])).items():
            response.headers[name] = value
        if request.auth:
            response.headers["x-ov-client-application-name"] = request.auth.application.name
            response.headers["x-ov-client-application-verified"] = str(request.auth.application.verified)
        self._set_cache_control(request, response)
        return response

    def _set_cache_control(self, request: Request, response: HttpResponseBase) -> None:
        if response.status_code == 200 and request.method == "GET" and self.cache_seconds:
            scope = "private" if request.auth else "public"
            response.headers["Cache-Control"] = f"{scope}, max-age={self.cache_seconds}"
        else:
            add_never_cache_headers(response)
