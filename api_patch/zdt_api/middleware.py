"""Middleware: which version answered a signed request."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zdt_api import conf
from zdt_api.signature import is_signed

VERSION_HEADER = "x-zdt-version"


class SignedRequestMiddleware:
    """Adds `x-zdt-version` and `Cache-Control: no-store` to the answers of validly signed requests.

    Put it first: then it also sees redirects, 4xx and 5xx, and the answers to unhandled exceptions, and the body of a
    request whose signature covers it is compared before a view has read it. Any other request is left untouched.
    Works under WSGI and ASGI.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]):
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer `request`; a coroutine where `get_response` is one."""
        signed = is_signed(request)
        if self._is_async:
            return self._answer_async(request, signed)
        return _marked(signed, self.get_response(request))

    async def _answer_async(self, request: HttpRequest, signed: bool) -> HttpResponseBase:
        return _marked(signed, await self.get_response(request))


def _marked(signed: bool, response: HttpResponseBase) -> HttpResponseBase:
    if signed:
        response.headers["Cache-Control"] = "no-store"
        if version := conf.version():
            response.headers[VERSION_HEADER] = version
    return response
