"""Settings: how values are read, who wins, and what is said about those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_zdt import settings, values
from pytest_zdt.options import OPTIONS
from pytest_zdt.settings import SettingsError, resolve

TARGET = '[targets.mine]\nbase-url = "http://localhost:1/"\n'
SIGNED = TARGET + 'secret-env = "THE_SECRET"\n'


def made(root: Path, toml: str = TARGET, environ: dict[str, str] | None = None, **given: object) -> settings.RunSettings:
    """The settings of a run on ``mine`` with this zdt.toml and these options."""
    (root / "zdt.toml").write_text(toml)
    options: dict[str, object] = {option.key: None for option in OPTIONS} | {"target": "mine"}
    return resolve(options | given, root, environ or {})


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("15m", 900),
        ("90s", 90),
        ("1h30m", 5400),
        ("2m30s", 150),
        ("1h", 3600),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("2m500ms", 120.5),
        ("45", 45),
        (45, 45),
        (0.25, 0.25),
        (" 3s ", 3),
        ("0s", 0),
    ],
)
def test_duration(text: str | int | float, seconds: float) -> None:
    """Durations are read as seconds."""
    assert values.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10 minutes", "-5s", "5x", "30s2m", "1e3", "\u0663s", "1.5m", "nan", "inf", True])
def test_bad_duration(text: str) -> None:
    """What is no duration is refused with what to write instead."""
    with pytest.raises(ValueError, match="is not a duration: write 15m, 90s, 1h30m, 500ms or a number of seconds"):
        values.duration(text)


@pytest.mark.parametrize("text", ["0", "0s", "0ms", 0])
def test_no_time_at_all(text: str) -> None:
    """A time that must not be 0 is refused when it is."""
    with pytest.raises(ValueError, match="is no time at all"):
        values.positive_duration(text)


def test_count() -> None:
    """Counts are whole numbers from 1."""
    assert (values.count("1"), values.count(16), values.count("007")) == (1, 16, 7)


@pytest.mark.parametrize("text", ["0", 0, "-1", "1.5", 1.5, "many", "", True, "\u0663"])
def test_bad_count(text: str) -> None:
    """What is no whole number from 1 is refused."""
    with pytest.raises(ValueError, match="is not a whole number from 1"):
        values.count(text)


@pytest.mark.parametrize("text, kept", [("0", "0"), (3, "3"), ("0.1%", "0.1%"), ("5%", "5%")])
def test_budget(text: str | int, kept: str) -> None:
    """A budget is a number of failures or a share."""
    assert values.budget(text) == kept


@pytest.mark.parametrize("text", ["", "-1", "0.1", "%", "1 %", "few", True])
def test_bad_budget(text: str) -> None:
    """What is neither a number nor a share is refused."""
    with pytest.raises(ValueError, match=r"neither a number of failures nor a share such as 0\.1%"):
        values.budget(text)


@pytest.mark.parametrize("text", ["header", "header:", "body:/version", "", "url:", "url:version"])
def test_bad_version_source(text: str) -> None:
    """A version source is a header, a JSON pointer or a path to poll."""
    with pytest.raises(ValueError, match="write header:NAME, json:/pointer or url:/path#pointer"):
        values.version_source(text)


@pytest.mark.parametrize("text", ["localhost", "ftp://host", "http://", "http://host/?q=1", "http://host/#part"])
def test_bad_base_url(text: str) -> None:
    """A base URL is absolute, of http or https, and ends with its path."""
    with pytest.raises(ValueError, match="is not the URL of an API"):
        values.base_url(text)


def test_option_wins_over_target_key_over_default(tmp_path: Path) -> None:
    """An option wins over the target's key, and that over the default."""
    keyed = TARGET + 'duration = "20s"\nvus = 7\nhead = "1s"\n'
    assert made(tmp_path, keyed, vus=3).vus == 3
    assert made(tmp_path, keyed).vus == 7
    assert made(tmp_path, TARGET, duration=20.0).vus == 10
    assert made(tmp_path).vus == 1
    assert made(tmp_path, keyed, head=2.0).require.head == 2
    assert made(tmp_path, keyed).require.head == 1
    assert made(tmp_path, TARGET, duration=20.0).require.head == 2


def test_an_option_of_zero_wins(tmp_path: Path) -> None:
    """A head, a tail, a pace or a seed of 0 is given, not missing."""
    keyed = TARGET + 'duration = "20s"\nhead = "1s"\ntail = "2s"\npace = "3s"\nseed = 4\n'
    found = made(tmp_path, keyed, head=0.0, tail=0.0, pace=0.0, seed=0)
    assert (found.require.head, found.require.tail, found.pace, found.seed) == (0, 0, 0, 0)


def test_limits_of_the_target_win(tmp_path: Path) -> None:
    """The target's table of requirements wins over the common one."""
    toml = TARGET + '[targets.mine.require]\nmax-failures = 2\n[require]\nmax-failures = "1%"\nendpoint-answers = 9\n'
    limits = made(tmp_path, toml).require
    assert (limits.max_failures, limits.endpoint_answers) == ("2", 9)


