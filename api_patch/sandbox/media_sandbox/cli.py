"""The command line. Exit status: 0 as asked, 1 tried and failed, 2 refused, 128 + n ended by signal n."""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from media_sandbox import releases, server, signals
from media_sandbox.deploy import deploy
from media_sandbox.errors import Failed, Interrupted, Refused
from media_sandbox.home import Home, default_home, running

_UNITS = {"ms": 0.001, "s": 1, "": 1, "m": 60}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    signals.raise_interrupted()
    try:
        options.run(options)
    except Refused as refusal:
        return _complain(refusal, 2)
    except Failed as failure:
        return _complain(failure, 1)
    except Interrupted as interruption:
        return 0 if options.run is _serve else 128 + interruption.args[0]
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="media_sandbox", description="A media API to deploy at will.")
    commands = parser.add_subparsers(required=True, metavar="serve | deploy")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=_port, help="default: the environment variable ZDT_PORT")
    common.add_argument("--home", type=Path, metavar="DIR", help="state folder; default: one below the temporary folder")
    serve = commands.add_parser("serve", parents=[common], help="serve in the foreground until SIGTERM or Ctrl-C")
    serve.set_defaults(run=_serve)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--release", help="default: v1, or with --keep what was served last")
    serve.add_argument("--workers", type=_count, default=2, metavar="N")
    serve.add_argument("--threads", type=_count, default=4, metavar="N", help="per worker")
    serve.add_argument("--keep", action="store_true", help="go on with what is in the home, instead of afresh")
    roll_out = commands.add_parser("deploy", parents=[common], help="deploy a release to a running sandbox")
    roll_out.set_defaults(run=_deploy)
    roll_out.add_argument("--release", default="v2", help=f"{', '.join(releases.RELEASES)} or a folder; default: v2")
    roll_out.add_argument("--overlap", type=_duration, default=10.0, metavar="DURATION", help="both serve; default: 10s")
    roll_out.add_argument("--pause", type=_duration, default=3.0, metavar="DURATION", help="of hard-restart; default: 3s")
    return parser


def _serve(options: argparse.Namespace) -> None:
    port = options.port or _environment_port()
    if port is None:
        raise Refused("no port; give --port or set ZDT_PORT")
    if options.release is not None and releases.find(options.release).way == "none":
        raise Refused(f"release {options.release!r} is only a deployment; there is nothing to serve")
    server.check_address(options.host, port)
    home = Home(options.home) if options.home else default_home(port)
    home.check()
    with home.locked("serve", f"another sandbox serves from {home.path}; choose another folder with --home"):
        home.create(options.keep)
        how = server.Options(options.host, port, options.release, options.workers, options.threads, options.keep)
        server.Server(home, how).run()


def _deploy(options: argparse.Namespace) -> None:
    release = releases.find(options.release)
    deploy(_running_home(options), release, options.overlap, options.pause)


def _running_home(options: argparse.Namespace) -> Home:
    """The sandbox that is meant, by home, by port, or because it is the only one; raises Refused."""
    if options.home:
        home = Home(options.home)
        if not home.state() or not home.is_locked("serve"):
            raise Refused(f"no sandbox runs from {home.path}; start one with `media_sandbox serve`")
        if options.port not in (None, home.state()["port"]):
            raise Refused(f"the sandbox in {home.path} is on port {home.state()['port']}, not on {options.port}")
        return home
    homes = running()
    port = options.port or _environment_port()
    known = ", ".join(map(str, homes)) or "none"
    if port is not None and port not in homes:
        raise Refused(f"no sandbox runs on port {port}; running: {known}")
    if port is None and len(homes) != 1:
        raise Refused(f"which sandbox? choose one with --port; running: {known}")
    return homes[port] if port else next(iter(homes.values()))


def _environment_port() -> int | None:
    text = os.environ.get("ZDT_PORT")
    try:
        return _port(text) if text else None
    except argparse.ArgumentTypeError as error:
        raise Refused(f"ZDT_PORT: {error}") from None


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 999")
    return int(text)


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 10s, 500ms or 2m")
    return float(found[1]) * _UNITS[found[2]]


def _complain(error: Exception, status: int) -> int:
    print(f"media_sandbox: {error}", file=sys.stderr)
    return status
