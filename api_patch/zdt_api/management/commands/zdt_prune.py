"""Removes what load tests have registered."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import get_application_model

from zdt_api import conf

RUNS = r"^zdt-[0-9a-f]{8}(\.[0-9]+\.[0-9]+)?-[0-9]+(-[0-9]+)?$"
"""The names that pytest-zdt gives: its run's id, whose substitute it is, the number of the virtual user, of its attempt."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def age(text: str) -> timedelta:
    """`1d`, `12h`, `30m`, `90s`."""
    match = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
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
        runs = Q(name__regex=RUNS, created__lt=timezone.now() - older_than)
        applications = get_application_model().objects
        with transaction.atomic():
            counts = [applications.filter(runs).count()]
            # Those too whose application was never made.
            registrations = _registrations(applications.exclude(runs).values("name"))
            counts.append(registrations.count())
            if not dry_run:
                registrations.delete()
                applications.filter(runs).delete()  # tokens and pending verifications go with their application
        done = "would be" if dry_run else "were"
        self.stdout.write(f"{counts[0]} applications, {counts[1]} registrations {done} removed")


def _registrations(kept: QuerySet) -> QuerySet:
    """What the API keeps of runs' registrations beside the applications, but for the names that are ``kept``."""
    label = conf.registration_model()
    if not label:
        return get_application_model().objects.none()
    try:
        return apps.get_model(label).objects.filter(name__regex=RUNS).exclude(name__in=kept)
    except LookupError:
        raise CommandError(f"ZDT_REGISTRATION_MODEL: there is no model {label!r}") from None
