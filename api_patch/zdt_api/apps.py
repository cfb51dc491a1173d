"""The Django application."""

from django.apps import AppConfig

from zdt_api import conf


class ZdtApiConfig(AppConfig):
    """Refuses to start with a setting that could only fail later, in the middle of a request."""

    name = "zdt_api"
    verbose_name = "Zero-downtime testing"

    def ready(self) -> None:
        """Read every setting once, and register the system checks.

        Raises ImproperlyConfigured, so that a deployment with a bad value does not come up.
        """
        conf.check_all()
        from zdt_api import checks  # noqa: F401  # registers itself
