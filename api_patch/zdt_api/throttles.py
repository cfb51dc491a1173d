"""Throttles that let signed load through, so that the load does not measure the rate limit."""

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from zdt_api.signature import signature_of


class SignedRequestsExempt(BaseThrottle):
    """Mixin, left of a DRF throttle: `class Burst(SignedRequestsExempt, AnonRateThrottle)`.

    A validly signed request is allowed without being counted, so the counters of ordinary clients at
    the same address stay as they are. One that may change something must have a signature that binds its
    body: else whoever reads one could send as many others. Works with and without a scope.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """True for a signed request; what the throttle itself says for any other."""
        signature = signature_of(request)
        exempt = signature is not None and (signature.binds_body or request.method in SAFE_METHODS)
        return exempt or super().allow_request(request, view)
