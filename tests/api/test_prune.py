"""`manage.py zdt_prune`: what runs have registered goes, everything else stays."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application
from zdt_api.management.commands.zdt_prune import RUNS

from pytest_zdt.target import Target
from pytest_zdt.vu import VirtualUser

OURS, OTHERS = (
    ["zdt-0123abcd-0", "zdt-0123abcd.1.0-17"],
    ["zdt-somebody", "a zdt-0123abcd-0", "Zdt-0123abcd-0", "zdt-0123abcd-", ""],
)


@pytest.fixture(scope="module", autouse=True)
def tables():
    """The tables of django-oauth-toolkit, and one with a name for the registrations."""
    call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def registered():
    """Applications of runs and of others, two days old, each with a token, a registration each; and one of today."""
    Application.objects.all().delete()
    Group.objects.all().delete()
    for name in [*OURS, *OTHERS, "zdt-ffffffff-1"]:
        application = Application.objects.create(
            name=name, client_type="confidential", authorization_grant_type="client-credentials"
        )
        expires = timezone.now() + timedelta(days=1)
        AccessToken.objects.create(application=application, token=f"token of {name}", expires=expires, scope="")
        Group.objects.create(name=name)
    Application.objects.exclude(name="zdt-ffffffff-1").update(created=timezone.now() - timedelta(days=2))


def prune(*arguments: str) -> str:
    """What it says."""
    out = StringIO()
    call_command("zdt_prune", *arguments, stdout=out)
    return out.getvalue()


def names() -> set[str]:
    return set(Application.objects.values_list("name", flat=True))


def test_what_is_removed():
    """Applications of runs that are older than a day, with their tokens."""
    assert prune() == "2 applications, 0 registrations were removed\n"
    assert names() == {*OTHERS, "zdt-ffffffff-1"}
    assert AccessToken.objects.count() == len(OTHERS) + 1
    assert Group.objects.count() == len(OURS) + len(OTHERS) + 1


@override_settings(ZDT_REGISTRATION_MODEL="auth.Group")
def test_registrations():
    """What the API keeps of a registration goes with its application; no other."""
    assert prune() == "2 applications, 2 registrations were removed\n"
    assert set(Group.objects.values_list("name", flat=True)) == {*OTHERS, "zdt-ffffffff-1"}


@override_settings(ZDT_REGISTRATION_MODEL="auth.Group")
@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_registrations_without_an_application(option):
    """A run's registration whose application was never made goes too; nobody else's does."""
    Group.objects.create(name="zdt-89abcdef-1")
    Group.objects.create(name="somebody's")
    assert prune(*option).startswith("2 applications, 3 registrations w")
    assert Group.objects.filter(name="somebody's").exists()


@override_settings(ZDT_REGISTRATION_MODEL="auth.Group")
def test_dry_run():
    """Only says what would be removed."""
    assert prune("--dry-run") == "2 applications, 2 registrations would be removed\n"
    assert names() == {*OURS, *OTHERS, "zdt-ffffffff-1"}
    assert Group.objects.count() == len(OURS) + len(OTHERS) + 1


@pytest.mark.parametrize("age, left", [("0s", 0), ("60m", 1), ("47h", 1), ("3d", 3)])
def test_older_than(age, left):
    """The age is that of the application."""
    prune("--older-than", age)
    assert len(names() - set(OTHERS)) == left


@pytest.mark.parametrize("age", ["1w", "", "-1d", "1.5h", "one", "999999d"])
def test_bad_age(age):
    """One line that says what to write; nothing is removed."""
    with pytest.raises(CommandError, match="is not an age: write 1d, 12h, 30m or 90s"):
        prune(f"--older-than={age}")
    assert len(names()) == 8


@override_settings(ZDT_REGISTRATION_MODEL="auth.Nothing")
def test_no_such_model():
    """Is said, and nothing is removed."""
    with pytest.raises(CommandError, match=r"ZDT_REGISTRATION_MODEL: there is no model 'auth\.Nothing'"):
        prune()
    assert len(names()) == 8


@pytest.mark.parametrize("run", ["0123abcd", "0123abcd.1.0", "0123abcd.0.12"])
def test_the_names_are_those_of_runs(run):
    """What the load test calls its applications, those of substitutes included, is what is removed."""
    name = VirtualUser(3, "new", Target("t", "http://a"), run, 0, "curl")._name
    assert re.search(RUNS, name)
    assert re.search(RUNS, f"{name}-2")  # of another attempt
