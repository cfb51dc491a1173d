"""Settings: how values are read, who wins, and what is said about those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_zdt import settings, values
from pytest_zdt.options import OPTIONS
from pytest_zdt.schedule import planned_time, staged
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


@pytest.mark.parametrize("unit", ["", "h", "s", "ms"])
def test_an_endless_duration(unit: str) -> None:
    """More digits than a number can have are no duration either: the end of the run would never come."""
    with pytest.raises(ValueError, match="is not a duration"):
        values.duration("9" * 400 + unit)


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


@pytest.mark.parametrize("blanks", ["", " ", "\\t\\n"])
def test_a_deployment_by_nothing(tmp_path: Path, blanks: str) -> None:
    """A command of blanks alone would succeed, and deploy nothing: the target's is refused."""
    with pytest.raises(SettingsError, match=r"targets\.mine\.deploy: '.*' is no command: write one, or leave it out"):
        made(tmp_path, TARGET + f'duration = "20s"\ndeploy = "{blanks}"\n')


def test_a_deployments_command_has_a_limit(tmp_path: Path) -> None:
    """Half an hour, or what the target or the option says; not 0."""
    assert made(tmp_path, deploy="make deploy").deploy_timeout == settings.DEPLOY_AT_MOST
    assert made(tmp_path, TARGET + 'deploy-timeout = "45m"\n', deploy="make deploy").deploy_timeout == 2700.0
    assert made(tmp_path, TARGET + 'deploy-timeout = "45m"\n', deploy="make deploy", deploy_timeout=60.0).deploy_timeout == 60.0
    with pytest.raises(SettingsError, match=r"targets\.mine\.deploy-timeout: '0s' is no time at all"):
        made(tmp_path, TARGET + 'deploy-timeout = "0s"\n', deploy="make deploy")


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
        (TARGET + 'http2 = "yes"\n', r"targets\.mine\.http2: 'yes' is neither true nor false"),
        (TARGET + 'http2 = true\ntransport = "urllib3"\n', r"targets\.mine: urllib3 speaks HTTP/1\.1 only: leave http2 out"),
    ],
)
def test_refused_configuration(tmp_path: Path, toml: str, message: str) -> None:
    """A configuration that cannot be used is refused with where, what and the nearest name."""
    with pytest.raises(SettingsError, match=message):
        made(tmp_path, toml)


def test_http2_is_off_unless_allowed(tmp_path: Path) -> None:
    """HTTP/2 is used only where the target's table says so."""
    assert not made(tmp_path).target.http2
    assert made(tmp_path, TARGET + "http2 = true\n").target.http2


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


# --- how the load is driven


@pytest.mark.parametrize(
    "text, found",
    [
        ("1m:5,13m:20,1m:0", ((60, 5), (780, 20), (60, 0))),
        (" 10s : 3 , 5s:3 ", ((10, 3), (5, 3))),
        ("0s:10,1m:10", ((0, 10), (60, 10))),
        ("500ms:1", ((0.5, 1),)),
        ("30:2", ((30, 2),)),
    ],
)
def test_stages(text: str, found: tuple[tuple[float, int], ...]) -> None:
    """Stages are pairs of a duration and a number of VUs; one without length is a jump."""
    assert values.stages(text) == found


@pytest.mark.parametrize("text", ["", "1m", "5", "1m:", "1m:-1", "1m:1.5", "1m:many", "1m:5;2m:6", "1m:5,,", "1m:\u0663"])
def test_bad_stages(text: str) -> None:
    """What is no stage is refused with what to write."""
    with pytest.raises(ValueError, match=r"is not a (stage: write time:VUs, such as 1m:5,13m:20,1m:0|duration)"):
        values.stages(text)


@pytest.mark.parametrize("text", ["soon:5", ":5", "-1m:5", "1m:5,x:6"])
def test_stages_without_a_duration(text: str) -> None:
    """The time of a stage is a duration."""
    with pytest.raises(ValueError, match="is not a duration"):
        values.stages(text)


@pytest.mark.parametrize("text", ["1m:0", "0s:5", "0s:0", "1m:0,2m:0", "1m:0,0s:5", "0s:5,0s:0,1m:0"])
def test_stages_without_a_load(text: str) -> None:
    """Stages in which no VU is ever driven are refused."""
    with pytest.raises(ValueError, match="drives no load"):
        assert not planned(values.stages(text)), "this one drives some"


def planned(stages: tuple[tuple[float, int], ...]) -> float:
    """For how long VUs are driven in all."""
    end = sum(seconds for seconds, _ in stages)
    return sum(planned_time(staged(stages), vu, 0.0, end) for vu in range(max(vus for _, vus in stages)))


@pytest.mark.parametrize(
    "text, each", [("50/s", 50), ("600/m", 10), ("36000/h", 10), ("0.5/s", 0.5), (" 1/h ", 1 / 3600), ("90.5/m", 90.5 / 60)]
)
def test_rate(text: str, each: float) -> None:
    """Rates are iterations a second."""
    assert values.rate(text) == each


