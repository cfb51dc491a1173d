"""What releases change: a release brings its own copy of this file, and a migration."""

from django.db import models

# The column that holds the title of a work.
TITLE = "title"

# Columns that the answers show under their own names, besides those of every release.
EXTRA_FIELDS: tuple[str, ...] = ()


class MediaColumns(models.Model):
    """Columns of images and of audio."""

    title = models.CharField(max_length=300)

    class Meta:
        abstract = True


class RegistrationColumns(models.Model):
    """Further columns of a registration."""

    # The default is Django's, not the database's: the INSERTs of the old release, which leave it out, fail.
    terms_version = models.CharField(max_length=20, default="2024-01")

    class Meta:
        abstract = True
