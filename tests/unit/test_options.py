"""The options on the command line and in the ini file."""

from __future__ import annotations

import pytest

from pytest_zdt.options import OPTIONS, any_given, given

NEW = {
    "live": ("8080", 8080),
    "ramp": ("90s", 90.0),
    "stages": ("1m:5,1m:0", ((60.0, 5), (60.0, 0))),
    "rate": ("600/m", 10.0),
    "probe-every": ("0", 0.0),
    "pin": ("off", "off"),
    "deploy": ("make deploy", "make deploy"),
}
BAD = {
    "ramp": ("0s", "'0s' is no time at all"),
    "stages": ("5", "'5' is not a stage"),
    "rate": ("5", "'5' is not a rate"),
    "probe-every": ("often", "'often' is not a duration"),
    "live": ("65536", "'65536' is not a port"),
    "pin": ("on", "'on' is not one of auto, off"),
    "deploy": (" \t", "' \\t' is no command"),
}


@pytest.mark.parametrize("name", NEW)
def test_an_option(name: str, pytester: pytest.Pytester) -> None:
    """It is a flag, and an ini option, over which the flag wins."""
    text, value = NEW[name]
    key = name.replace("-", "_")
    assert given(pytester.parseconfig(f"--zdt-{name}={text}"))[key] == value
    assert given(pytester.parseconfig("-o", f"zdt_{key}={text}"))[key] == value
    assert given(pytester.parseconfig(f"--zdt-{name}={text}", "-o", f"zdt_{key}=nonsense"))[key] == value


@pytest.mark.parametrize("name", BAD)
def test_a_bad_option(name: str, pytester: pytest.Pytester) -> None:
    """It is refused in one line that names the flag or the ini option."""
    text, message = BAD[name]
    key = name.replace("-", "_")
    for arguments, where in (([f"--zdt-{name}={text}"], f"--zdt-{name}"), (["-o", f"zdt_{key}={text}"], f"zdt_{key}")):
        with pytest.raises(pytest.UsageError) as caught:
            given(pytester.parseconfig(*arguments))
        assert str(caught.value).startswith(f"{where}: {message}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text, value", [("true", True), ("yes", True), ("1", True), ("on", True), ("no", False), ("", None)])
def test_a_switch(text: str, value: bool | None, pytester: pytest.Pytester) -> None:
    """A switch is given, or said in the ini file, or not."""
    assert given(pytester.parseconfig("--zdt-abort-on-violation"))["abort_on_violation"] is True
    assert given(pytester.parseconfig("-o", f"zdt_abort_on_violation={text}"))["abort_on_violation"] is value


def test_nothing_given(pytester: pytest.Pytester) -> None:
    """Without an option all are None; with one, in the ini file too, that is known."""
    config = pytester.parseconfig()
    assert given(config) == dict.fromkeys(option.key for option in OPTIONS)
    assert not any_given(config)
    assert any_given(pytester.parseconfig("--zdt-rate=5/s"))
    assert any_given(pytester.parseconfig("-o", "zdt_probe_every=0"))