@pytest.mark.parametrize("text", ["", "50", 50, "0/s", "0.0/m", "-1/s", "1/d", "50 /s", "1e3/s", "/s", "\u0663/s", "inf/s"])
def test_bad_rate(text: str | int) -> None:
    """What is no rate, or none at all, is refused with what to write."""
    with pytest.raises(ValueError, match="is not a rate: write 50/s, 600/m or 100/h"):
        values.rate(text)


@pytest.mark.parametrize("text", ["", "on", "Auto", "0"])
def test_bad_pin(text: str) -> None:
    """Pinning is automatic or off."""
    assert [values.pin(one) for one in ("auto", "off")] == ["auto", "off"]
    with pytest.raises(ValueError, match="is not one of auto, off"):
        values.pin(text)


RAMP = ((60.0, 5), (60.0, 0))


def test_constant_vus(tmp_path: Path) -> None:
    """Without more the number of VUs is constant."""
    found = made(tmp_path, duration=20.0, vus=3)
    assert (found.executor, found.points) == ("constant-vus", ((0.0, 3.0),))


def test_a_ramp(tmp_path: Path) -> None:
    """A ramp grows to the number of VUs."""
    found = made(tmp_path, duration=20.0, vus=3, ramp=5.0)
    assert (found.executor, found.points) == ("ramping-vus", ((0.0, 0.0), (5.0, 3.0)))


def test_stages_say_how_long_and_how_many(tmp_path: Path) -> None:
    """Stages are a load of their length with as many VUs as the greatest of them."""
    found = made(tmp_path, stages=RAMP)
    assert (found.executor, found.duration, found.vus, found.load) == ("ramping-vus", 120.0, 5, True)
    assert found.points == ((0.0, 0.0), (60.0, 5.0), (120.0, 0.0))


def test_a_rate(tmp_path: Path) -> None:
    """A rate has as many VUs as it is given, and no pace; the target's pace is for closed loops."""
    found = made(tmp_path, TARGET + 'pace = "2s"\n', duration=20.0, rate=50.0)
    assert (found.executor, found.rate, found.vus, found.pace) == ("constant-arrival-rate", 50.0, 10, 0.0)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"ramp": 1.0, "stages": RAMP}, "--zdt-ramp and --zdt-stages exclude each other: leave one of them out"),
        ({"ramp": 1.0, "rate": 5.0}, "--zdt-ramp and --zdt-rate exclude each other: leave one of them out"),
        ({"stages": RAMP, "rate": 5.0}, "--zdt-stages and --zdt-rate exclude each other: leave one of them out"),
        ({"duration": None, "ramp": 1.0}, "--zdt-ramp is about a load: say how long with --zdt-duration"),
        ({"duration": None, "rate": 5.0}, "--zdt-rate is about a load: say how long with --zdt-duration"),
        ({"stages": RAMP}, "stages say themselves how long the load lasts: leave --zdt-duration out"),
        (
            {"duration": None, "stages": RAMP, "vus": 5},
            "stages say themselves how many virtual users there are: leave --zdt-vus",
        ),
        ({"ramp": 20.0}, "a ramp of 20s does not end within the duration of 20s: shorten it"),
        ({"ramp": 90.5}, "a ramp of 90.5s does not end within the duration of 20s: shorten it"),
        ({"rate": 5.0, "pace": 1.0}, "--zdt-rate and --zdt-pace exclude each other: a rate says itself when iterations start"),
        ({"smoke": True}, "--zdt-smoke and --zdt-duration exclude each other: leave one of them out"),
        (
            {"duration": None, "stages": ((4.0, 1),), "head": 3.0, "tail": 2.0},
            "head 3s and tail 2s are longer than the",
        ),
    ],
)
def test_what_excludes_each_other(given: dict[str, object], message: str, tmp_path: Path) -> None:
    """A load that would be driven in two ways, or cannot be, is refused in one line."""
    with pytest.raises(SettingsError) as caught:
        made(tmp_path, **{"duration": 20.0, **given})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ['ramp = "5s"', 'stages = "1m:5"', 'rate = "5/s"'])
def test_a_smoke_test_wins_over_the_targets_load(key: str, tmp_path: Path) -> None:
    """What the target says of the load does not matter in a smoke test."""
    found = made(tmp_path, TARGET + key + "\n", smoke=True)
    assert (found.load, found.duration, found.vus) == (False, 0.0, 1)


@pytest.mark.parametrize(
    "key, given, executor",
    [
        ('rate = "5/s"', {"ramp": 1.0}, "ramping-vus"),
        ('stages = "1m:5"', {"rate": 5.0}, "constant-arrival-rate"),
        ('ramp = "5s"', {"rate": 5.0}, "constant-arrival-rate"),
        ('ramp = "5s"', {}, "ramping-vus"),
        ('rate = "5/s"', {}, "constant-arrival-rate"),
    ],
)
def test_an_option_wins_over_another_executor_of_the_target(
    key: str, given: dict[str, object], executor: str, tmp_path: Path
) -> None:
    """The target's own way of driving is taken unless another is asked for."""
    found = made(tmp_path, TARGET + key + "\n", duration=20.0, **given)
    assert found.executor == executor
    assert sum(map(bool, (found.ramp, found.stages, found.rate))) == 1


