"""A command's output on its way to the log: no secret in it, however it was cut, and no more than there is room for."""

from __future__ import annotations

import base64
import errno
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_zdt.output import Output, Pump, forms, mask

SECRET = "k3y &with/odd+\"chars' é"
Taking = Callable[..., bytes]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Taking]:
    """What is in the file after these parts of an output."""

    def kept(*parts: bytes, secret: str = SECRET, first: int = 1000, last: int = 1000) -> bytes:
        with (tmp_path / "log").open("wb") as file:
            output = Output(file.fileno(), forms(secret), first, last)
            for part in parts:
                output.take(part)
            output.settle()
        return (tmp_path / "log").read_bytes()

    return kept


@pytest.mark.parametrize("form", forms(SECRET))
def test_every_form_of_a_secret_is_hidden(kept: Taking, form: bytes) -> None:
    """A secret is not shown as it is, nor in JSON, in a URL, in base 64 or in hexadecimal."""
    assert kept(b"a " + form + b" b\n") == b"a *** b\n"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "someone:"])
@pytest.mark.parametrize("code", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_in_what_is_coded(kept: Taking, user: str, code: Callable[[bytes], bytes]) -> None:
    """Of a secret within what base 64 hides, as in an ``Authorization`` of user and password, no more than four bits are left."""
    coded = code(f"{user}{SECRET}:and more".encode())
    (begin, end) = kept(b"Basic " + coded + b"\n").split(b"***")
    left = b"Basic " + coded[: len(begin) - 6], coded[len(coded) - len(end) + 1 :] + b"\n"
    assert (begin, end) == left
    assert (len(begin) - 6) * 6 // 8 <= len(user)
    assert (len(end) - 1) * 6 // 8 <= len(":and more") + 2


@pytest.mark.parametrize("secret", ["a-secret-of-a-file\n", "  a-secret-of-a-file\r\n", "first of two\na-secret-of-a-file\n"])
def test_a_secret_with_lines(kept: Taking, secret: str) -> None:
    """A shell drops the newline at the end of a file's content, a header all but a line: each line is a secret by itself."""
    coded = base64.b64encode(b"a-secret-of-a-file")
    assert kept(b"Bearer a-secret-of-a-file, " + coded + b"\n", secret=secret) == b"Bearer ***, ***\n"


@pytest.mark.parametrize(
    "text",
    [
        "k3y%20%26with%2Fodd%2B%22chars'%20%C3%A9",
        "k3y%20%26with%2Fodd%2B%22chars%27%20%C3%A9",
        "k3y &amp;with/odd+&quot;chars&#x27; é",
        '\\"k3y &with/odd+\\\\\\"chars\' \\\\u00e9\\"',
    ],
    ids=["encodeURIComponent", "all", "html", "json in json"],
)
def test_a_secret_as_others_quote_it(kept: Taking, text: str) -> None:
    """In a part of a URL, as JavaScript has it and entirely; in HTML; in JSON that stands in JSON."""
    text = text.strip('\\"')
    assert kept(f"a {text} b".encode()) == b"a *** b"


def printed(script: str, secret: str, shell: str = "bash") -> bytes:
    """What a shell prints that has the secret in ``S``; the test is skipped where a program that it needs is missing."""
    missing = [name for name in (shell, "base64", "openssl", "xxd") if name in f"{shell} {script}" and not shutil.which(name)]
    if missing:
        pytest.skip(f"needs {missing[0]}")
    environment = {"PATH": os.environ["PATH"], "S": secret, "LC_ALL": "C.UTF-8"}
    return subprocess.run([shell, "-c", f"exec 2>&1; {script}"], env=environment, capture_output=True, check=True).stdout


def cut_everywhere(kept: Taking, data: bytes, secret: str) -> bytes:
    """What is kept of an output, however it comes: whole, in two parts, or byte by byte."""
    found = kept(data, secret=secret)
    assert kept(*(bytes([one]) for one in data), secret=secret) == found
    for cut in range(1, len(data)):
        assert kept(data[:cut], data[cut:], secret=secret) == found
    return found


@pytest.mark.parametrize("coder", ["base64", "openssl base64", "xxd -p", "xxd -p -u"])
@pytest.mark.parametrize("print_", ["printf %s", "echo"])
@pytest.mark.parametrize("size", [20, 31, 49, 58, 64, 128])
def test_a_secret_that_is_wrapped(kept: Taking, coder: str, print_: str, size: int) -> None:
    """Programs begin a new line after 60, 64 or 76 columns: the secret is hidden to its end, however short the last one."""
    secret = ("3f5a0c1b9d" * 13)[:size]
    text = cut_everywhere(kept, printed(f'{print_} "$S" | {coder}', secret), secret)
    assert text.startswith(b"***")
    assert len(text[3:].strip(b"=\n")) <= 2


@pytest.mark.parametrize("columns", [76, 64])
@pytest.mark.parametrize("size", [8, 43, 64])
def test_a_secret_within_what_is_wrapped(kept: Taking, columns: int, size: int) -> None:
    """Wherever in its line it begins: what stands before and after it is all that is left, but for some bits."""
    secret = ("3f5a0c1b9d" * 13)[:size]
    for before in range(columns * 6 // 8 + 3):
        coded = base64.b64encode(f"{'u' * before}{secret}:and more".encode())
        lines = [coded[at : at + columns] for at in range(0, len(coded), columns)]
        (begin, end) = kept(b"\n".join(lines), secret=secret).split(b"***")
        assert len(begin.replace(b"\n", b"")) * 6 // 8 <= before
        assert len(end.replace(b"\n", b"")) * 6 // 8 <= len(":and more") + 2


def test_each_line_of_what_is_wrapped(kept: Taking) -> None:
    """Something may stand before each line."""
    secret = "3f5a0c1b9d" * 7
    lines = printed("""printf %s "$S" | base64 | sed 's/^/remote: /'""", secret)
    assert cut_everywhere(kept, lines, secret) == b"remote: ***\nremote: ***==\n"


SHELL_SECRETS = [
    "it's-a-secret$ign 42",
    "'#~ \"a`b!",
    "~tilde*[x]{y,z};\\",
    "#tag''twice'",
    "\u00e9 \t'tab\x01\x1b",
    "two\nlines of it's",
]


@pytest.mark.parametrize("secret", SHELL_SECRETS, ids=range(len(SHELL_SECRETS)))
@pytest.mark.parametrize(
    "shell, script",
    [
        ("bash", 'set -x; : "$S"'),
        ("bash", 'set -x; : "token=$S"'),
        ("bash", 'printf "%q\\n" "$S"'),
        ("bash", 'printf "%q\\n" "a$S"'),
        ("bash", "declare -p S"),
        ("bash", "LC_ALL=C; declare -p S"),
        ("bash", 'echo "${S@Q}"'),
        ("dash", "export -p"),
    ],
)
def test_a_secret_that_a_shell_quotes(kept: Taking, shell: str, script: str, secret: str) -> None:
    """As bash traces and prints it, as dash does: nothing of it is left but quotes."""
    lines = printed(script, secret, shell)
    (told,) = (line for line in cut_everywhere(kept, lines, secret).decode().splitlines() if "***" in line)
    assert set(re.sub(r"\*\*\*|declare -x S=|export S=|\+ : |token=", "", told)) <= set("a$'\"")


def test_a_secret_that_python_quotes(kept: Taking) -> None:
    """As `shlex.quote` does."""
    for secret in SHELL_SECRETS:
        assert cut_everywhere(kept, shlex.quote(secret).encode(), secret).strip(b"'") == b"***"


def test_a_short_secret_is_not_found_everywhere(kept: Taking) -> None:
    """A part of base 64 that is too short to be a secret's stays."""
    assert kept(b"YWJj cmVk\n", secret="\x1a") == b"YWJj cmVk\n"
    assert mask("61 requests by YQ", "a") == "61 requests by YQ"


@pytest.mark.parametrize("cut", range(len(SECRET.encode()) + 1))
def test_a_secret_that_comes_in_parts(kept: Taking, cut: int) -> None:
    """A secret is hidden wherever the output was cut while it was read."""
    raw = SECRET.encode()
    assert kept(b"a " + raw[:cut], raw[cut:] + b" b") == b"a *** b"
    assert kept(*(bytes([one]) for one in b"a " + raw + raw + b" b")) == b"a ****** b"


def test_what_only_looks_like_the_beginning_of_a_secret(kept: Taking) -> None:
    """Nothing else is lost: not what is held back, not at the end, and not without a secret."""
    assert kept(b"k3y ", b"k3", b"x k3y") == b"k3y k3x k3y"
    assert kept(b"k3y", b"*", secret="") == b"k3y*"


def test_of_very_much_the_beginning_and_the_end_are_kept(kept: Taking) -> None:
    """The first and the last bytes, and between them how many are missing."""
    numbers = "".join(f"{number}\n" for number in range(10_000)).encode()
    parts = [numbers[at : at + 777] for at in range(0, len(numbers), 777)]
    found = kept(*parts, first=100, last=50)
    note = f"\n[... {len(numbers) - 150} bytes are left out ...]\n".encode()
    assert found == numbers[:100] + note + numbers[-50:]


@pytest.mark.parametrize("size", [99, 100, 101, 149, 150])
def test_what_just_fits_is_whole(kept: Taking, size: int) -> None:
    """Nothing is left out of an output that has room."""
    data = os.urandom(size)
    assert kept(data[:60], data[60:], secret="", first=100, last=50) == data


def test_the_end_is_in_the_file_now_and_then(tmp_path: Path) -> None:
    """What comes last can be read before the command has ended."""
    with (tmp_path / "log").open("wb") as file:
        output = Output(file.fileno(), (), 10, 10)
        for number in range(100):
            output.take(f"{number:10}".encode())
    assert (tmp_path / "log").stat().st_size > 20


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_no_secret_however_much_is_printed(kept: Taking, piece: int) -> None:
    """Wherever the stream is cut, also while its end is put into the file now and then: no secret is in it."""
    data = b"".join(b"x" * (number % 61) + SECRET.encode() + b"\n" for number in range(700))
    text = kept(*(data[start : start + piece] for start in range(0, len(data), piece)), first=1000, last=300)
    assert SECRET.encode() not in text
    assert text.count(b"***") > 10


def test_what_is_left_behind_prints_the_rest_of_a_secret(tmp_path: Path) -> None:
    """A command ends in the middle of one, what it left behind goes on: no part is shown before the rest is known."""
    reading, writing = os.pipe()
    with (tmp_path / "log").open("wb") as file:
        pump = Pump(reading, Output(file.fileno(), forms(SECRET)))
        pump.start()
        os.write(writing, b"token=" + SECRET[:5].encode())
        pump.drain()
        assert (tmp_path / "log").read_bytes() == b"token="
        os.write(writing, SECRET[5:].encode() + b"\n")
        os.close(writing)
        pump.join(10)
    os.close(reading)
    assert (tmp_path / "log").read_bytes() == b"token=***\n"


def test_a_pump_reads_on_where_nothing_can_be_written() -> None:
    """On a full disk the command does not come to a stop: its output is read, and lost."""
    reading, writing = os.pipe()

    class Full(Output):
        def take(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "no space")

    pump = Pump(reading, Full(0, (), 0, 0))
    pump.start()
    os.write(writing, bytes(60_000))
    os.write(writing, bytes(60_000))
    os.write(writing, bytes(60_000))
    pump.drain()
    os.close(writing)
    pump.join(10)
    assert not pump.is_alive()
    os.close(reading)


def test_mask() -> None:
    """A text with each form of the secret hidden; without a secret it is what it was."""
    assert mask(f"a '{SECRET}' {SECRET.encode().hex()}", SECRET) == "a '***' ***"
    assert mask("a", "") == "a"
