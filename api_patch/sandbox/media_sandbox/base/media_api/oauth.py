"""Registration, verification, tokens, and what is left of a rate limit."""

import secrets

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.views import TokenView as OAuthToolkitTokenView
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.validators import UniqueValidator
from zdt_api.registration import verify_signed

from media_api import throttles
from media_api.api_view import ApiView
from media_api.models import OAuth2Registration, OAuth2Verification, ThrottledApplication


class RegistrationSerializer(serializers.ModelSerializer):
    """The body of a registration."""

    name = serializers.CharField(
        max_length=150,
        validators=[UniqueValidator(OAuth2Registration.objects.all(), message="An application with this name already exists.")],
    )

    class Meta:
        model = OAuth2Registration
        fields = ["name", "description", "email"]


class RegisterView(ApiView):
    """Registers an application."""

    throttle_classes = [throttles.TenPerDay]

    def post(self, request: Request) -> Response:
        """201 {client_id, client_secret, name, msg}, and `verified` if the request was signed; the secret is not shown again."""
        serializer = RegistrationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        secret = generate_client_secret()
        with transaction.atomic():
            serializer.save()
            application = _make_application(serializer.validated_data["name"], secret)
            verified = verify_signed(request, application)
            code = None if verified else _await_verification(application, serializer.validated_data["email"])
        answer = {"client_id": application.client_id, "client_secret": secret, "name": application.name}
        if verified:
            return Response({**answer, "msg": "Your credentials are verified.", "verified": True}, status=201)
        _send_link(request, serializer.validated_data["email"], code)
        return Response({**answer, "msg": "Check your email for a verification link."}, status=201)


class VerifyEmailView(ApiView):
    """The link of the e-mail."""

    def get(self, request: Request, code: str) -> Response:
        """200 for a code that is awaited; 500 for any other, as the API whose shape this is does."""
        pending = OAuth2Verification.objects.filter(code=code).select_related("associated_application").first()
        if pending is None:
            msg = "Invalid verification code. Did you validate your credentials already?"
            return Response({"msg": msg}, status=500)
        with transaction.atomic():
            ThrottledApplication.objects.filter(pk=pending.associated_application_id).update(verified=True)
            pending.delete()
        return Response({"msg": "Successfully verified email. Your OAuth2 credentials are now active."})


class TokenView(ApiView):
    """Access tokens by client credentials."""

    def post(self, request: Request) -> HttpResponse:
        """200 {access_token, token_type, expires_in, scope}; errors as RFC 6749 section 5.2 has them."""
        return OAuthToolkitTokenView.as_view()(request._request)


class RateLimitView(ApiView):
    """What an application has used of its limits."""

    throttle_classes = [throttles.OnePerSecond]

    def get(self, request: Request) -> Response:
        """200 {requests_this_minute, requests_today, rate_limit_model, verified}; 403 without a token."""
        if not request.auth:
            raise PermissionDenied("Forbidden")
        application = request.auth.application
        this_minute, today = throttles.counts(application.rate_limit_model, application.client_id)
        return Response(
            {
                "requests_this_minute": this_minute,
                "requests_today": today,
                "rate_limit_model": application.rate_limit_model,
                "verified": application.verified,
            }
        )


def _make_application(name: str, secret: str) -> ThrottledApplication:
    return ThrottledApplication.objects.create(
        name=name,
        client_secret=secret,
        client_type=ThrottledApplication.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ThrottledApplication.GRANT_CLIENT_CREDENTIALS,
    )


def _await_verification(application: ThrottledApplication, email: str) -> str:
    """Keep a pending verification; returns its code."""
    code = secrets.token_urlsafe(64)
    OAuth2Verification.objects.create(associated_application=application, email=email, code=code)
    return code


def _send_link(request: Request, email: str, code: str) -> None:
    link = request.build_absolute_uri(reverse("verify-email", args=[code]))
    send_mail("Verify your API credentials", f"To verify, open {link}\n", settings.EMAIL_SENDER, [email])
