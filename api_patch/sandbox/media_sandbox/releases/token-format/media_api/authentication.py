"""Bearer tokens, of which the database keeps a keyed digest alone: one that is stolen from it opens nothing."""

from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import AccessToken
from oauth2_provider.signals import app_authorized
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from media_api.models import ThrottledApplication


class BearerAuthentication(OAuth2Authentication):
    """A request without a bearer token is anonymous; one with a bad token is refused with 401."""

    def authenticate(self, request: Request) -> tuple | None:
        """(None, access token), or None for an anonymous request."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not scheme.lower().startswith("bearer"):
            return None
        # Tokens of the old release are found as it finds them; it does not find those of this one.
        authenticated = _find(text.strip()) or super().authenticate(request)
        if authenticated is None:
            raise AuthenticationFailed("Invalid token.")
        if authenticated[1].application.revoked:
            raise PermissionDenied("Forbidden")
        return authenticated


def verified_application(request: Request) -> ThrottledApplication | None:
    """The application of the request's token, if it is verified: only then the token lifts the anonymous limits."""
    application = request.auth.application if request.auth else None
    return application if application and application.verified else None


@receiver(app_authorized)
def keep_digest(sender: object, request: HttpRequest, token: AccessToken, **others: object) -> None:
    """Replace a token that is about to be issued, and its plain checksum, by its digest."""
    AccessToken.objects.filter(pk=token.pk).update(token="", token_checksum=_digest(token.token))


def _find(text: str) -> tuple[None, AccessToken] | None:
    token = AccessToken.objects.select_related("application").filter(token_checksum=_digest(text)).first()
    return (None, token) if token and token.is_valid([]) else None


def _digest(text: str) -> str:
    return salted_hmac("media_api.access_token", text, algorithm="sha256").hexdigest()
