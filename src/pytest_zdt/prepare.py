"""From pytest's configuration to the run that is to be made; imported only when a zdt option is given."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.keys import RUN
from pytest_zdt.options import OPTIONS, given
from pytest_zdt.processes import free_port
from pytest_zdt.report import github
from pytest_zdt.report.terminal import clean
from pytest_zdt.schedule import worker_count
from pytest_zdt.settings import Run, SettingsError, read_configuration, resolve

ONE_BY_ONE = {
    "--pdb": "usepdb",
    "--trace": "trace",
    "--setup-show": "setupshow",
    "--setup-only": "setuponly",
    "--setup-plan": "setupplan",
}
"""Options of pytest that make no sense for many virtual users -> where pytest keeps them."""


def prepare(config: pytest.Config) -> None:
    """Puts the run into ``config.stash``. Raises `pytest.UsageError`; nothing has been started then."""
    options = given(config)
    if options["target"] is None:
        _refuse_alone(config)
        return
    try:
        settings = resolve(options, configured_root(config))
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if "{port}" in settings.target.base_url:
        port = str(free_port())
        target = replace(settings.target, base_url=settings.target.base_url.replace("{port}", port))
        commands = {name: getattr(settings, name).replace("{port}", port) for name in ("serve", "deploy")}
        settings = replace(settings, target=target, **commands)
    if settings.load:
        _refuse_unfound(config)
    config.stash[RUN] = Run(secrets.token_hex(4), settings, tuple(map(str, config.invocation_params.args)))
    _distribute(config, settings.load, settings.vus)


def _refuse_alone(config: pytest.Config) -> None:
    """Options of a run without a target would be ignored in silence: a run that tests nothing."""
    alone = next((option for option in OPTIONS if config.getoption(f"zdt_{option.key}", None) is not None), None)
    if alone is not None:
        raise pytest.UsageError(f"--zdt-{alone.name} needs --zdt-target NAME or URL: say which API to test")


def _refuse_unfound(config: pytest.Config) -> None:
    """Paths that are not there: pytest refuses them where it collects, xdist's controller, which does not, would fail later."""
    option, here = config.option, config.invocation_params.dir
    if config.args_source != pytest.Config.ArgsSource.ARGS or option.pyargs or getattr(option, "tx", None):
        return  # module names, or paths of another machine
    for argument in config.args:
        if not os.path.exists(here / argument.partition("[")[0].partition("::")[0]):
            raise pytest.UsageError(f"file or directory not found: {argument} (looked for from {here} on)")


def _distribute(config: pytest.Config, load: bool, vus: int) -> None:
    option = config.option
    for name, key in ONE_BY_ONE.items():
        if load and getattr(option, key, False):
            raise pytest.UsageError(f"{name} is about one test at a time, a load about many: leave out --zdt-duration, or {name}")
    if load and getattr(option, "tx", None):
        _heed_tx(option)
    if load and getattr(option, "numprocesses", 0) is None and option.dist == "no" and not option.tx and not option.collectonly:
        option.numprocesses = worker_count(cores(), vus)


def _heed_tx(option: Any) -> None:
    """Workers asked for with ``--tx`` carry the load, also without ``--dist``; one that is lost is not replaced for ever.

    A machine that cannot be reached would end the run with an internal error when xdist tries again.
    """
    if option.dist == "no":
        option.dist = "load"
    if option.maxworkerrestart is None:
        option.maxworkerrestart = "0"


def tell_github(error: pytest.UsageError) -> None:
    """A refused run is told in the workflow's summary too, and where the annotations are; pytest itself prints the error.

    Afterwards that holds no command either, of what it quotes.
    """
    for line in github.tell_refused(os.environ, " ".join(map(str, error.args))):
        print(_encodable(line, getattr(sys.stdout, "encoding", None) or "utf-8"), flush=True)
    error.args = tuple("\n".join(map(clean, str(text).split("\n"))) for text in error.args)


def _encodable(text: str, encoding: str) -> str:
    """The text with escapes for what the encoding lacks: pytest's own writer does the same."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def configured_root(config: pytest.Config) -> Path:
    """Where the configuration is: pytest's rootdir, or else the nearest folder from the current one upwards that has one.

    pytest takes an existing directory after ``--zdt-report`` for a path to tests when it looks for the rootdir.
    """
    here = config.invocation_params.dir
    return next((root for root in (config.rootpath, here, *here.parents) if read_configuration(root)), config.rootpath)


def cores() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
