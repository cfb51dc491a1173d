"""What releases change: a release brings its own copy of this file, and a migration."""

from django.db import models

# The column that holds the title of a work.
TITLE = "title"

# Columns that the answers show under their own names, besides those of every release.
EXTRA_FIELDS: tuple[str, ...] = ("alt_text",)


class MediaColumns(models.Model):
    """Columns of images and of audio."""

    title = models.CharField(max_length=300)
    # Nullable, so that the old release can leave it out of its INSERTs.
    alt_text = models.CharField(max_length=300, null=True)

    class Meta:
        abstract = True


class RegistrationColumns(models.Model):
    """Further columns of a registration."""

    class Meta:
        abstract = True
