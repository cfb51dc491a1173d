"""`prepare`: the database of a new sandbox."""

import os
from argparse import ArgumentParser

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from media_api import samples


class Command(BaseCommand):
    """Migrates, and fills an empty database; one process for both, since starting Django is half of the time."""

    help = "migrate, then fill an empty database with sample works"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--keep`."""
        parser.add_argument("--keep", action="store_true", help="keep what an earlier start left in PostgreSQL")

    def handle(self, *args, keep: bool, **options) -> None:
        """Run it."""
        if connection.vendor == "postgresql":
            _make_schema(os.environ["MEDIA_SANDBOX_SCHEMA"], keep)
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        self.stdout.write(f"{samples.create()} works made")


def _make_schema(name: str, keep: bool) -> None:
    """A schema of the sandbox's own: nothing else in that database is touched."""
    with connection.cursor() as cursor:
        if not keep:
            cursor.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
