"""What the media tests ask for: search terms and works of the API under test, found out once before the load."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from requests.exceptions import RequestException

from pytest_zdt.http.session import SignedSession
from pytest_zdt.target import Target

MEDIA = ("images", "audio")
BOUND = 6
"""Terms, and works of each kind, that the warm-up tries for each media type: 56 requests in all."""


@pytest.fixture(scope="session")
def warm_up(zdt_target: Target) -> dict[tuple[str, str], tuple[str, ...]]:
    """What answered 200, by kind and media type: search terms, and ids for each of the other kinds.

    These requests come before the load and are not part of its evidence.
    """
    found = {}
    with SignedSession(zdt_target, observe=lambda sample: None) as session:
        for media in MEDIA:
            works = session.get(f"/v1/{media}/").json()["results"]
            found["search", media] = tuple(term for term in _words(works) if _answers(session, f"/v1/{media}/", q=term))
            for kind, suffix in _suffixes(media).items():
                ids = [work["id"] for work in works if kind != "thumb" or work["thumbnail"]][:BOUND]
                found[kind, media] = tuple(id for id in ids if _answers(session, f"/v1/{media}/{id}/{suffix}"))
    return found


@pytest.fixture
def pick(warm_up: dict[tuple[str, str], tuple[str, ...]], zdt_vu: Any) -> Callable[[str, str], str]:
    """Picks at random: ``pick("search", "audio")`` is a term, ``pick("thumb", "images")`` the id of an image with a thumbnail."""

    def choose(kind: str, media: str) -> str:
        choices = warm_up[kind, media]
        assert choices, f"warm-up: no {kind} of {media} answered 200"
        return zdt_vu.random.choice(choices)

    return choose


def _suffixes(media: str) -> dict[str, str]:
    """The kinds of requests for one work, and what each adds to the work's path."""
    suffixes = {"single": "", "related": "related/", "thumb": "thumb/"}
    return suffixes | {"waveform": "waveform/"} if media == "audio" else suffixes


def _words(works: Iterable[dict[str, Any]]) -> list[str]:
    """Different words from the titles, one of each title: its longest."""
    longest = [max((work["title"] or "").split(), key=len, default="") for work in works]
    return [word for word in dict.fromkeys(longest) if word.isalpha()][:BOUND]


def _answers(session: SignedSession, path: str, **params: str) -> bool:
    """Whether the API answers 200; a search must have results as well."""
    try:
        response = session.get(path, params=params)
    except RequestException:
        return False
    return response.status_code == 200 and (not params or bool(response.json()["results"]))
