"""The panel on a terminal, as an emulator shows it: below what others print, and gone without a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyte
import pytest

from pytest_zdt.screen import Screen

PANEL = [("zdt  head", "bold"), ("     20 VUs", ""), ("     no request failed", "dim")]


@dataclass
class Terminal:
    """A terminal of so many columns and rows with a history, and the panel on it."""

    columns: int = 40
    rows: int = 12
    coloured: bool = False
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        self.emulator = pyte.HistoryScreen(self.columns, self.rows, history=1000, ratio=0.5)
        self.stream = pyte.ByteStream(self.emulator)
        self.screen = Screen(self.pipe[1], self.coloured, size=lambda file: os.terminal_size((self.columns, self.rows)))
        self.sent = b""

    def draw(self, lines: list[tuple[str, str]] = PANEL) -> None:
        """Draws the panel, and has the emulator read it."""
        self.screen.draw(lines)
        self._read()

    def close(self) -> None:
        """Takes it away."""
        self.screen.close()
        self._read()

    def _read(self) -> None:
        os.set_blocking(self.pipe[0], False)
        try:
            self.sent = os.read(self.pipe[0], 1 << 16)
        except BlockingIOError:
            self.sent = b""
        self.stream.feed(self.sent)

    def print(self, text: str) -> None:
        """What somebody else prints."""
        self.stream.feed(text.replace("\n", "\r\n").encode())

    def resize(self, columns: int, rows: int) -> None:
        """The window gets another size."""
        self.columns, self.rows = columns, rows
        self.emulator.resize(rows, columns)

    @property
    def shown(self) -> list[str]:
        """The lines on the screen."""
        return [one.rstrip() for one in self.emulator.display]

    @property
    def all(self) -> list[str]:
        """Those that scrolled away, and those on the screen up to the last one with a text."""
        above = ["".join(row[column].data for column in sorted(row)).rstrip() for row in self.emulator.history.top]
        lines = above + self.shown
        return lines[: max((number for number, one in enumerate(lines, 1) if one), default=0)]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of 40 columns and 12 rows."""
    made = Terminal()
    yield made
    for end in made.pipe:
        os.close(end)


def words(lines: list[tuple[str, str]]) -> list[str]:
    """The texts of a panel."""
    return [text for text, _ in lines]


def test_the_panel_is_below(terminal: Terminal) -> None:
    """On the last rows, whatever was printed before stays where it was, and the cursor too."""
    terminal.print("one\ntwo\nthree...")
    terminal.draw()
    assert terminal.shown == ["one", "two", "three...", *[""] * 6, *words(PANEL)]
    terminal.print("go on\nfour\n")
    assert terminal.shown[:5] == ["one", "two", "three...go on", "four", ""]


@pytest.mark.parametrize("lines", [5, 9, 12, 40])
def test_others_print_above_it(terminal: Terminal, lines: int) -> None:
    """However much was printed before, and is printed meanwhile: nothing of it is lost, nothing of the panel stays."""
    printed = [f"line {number}" for number in range(lines)]
    terminal.print("\n".join(printed))
    for number in range(lines, 2 * lines):
        terminal.draw()
        assert terminal.shown[-3:] == words(PANEL)
        printed.append(f"line {number}")
        terminal.print(f"\n{printed[-1]}")
    terminal.close()
    assert terminal.all == printed
    terminal.print("\nafter\n" + "\n".join(printed))
    assert terminal.all == [*printed, "after", *printed]


def test_it_grows_and_shrinks(terminal: Terminal) -> None:
    """Another number of lines takes another number of rows, and moves what stands in the way."""
    printed = [f"line {number}" for number in range(11)]
    terminal.print("\n".join(printed))
    for lines in (PANEL, PANEL * 2, PANEL[:1], [], PANEL):
        terminal.draw(lines)
        assert terminal.shown[len(terminal.shown) - len(lines) :] == words(lines)
        assert terminal.all == [*printed, *[""] * (len(terminal.all) - len(printed) - len(lines)), *words(lines)]
    terminal.close()
    assert terminal.all == printed


@pytest.mark.parametrize("size", [(40, 20), (40, 9), (80, 12), (25, 12), (80, 30)])
def test_another_size_of_the_window(terminal: Terminal, size: tuple[int, int]) -> None:
    """The panel is on the last rows of the new window, and only there."""
    terminal.print("one\ntwo\n")
    terminal.draw()
    terminal.resize(*size)
    terminal.draw()
    assert terminal.shown == ["one", "two", *[""] * (size[1] - 5), *words(PANEL)]
    terminal.print("three")
    terminal.close()
    assert terminal.all == ["one", "two", "three"]


def test_a_closed_one_draws_no_more(terminal: Terminal) -> None:
    """A thread that draws late draws nothing, and closing twice does no harm."""
    terminal.draw()
    terminal.close()
    terminal.draw()
    terminal.close()
    assert terminal.all == []


def test_a_terminal_that_is_gone() -> None:
    """Nothing is raised when the terminal was closed, or is none."""
    reading, writing = os.pipe()
    os.close(reading)
    screen = Screen(writing, size=lambda file: os.terminal_size((80, 24)))
    screen.draw(PANEL)
    screen.close()
    screen = Screen(writing)
    assert screen.room == (0, 0)
    screen.draw(PANEL)
    screen.close()
    os.close(writing)


@pytest.mark.parametrize(("size", "room"), [((80, 24), (80, 12)), ((40, 8), (40, 4)), ((40, 7), (0, 0)), ((19, 24), (0, 0))])
def test_room(terminal: Terminal, size: tuple[int, int], room: tuple[int, int]) -> None:
    """Half of the rows; none of a terminal that is too small."""
    terminal.columns, terminal.rows = size
    assert terminal.screen.room == room


@pytest.mark.parametrize("coloured", [True, False])
def test_colours(terminal: Terminal, coloured: bool) -> None:
    """Styles are colours where they are wanted, and nothing else; what others print keeps its own."""
    terminal.screen = Screen(terminal.pipe[1], coloured, size=lambda file: os.terminal_size((40, 12)))
    terminal.print("\x1b[31mred ")
    terminal.draw([("bold", "bold"), ("dim", "dim"), ("plain", "")])
    assert (b"\x1b[1m" in terminal.sent, b"\x1b[2m" in terminal.sent) == (coloured, coloured)
    terminal.print("still red")
    assert {terminal.emulator.buffer[0][column].fg for column in range(13)} == {"red"}
    assert terminal.emulator.buffer[11][0].fg == "default"


def test_an_encoding_that_knows_less(terminal: Terminal) -> None:
    """What the terminal's encoding has no character for is a question mark."""
    terminal.screen = Screen(terminal.pipe[1], False, "ascii", lambda file: os.terminal_size((40, 12)))
    terminal.draw([("v\u7248", "")])
    assert terminal.shown[-1] == "v?"
