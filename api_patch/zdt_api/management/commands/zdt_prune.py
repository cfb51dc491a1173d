"""Removes what load tests have registered."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import get_application_model

from zdt_api import conf

RUNS = r"^zdt-[0-9a-f]{8}(\.[0-9]+\.[0-9]+)?-[0-9]+(-[0-9]+)?$"
"""The names that pytest-zdt gives: its run's id, whose substitute it is, the number of the virtual user, of its attempt."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def age(text: str) -> timedelta:
    """`1d`, `12h`, `30m`, `90s`."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not an age: write 1d, 12h, 30m or 90s")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    """`manage.py zdt_prune [--older-than 1d] [--dry-run]`."""

    help = "Removes the OAuth applications that pytest-zdt's runs have registered, with their tokens and registrations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("--older-than", type=age, default="1d", metavar="AGE", help="only those of that age (1d)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, older_than: timedelta, dry_run: bool, **options: object) -> None:
        """Removes them, in one transaction, and says how many."""
        until = timezone.now() - older_than
        applications = get_application_model().objects.filter(name__regex=RUNS, created__lt=until)
        with transaction.atomic():
            names = list(applications.values_list("name", flat=True))
            registrations = _registrations(names)
            told = f"{len(names)} applications, {registrations.count() if registrations is not None else 0} registrations"
            if not dry_run:
                if registrations is not None:
                    registrations.delete()
                applications.delete()  # tokens and pending verifications go with their application
        self.stdout.write(f"{told} {'would be' if dry_run else 'were'} removed")


def _registrations(names: list[str]):
    """What the API keeps of these registrations beside the applications; None where it keeps nothing."""
    label = conf.registration_model()
    if not label:
        return None
    try:
        return apps.get_model(label).objects.filter(name__in=names)
    except LookupError:
        raise CommandError(f"ZDT_REGISTRATION_MODEL: there is no model {label!r}") from None
