"""The plugin objects of a run: the API's service, the load's control, the verdict's way to the terminal and the exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.controller import HERE, Controller
from pytest_zdt.display import Display
from pytest_zdt.distribution import Distribution, worker_number
from pytest_zdt.evidence.bundle import DEPLOY_LOG, BundleError, check_free, read_run
from pytest_zdt.keys import RUN
from pytest_zdt.live import Live
from pytest_zdt.manifest import environment
from pytest_zdt.poller import answers
from pytest_zdt.processes import Command, first_calls, unreachable, wait_until_served
from pytest_zdt.report import github
from pytest_zdt.report.junit import cases
from pytest_zdt.report.terminal import clean, render
from pytest_zdt.report.watch import Watch
from pytest_zdt.reports import emit_cases
from pytest_zdt.schedule import lane
from pytest_zdt.settings import RunSettings
from pytest_zdt.smoke import Smoke
from pytest_zdt.step import Step

MARKUP: dict[str, dict[str, bool]] = {
    "": {},
    "green": {"green": True, "bold": True},
    "red": {"red": True, "bold": True},
    "yellow": {"yellow": True, "bold": True},
    "bold": {"bold": True},
    "dim": {"light": True},
}
NOTHING_JUDGED = 10
"""Exit status where no load was driven, or a smoke test sent no request, as of an inconclusive verdict."""


def register_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Makes this xdist worker process one that drives VUs."""
    from pytest_zdt.crew import Place
    from pytest_zdt.workers import Worker

    channel, place = workerinput["zdt_channel"], Place(*workerinput["zdt_place"])
    worker = Worker(config, config.stash[RUN], workerinput["workerid"], place, channel.send)
    channel.setcallback(worker.receive, endmarker=("stop", "the controller is gone"))
    config.pluginmanager.register(worker, "zdt_worker")


def _shape(settings: RunSettings) -> str:
    """What is to be said of the load beside the number of its users."""
    if settings.rate:
        return f"{settings.rate:g} tests/s by up to "
    return "up to " if settings.executor == "ramping-vus" else ""