def test_smoke_wins_over_a_duration(tmp_path: Path) -> None:
    """A smoke test is asked for in spite of the target's duration, and deploys nothing."""
    found = made(tmp_path, TARGET + 'duration = "20s"\ndeploy = "x"\n', smoke=True)
    assert (found.load, found.deploy, found.vus) == (False, "", 1)


def test_a_deployment_is_followed_at_most(tmp_path: Path) -> None:
    """A deployment given on the command line is load mode with a limit, without a duration."""
    assert made(tmp_path, deploy="make deploy").duration == settings.FOLLOW_AT_MOST


@pytest.mark.parametrize(
    "toml, message",
    [
        (TARGET + 'duratoin = "5s"\n', r"targets\.mine: unknown key 'duratoin': did you mean 'duration'\?"),
        (TARGET + "[targets.mine.require]\nmax-failure = 1\n", r"unknown key 'max-failure': did you mean 'max-failures'\?"),
        ("[requires]\n", r"zdt\.toml: unknown key 'requires': did you mean 'require'\?"),
        (TARGET + 'zebra = "5s"\n', r"unknown key 'zebra'$"),
        (TARGET + 'duration = "soon"\n', r"targets\.mine\.duration: 'soon' is not a duration"),
        (TARGET + 'production = "no"\n', r"targets\.mine\.production: 'no' is neither true nor false"),
        ("[targets.mine]\n", r"targets\.mine: base-url is missing"),
        ("[targets]\nmine = 3\n", r"targets\.mine: must be a table, not 3"),
        ("targets = [", r"zdt\.toml: cannot be read"),
        (TARGET + 'signing = "timed-hmac"\n', "needs secret-env"),
    ],
)
def test_refused_configuration(tmp_path: Path, toml: str, message: str) -> None:
    """A configuration that cannot be used is refused with where, what and the nearest name."""
    with pytest.raises(SettingsError, match=message):
        made(tmp_path, toml)


def test_unknown_target(tmp_path: Path) -> None:
    """An unknown target is refused with the nearest name and those that are configured."""
    with pytest.raises(SettingsError, match=r"unknown target 'mien': did you mean 'mine'\? \(configured: mine\)"):
        made(tmp_path, target="mien")


def test_target_by_url(tmp_path: Path) -> None:
    """A URL is a target without configuration."""
    assert made(tmp_path, target="https://api.example.org/v1/").target.base_url == "https://api.example.org/v1"


def test_secret_of_the_environment(tmp_path: Path) -> None:
    """The secret is what the named variable holds, and switches signing on."""
    target = made(tmp_path, SIGNED, {"THE_SECRET": "s3cret"}).target
    assert (target.secret.reveal(), target.signing) == ("s3cret", "timed-hmac")


@pytest.mark.parametrize("environ", [{}, {"THE_SECRET": ""}])
def test_missing_secret(tmp_path: Path, environ: dict[str, str]) -> None:
    """A missing secret is refused with the variable's name."""
    with pytest.raises(SettingsError, match="the environment variable THE_SECRET is not set"):
        made(tmp_path, SIGNED, environ)


def test_made_up_secret(tmp_path: Path) -> None:
    """Where the run serves the API, a secret is made up for each run."""
    served = SIGNED + 'serve = "x"\n'
    first, second = (made(tmp_path, served).target.secret for _ in range(2))
    assert len(first.reveal()) >= 32
    assert first != second
    assert made(tmp_path, served, {"THE_SECRET": "mine"}).target.secret.reveal() == "mine"


def test_secret_is_not_shown(tmp_path: Path) -> None:
    """No repr or str of the settings holds the secret."""
    found = made(tmp_path, SIGNED, {"THE_SECRET": "s3cret"})
    assert "s3cret" not in repr(found) + str(found) + f"{found.target.secret}"


def test_production_is_refused(tmp_path: Path) -> None:
    """A production target needs the option that says it is meant."""
    toml = TARGET + "production = true\n"
    with pytest.raises(SettingsError, match="marked production: give --zdt-allow-production"):
        made(tmp_path, toml)
    assert made(tmp_path, toml, allow_production=True).target.production


def test_head_and_tail_longer_than_the_duration(tmp_path: Path) -> None:
    """A head and a tail that do not fit into the duration are refused before anything runs."""
    with pytest.raises(SettingsError, match="head 6s and tail 5s are longer than the duration 10s"):
        made(tmp_path, duration=10.0, head=6.0, tail=5.0)
    assert made(tmp_path, duration=10.0, head=5.0, tail=5.0).load


def test_zdt_toml_wins_over_pyproject(tmp_path: Path) -> None:
    """A zdt.toml is read instead of pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest-zdt.targets.mine]\nbase-url = "http://other"\n')
    assert made(tmp_path).target.base_url == "http://localhost:1"
    (tmp_path / "zdt.toml").unlink()
    assert settings.read_configuration(tmp_path)["targets"]["mine"]["base-url"] == "http://other"


def test_no_configuration(tmp_path: Path) -> None:
    """Without a file there is nothing configured."""
    assert settings.read_configuration(tmp_path) == {}
