"""Works, and the OAuth applications that may ask for more of them."""

from django.db import models
from oauth2_provider.models import AbstractApplication

from media_api import columns


class Work(columns.MediaColumns):
    """What images and audio share."""

    identifier = models.UUIDField(primary_key=True)
    indexed_on = models.DateTimeField()
    foreign_landing_url = models.URLField(max_length=300)
    url = models.URLField(max_length=300)
    creator = models.CharField(max_length=200)
    creator_url = models.URLField(max_length=300)
    license = models.CharField(max_length=20)
    license_version = models.CharField(max_length=10)
    provider = models.CharField(max_length=80)
    source = models.CharField(max_length=80)
    category = models.CharField(max_length=40, db_index=True)
    filesize = models.PositiveIntegerField()
    filetype = models.CharField(max_length=10)
    tag_names = models.CharField(max_length=300, help_text="between commas, with one at each end")
    mature = models.BooleanField(default=False)

    class Meta:
        abstract = True

    @property
    def title_text(self) -> str:
        """The title, whatever this release calls its column."""
        return getattr(self, columns.TITLE)

    @property
    def tags(self) -> list[str]:
        """The names of its tags."""
        return self.tag_names.strip(",").split(",")


class Image(Work):
    """A picture; sizes in pixels."""

    media_type = "images"
    height = models.PositiveIntegerField()
    width = models.PositiveIntegerField()


class Audio(Work):
    """A recording."""

    media_type = "audio"
    duration = models.PositiveIntegerField(help_text="milliseconds")
    bit_rate = models.PositiveIntegerField(help_text="bits per second")
    sample_rate = models.PositiveIntegerField(help_text="hertz")
    has_artwork = models.BooleanField()


class OAuth2Registration(columns.RegistrationColumns):
    """What somebody said of the application that they registered."""

    name = models.CharField(max_length=150, unique=True)
    description = models.CharField(max_length=10_000)
    email = models.EmailField()


class ThrottledApplication(AbstractApplication):
    """An OAuth application with its rate limit."""

    RATE_LIMIT_MODELS = [("standard", "standard"), ("enhanced", "enhanced"), ("exempt", "exempt")]
    rate_limit_model = models.CharField(max_length=20, choices=RATE_LIMIT_MODELS, default="standard")
    verified = models.BooleanField(default=False)
    revoked = models.BooleanField(default=False)


class OAuth2Verification(models.Model):
    """A verification by e-mail that is still awaited."""

    associated_application = models.ForeignKey(ThrottledApplication, on_delete=models.CASCADE)
    email = models.EmailField()
    code = models.CharField(max_length=256, db_index=True)