class Runner:
    """One run in the process that the user started. Raises `pytest.UsageError` before anything runs."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._run = config.stash[RUN]
        self._served: Command | None = None
        self._smoke = Smoke(self._run.settings.target.base_url, config.rootpath, os.environ.get("GITHUB_WORKSPACE", ""))
        self._step = Step(os.environ)
        self._for_github: list[str] | None = None
        self._calm = contextlib.ExitStack()
        self._controller: Controller | None = None
        self._live: Live | None = None
        self._display = Display(config)
        self._scratch = tempfile.TemporaryDirectory(prefix="zdt-")
        if self._run.settings.load:
            try:
                check_free(self._run.settings.report, self._run.settings.overwrite)
            except BundleError as error:
                raise pytest.UsageError(str(error)) from None
            self._live = self._serve_live()
            self._controller = Controller(
                self._run, self._display.show, self._display.announce, self._give_up, config.option.maxfail or 0
            )
        self._distribution = Distribution(self._run, self._controller)
        config.pluginmanager.register(self._distribution, "zdt_distribution")

    def _serve_live(self) -> Live | None:
        settings = self._run.settings
        if settings.live is None:
            return None
        try:
            return Live(Watch(settings.report, self._run.id), settings.live)
        except OSError as error:
            why = f"port {settings.live} cannot be listened on ({error.strerror})"
            raise pytest.UsageError(f"--zdt-live: {why}: give another one, or 0 for any free one") from None

    def pytest_report_header(self) -> str:
        """One line: what is tested, and how to repeat it."""
        settings = self._run.settings
        what = f"{settings.target.name} at {settings.target.base_url}, signing {settings.target.signing}"
        if not settings.load:
            return f"zdt: smoke test of {what}"
        workers = worker_number(self._config)
        lanes = [lane(vu, workers, settings.lanes) for vu in range(settings.vus)]
        vus = ", ".join(f"{lanes.count(name)} {name}" for name in settings.lanes)
        users = f"{_shape(settings)}{settings.vus} VU{'s' * (settings.vus > 1)} ({vus} connections)"
        beside = " before and after the deployment" if settings.deploy else ""
        return (
            f"zdt: {what}; {users} on {workers} worker{'s' * (workers > 1)}, "
            f"{settings.duration:g}s at most{beside}, --zdt-seed={settings.seed}, evidence in {settings.report}"
            f"{f', live at {self._live.url}' if self._live is not None else ''}"
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Serves the API where the target says how, and makes sure that it can be reached."""
        self._write(self._step.stop())
        settings = self._run.settings
        if settings.serve:
            folder = settings.report if settings.load else Path(self._scratch.name)
            self._served = Command(settings.serve, folder / "serve.log", environment(self._run))
            if problem := wait_until_served(self._served, settings.target.base_url):
                raise pytest.UsageError(problem)
        elif reason := unreachable(settings.target.base_url):
            raise pytest.UsageError(f"{settings.target.base_url} cannot be reached ({reason}): is the API up, and the URL right?")
        if settings.control_url and not answers(settings.control_url):
            raise pytest.UsageError(
                f"the control-url {settings.control_url} does not answer: give one that does, or leave it out"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Around the loop of pytest or xdist: the load, its end, the verdict, the tests' reports."""
        if self._controller is None:
            return (yield)
        workers = worker_number(self._config)
        if not self._config.pluginmanager.hasplugin("dsession"):
            self._work_here(session)
        try:
            with self._controller.running(workers):
                return (yield)
        finally:
            self._tell_of(self._controller)

    def _tell_of(self, controller: Controller) -> None:
        """After the load: all that is told of it before pytest's own end."""
        self._calm.enter_context(first_calls(lambda: None))  # the run is over: its end needs no other, and has to be told
        self._display.end(controller.view() if controller.begun else None)
        verdict = controller.verdict
        if verdict is not None:
            self._for_github = self._tell_github()
        try:
            controller.tests.emit(self._config, begun=controller.begun, allowed=verdict is not None and verdict.allows_failures)
        finally:  # another plugin may fail at a report
            if verdict is not None:
                emit_cases(self._config, cases(verdict, impact=self._run.settings.require.impact))

    def _work_here(self, session: pytest.Session) -> None:
        """No xdist: this process is the worker too."""
        from pytest_zdt.crew import Place
        from pytest_zdt.workers import Worker

        assert self._controller is not None
        controller = self._controller
        place = Place(0, 0, 1)
        worker = Worker(self._config, self._run, HERE, place, lambda message: controller.receive(HERE, message))
        controller.join(HERE, worker.receive)
        controller.tests.know(item.nodeid for item in session.items)
        self._config.pluginmanager.register(worker, "zdt_worker")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Smoke mode: gathers what could not be collected."""
        if self._controller is None and report.failed:
            self._smoke.add_uncollected(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Smoke mode: gathers what the tests saw."""
        if self._controller is None:
            self._smoke.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The verdict becomes the exit status, and is told to GitHub; pytest's own errors stay what they are."""
        self._smoke.status = int(session.exitstatus)
        if session.exitstatus != pytest.ExitCode.USAGE_ERROR and self._for_github is None:
            self._for_github = self._tell_github()  # else `prepare.tell_github` has the error itself
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = self._exit_status()

    def _exit_status(self) -> int:
        """That of a run in which no test failed."""
        if self._controller is None:
            return NOTHING_JUDGED if self._smoke.seen.problem else 0
        verdict = self._controller.verdict
        return verdict.exit_status if verdict is not None else NOTHING_JUDGED

    def _tell_github(self) -> list[str]:
        """Writes what a step of a workflow leaves; what is to be printed there."""
        if self._controller is None:
            return github.tell_smoke(os.environ, self._smoke.seen)
        report, run = self._run.settings.report, {}
        with contextlib.suppress(BundleError):  # nothing was driven, or somebody has taken the directory away
            run = read_run(report)
        verdict = self._controller.verdict
        failed = self._controller.tests.failed(allowed=verdict is not None and verdict.allows_failures)
        return github.tell(os.environ, verdict, run, report, failed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Writes the verdict, or what the smoke test saw."""
        terminalreporter.section("zero-downtime", sep="=")
        if self._controller is None:
            terminalreporter.write_line(clean(str(self._smoke.seen)))
        elif self._controller.verdict is None:
            terminalreporter.write_line("no load was driven: nothing to judge")
        else:
            report = str(self._run.settings.report)
            deployed = (self._run.settings.report / DEPLOY_LOG).is_file()
            for text, style in render(self._controller.verdict, report_dir=report, deploy_log=deployed):
                terminalreporter.write_line(text, **MARKUP[style])
            for text in self._controller.unwritten:
                terminalreporter.write_line(text, **MARKUP["yellow"])
        self._annotate()

    def _annotate(self) -> None:
        """Prints once what GitHub's runner is to read."""
        lines, self._for_github = self._for_github or [], []
        self._write(self._step.commands(lines))

    def _give_up(self, worker: str, pid: int) -> None:
        """Kills a worker that does not end: xdist would wait for it for ever. One of another machine is for its ssh to notice."""
        if worker in self._distribution.here:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _write(self, lines: Sequence[str]) -> None:
        """Lines that are no foreign text, as they are."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and lines:
            with contextlib.suppress(OSError):  # a terminal that is gone
                reporter.ensure_newline()
                for line in lines:
                    reporter.write_line(line)
                reporter.flush()

    def pytest_unconfigure(self) -> None:
        """Ends the served API, and the page; annotates where pytest came to no summary, as after an error of its own."""
        try:
            self._annotate()
            self._write(self._step.resume())
            self._calm.close()
            if self._live is not None:
                self._live.close()
        finally:
            if self._served is not None:
                self._served.stop()
            self._scratch.cleanup()
