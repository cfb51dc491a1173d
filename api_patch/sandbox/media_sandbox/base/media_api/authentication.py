"""Bearer tokens."""

from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from media_api.models import ThrottledApplication


class BearerAuthentication(OAuth2Authentication):
    """A request without a bearer token is anonymous; one with a bad token is refused with 401."""

    def authenticate(self, request: Request) -> tuple | None:
        """(None, access token), or None for an anonymous request."""
        if not request.headers.get("Authorization", "").lower().startswith("bearer"):
            return None
        authenticated = super().authenticate(request)
        if authenticated is None:
            raise AuthenticationFailed("Invalid token.")
        if authenticated[1].application.revoked:
            raise PermissionDenied("Forbidden")
        return authenticated


def verified_application(request: Request) -> ThrottledApplication | None:
    """The application of the request's token, if it is verified: only then the token lifts the anonymous limits."""
    application = request.auth.application if request.auth else None
    return application if application and application.verified else None