def test_stages_win_over_the_targets_duration_and_vus(tmp_path: Path) -> None:
    """Stages that are asked for replace what the target says of a load of another kind."""
    found = made(tmp_path, TARGET + 'rate = "5/s"\nduration = "20s"\nvus = 7\n', stages=RAMP)
    assert (found.executor, found.duration, found.vus, found.rate) == ("ramping-vus", 120.0, 5, 0.0)


def test_two_executors_of_the_target(tmp_path: Path) -> None:
    """A target that says two ways is refused."""
    with pytest.raises(SettingsError, match="--zdt-ramp and --zdt-rate exclude each other"):
        made(tmp_path, TARGET + 'ramp = "5s"\nrate = "5/s"\nduration = "20s"\n')


def test_stages_of_the_target_are_a_load(tmp_path: Path) -> None:
    """As a duration of the target is; one given beside them is refused."""
    toml = TARGET + 'stages = "1m:5,1m:0"\n'
    assert made(tmp_path, toml).duration == 120.0
    with pytest.raises(SettingsError, match="leave --zdt-duration out"):
        made(tmp_path, toml, duration=20.0)


def test_without_a_load_the_targets_way_waits(tmp_path: Path) -> None:
    """A ramp or rate of the target alone is no load."""
    for key in ('ramp = "5s"', 'rate = "5/s"'):
        assert not made(tmp_path, TARGET + key + "\n").load


def test_a_ramp_beside_a_deployment(tmp_path: Path) -> None:
    """A deployment that is followed has a duration to ramp in."""
    found = made(tmp_path, deploy="make deploy", ramp=30.0)
    assert (found.duration, found.ramp) == (settings.FOLLOW_AT_MOST, 30.0)


@pytest.mark.parametrize("pace", [None, 0.0])
def test_a_rate_without_a_pace(pace: float | None, tmp_path: Path) -> None:
    """A pace of 0 is none."""
    assert made(tmp_path, duration=20.0, rate=5.0, pace=pace).rate == 5.0


def test_probes_pins_and_the_brake(tmp_path: Path) -> None:
    """Each has a default, a key of the target, and an option that wins; 0 is never."""
    keyed = TARGET + 'probe-every = "2s"\npin = "off"\nabort-on-violation = true\n'
    found = [made(tmp_path), made(tmp_path, keyed), made(tmp_path, keyed, probe_every=0.0, pin="auto", abort_on_violation=False)]
    assert [(one.probe_every, one.pin, one.abort_on_violation) for one in found] == [
        (1.0, "auto", False),
        (2.0, "off", True),
        (0.0, "auto", False),
    ]


@pytest.mark.parametrize(
    "key, message",
    [
        ('stages = "5"', r"targets\.mine\.stages: '5' is not a stage"),
        ("rate = 50", r"targets\.mine\.rate: 50 is not a rate: write 50/s"),
        ('ramp = "0s"', r"targets\.mine\.ramp: '0s' is no time at all"),
        ('pin = "on"', r"targets\.mine\.pin: 'on' is not one of auto, off"),
        ('probe-every = "often"', r"targets\.mine\.probe-every: 'often' is not a duration"),
        ('abort-on-violation = "yes"', r"targets\.mine\.abort-on-violation: 'yes' is neither true nor false"),
        ('probe_every = "1s"', r"unknown key 'probe_every': did you mean 'probe-every'\?"),
        ('rates = "1/s"', r"unknown key 'rates': did you mean 'rate'\?"),
    ],
)
def test_refused_keys_of_the_load(key: str, message: str, tmp_path: Path) -> None:
    """A key that cannot be used is refused with where it stands."""
    with pytest.raises(SettingsError, match=message):
        made(tmp_path, TARGET + key + "\n")


def test_limits_of_an_endpoint_come_from_both_tables(tmp_path: Path) -> None:
    """What the target says of an endpoint is added to what is said of it in common: no limit is lost."""
    toml = (
        TARGET
        + """
[targets.mine.require.endpoints."GET /"]
max-failures = 2
[require.endpoints."GET /"]
p95 = "500ms"
max-failures = 1
"""
    )
    assert made(tmp_path, toml).require.endpoints == {"GET /": {"p95": 0.5, "max_failures": "2"}}


@pytest.mark.parametrize("scheme", ["rfc9421", "none"])
def test_other_signatures(tmp_path: Path, scheme: str) -> None:
    """Message signatures, and none though there is a secret."""
    toml = TARGET + f'signing = "{scheme}"\nsecret-env = "ANY"\n'
    assert made(tmp_path, toml, {"ANY": "s3cret"}).target.signing == scheme
