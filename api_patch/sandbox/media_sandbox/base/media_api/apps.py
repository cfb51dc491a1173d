"""The Django application."""

from django.apps import AppConfig


class MediaApiConfig(AppConfig):
    """Images, audio and OAuth applications."""

    name = "media_api"
