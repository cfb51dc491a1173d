"""Two machines out of one: network namespaces with a cable between them, and an sshd on the far one.

The far machine has processes, mounts and a monotonic clock of its own. Nothing has a name: the namespaces belong to two processes
that end when their standard input does, and with them goes everything that was started there, also after a killed test run.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

NEAR, FAR, PORT = "10.99.0.1", "10.99.0.2", 2222
CLOCK_AHEAD = 100_000
"""Seconds by which the far machine's monotonic clock is ahead."""
DELAY = 0.02
"""Seconds that ssh's data take one way to the host ``slow``, which is ``far`` by another name."""
PROGRAMS = ("ip", "mount", "nsenter", "ssh", "ssh-keygen", "sshd", "unshare")
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
FAR_NAMESPACES = ("--net", "--mount", "--pid", "--mount-proc", "--time", f"--monotonic={CLOCK_AHEAD}", "--fork", "--kill-child")
CLONE_NEWNET = 0x40000000
"""setns(2)."""
HOLD = "echo ready; exec cat >/dev/null"
SERVE = """
set -e
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
cp -r "$1" /run/machine
mount -t tmpfs tmpfs "$2"
sed 's/^root:!*[^:]*/root:*/' /etc/shadow >/run/machine/shadow  # an account that is locked lets nobody in
mount --bind /run/machine/shadow /etc/shadow
echo ready
read go
exec 3<&0
{ while read more; do :; done; kill -TERM 1; } <&3 >/dev/null 2>&1 &
exec "$3" -D -e -f /run/machine/sshd_config 2>&1
"""
SSHD = f"""
Port {PORT}
ListenAddress {FAR}
HostKey /run/machine/host
AuthorizedKeysFile /run/machine/user.pub
PidFile /run/machine/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
SetEnv TMPDIR=/run/machine
"""
SSH = f"""
Host slow
    ProxyCommand {sys.executable} {Path(__file__).with_name("slow_line.py")} %h %p {{delay}}

Host far slow
    HostName {FAR}
    Port {PORT}
    User root
    IdentityFile {{folder}}/user
    IdentitiesOnly yes
    UserKnownHostsFile {{folder}}/known_hosts
    StrictHostKeyChecking yes
    ServerAliveInterval 5
"""


def call(*command: str) -> str:
    """Runs a command; its output. Raises `subprocess.CalledProcessError`."""
    environ = {**os.environ, "PATH": PATH}
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=environ).stdout


def program(name: str) -> str:
    """The path of a program; skips the test without it."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"the program {name} is not installed")
    return found


class Holder:
    """A process in namespaces of its own that lives until `close`."""

    def __init__(self, namespaces: tuple[str, ...], script: str, *arguments: str) -> None:
        command = ["unshare", *namespaces, "sh", "-c", script, "sh", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen(command, **pipes, text=True, env={**os.environ, "PATH": PATH}, start_new_session=True)
        self.output: list[str] = []
        self.network = f"/proc/{self._process.pid}/ns/net"
        self.pid = self._process.pid
        if not self.wait_for("ready"):
            self.close()
            pytest.skip(f"namespaces may not be made here: {' '.join(self.output) or 'no reason given'}")

    def wait_for(self, text: str) -> bool:
        """Reads its output up to a line with ``text``; false when it ends before."""
        for line in self._process.stdout or ():
            self.output.append(line.strip())
            if text in line:
                return True
        return False

    def go_on(self) -> None:
        """Gives it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def drain(self) -> None:
        """From now on its output is gathered beside the test."""
        threading.Thread(target=self.wait_for, args=("\0",), daemon=True).start()

    def close(self) -> None:
        """Ends it, and everything in its namespaces."""
        self._process.kill()
        self._process.communicate()


class Machines:
    """A near machine, which shares all but the network with the test, and a far one, reached by ssh alone.

    Files in ``hidden`` are not to be seen on the far machine.
    """

    def __init__(self, folder: Path, hidden: Path) -> None:
        programs = {name: program(name) for name in PROGRAMS}
        self._keys(folder)
        self.ssh_config = folder / "ssh_config"
        self.ssh_config.write_text(SSH.format(folder=folder, delay=DELAY))
        self.key = folder / "user"
        self._holders: list[Holder] = []
        try:
            self._start(folder, hidden, programs["sshd"])
        except BaseException:
            self.close()
            raise

    def _keys(self, folder: Path) -> None:
        for name in ("host", "user"):
            call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name))
        (folder / "known_hosts").write_text(f"[{FAR}]:{PORT} {(folder / 'host.pub').read_text()}")
        (folder / "sshd_config").write_text(SSHD)

    def _start(self, folder: Path, hidden: Path, sshd: str) -> None:
        self._holders.append(Holder(("--net",), HOLD))
        self._holders.append(Holder(FAR_NAMESPACES, SERVE, str(folder), str(hidden), sshd))
        near, self.far = self._holders
        self._near = near
        try:
            self._connect(near, self.far)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"a network may not be made here: {error.stderr.strip()}")
        self.far.go_on()
        assert self.far.wait_for("Server listening"), self.far.output
        self.far.drain()
        self._base = self.processes()

    def _connect(self, near: Holder, far: Holder) -> None:
        ip = ("nsenter", f"--net={near.network}", "ip")
        call(*ip, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(far.pid))
        for holder, address in ((near, NEAR), (far, FAR)):
            ip = ("nsenter", f"--net={holder.network}", "ip")
            call(*ip, "address", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                call(*ip, "link", "set", device, "up")

    def near(self, *command: str) -> list[str]:
        """The command line that runs a command on the near machine, as the process that is started."""
        return ["nsenter", f"--net={self._near.network}", *command]

    def on_far(self, *command: str) -> str:
        """What a command on the far machine prints."""
        return call(*self.near("ssh", "-F", str(self.ssh_config), "far", *command))

    def in_near(self, function: Callable[[], None]) -> threading.Thread:
        """Starts a thread of this process in the near machine's network."""

        def enter() -> None:
            with open(self._near.network) as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            function()

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        return thread

    def processes(self) -> dict[int, str]:
        """The command lines of all that runs on the far machine, by process id here."""
        own = os.readlink(f"/proc/{self.far.pid}/ns/pid_for_children")
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "ns/pid") == own:
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue  # ended in the meantime
        return found

    def left(self) -> list[str]:
        """The command lines of what was started on the far machine and still runs."""
        return [command for pid, command in self.processes().items() if pid not in self._base]

    def close(self) -> None:
        """Removes both, with everything that runs there."""
        for holder in reversed(self._holders):
            holder.close()


def make_machines(folder: Path, hidden: Path) -> Machines:
    """Two machines, or a skipped test with the reason."""
    if sys.platform != "linux":
        pytest.skip("network namespaces are Linux's")
    return Machines(folder, hidden)
