"""Runs whose reports are looked at, and the files that hold what the reports must be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_zdt.evidence.samples import Sample

from ..verdict.conftest import Story

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "<script>alert(1)</script><!-- --></details>",
    "<img src=x onerror=alert(1)>&lt;b&gt;&#64;someone",
    "[a](http://evil.example) ![b](http://evil.example/x.png) <http://evil.example> [c]: http://evil.example",
    "# heading\n## another\n\n---\n===\n* list\n1. list\n> quote\n```\ncode\n```\n~~~",
    "| cell | cell |\n| --- | --- |\\| \\\\| x",
    "`code` ``code`` ```` **bold** __bold__ ~~gone~~ $`x`$ $$y$$",
    "@someone @some/team #12 GH-12 owner/repo#12 :smile: www.evil.example https://evil.example a@evil.example",
    "\x1b[31mred\x1b[0m\x07\x00\x9b2J \u202eright\u2066 \u200b\ufeff\ud800 end",
    "::error::mine",
    "  ::set-output name=verdict::verified",
    "\r\n::add-mask::x\r\n::stop-commands::y",
    "a ##[error]mine ###[add-mask]x ##\x00[set-env]",
    "%0A::error::x%25,:;=",
    "x" * 5000,
    "`" * 300,
    "",
    " ",
)
"""Texts that want to be something else than a text."""


def violated() -> Story:
    """The old version fails on reads once the deployment has begun, and some bodies are wrong on the new one: two causes."""
    story = Story().break_(299, 300, 302, 315, 316, 317, status=503, message="503 Service Unavailable")
    return story.break_(304, 306, kind="wrong-body", message="AssertionError: assert 'title' in {}")


def empty() -> Story:
    """Nothing was ever sent."""
    story = Story()
    story.samples = []
    return story


STORIES: dict[str, Callable[[], Story]] = {
    "verified": Story,
    "violated": violated,
    "inconclusive": lambda: Story().require(tail=300.0, pair_uses=500),
    "empty": empty,
}


def hostile(text: str) -> Story:
    """A violated run with this text wherever a foreign one may stand."""
    story = Story().break_(300, 302, 500, message=text, request_id=text)
    story.change(
        endpoint=lambda one: f"{text}{one.endpoint}" if one.vu else text or one.endpoint,
        version=lambda one: f"{one.version}{text}",
        made_by=lambda one: f"{one.made_by}{text}" if one.made_by else "",
        flow=lambda one: f"{one.flow}{text}" if one.flow else "",
    )
    story.run |= {"target": text, "base_url": text, "id": text, "shards": [text, text], "seed": 7}
    return story


def many() -> Story:
    """5,000 failures, each on an endpoint of its own and with a long message of its own."""
    story = Story()
    more = [
        Sample(12.0 + number / 1000, f"GET /v1/things/{number}/", f"id-{number}", 0.01, 0.01, 500, "status-5xx", "v1")
        for number in range(5000)
    ]
    story.samples += [
        replace(one, message=f"{one.endpoint} says: {'no ' * 60}", vu=number % 4) for number, one in enumerate(more)
    ]
    return story


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with the file of that name; ``GOLDEN=write`` writes the file instead, and fails all the same."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
            pytest.fail(f"{name} was written: look at what changed, then run the test without GOLDEN=write")
        assert text == path.read_text(encoding="utf-8")

    return check
