"""The fixtures that tests use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_zdt.keys import RUN

if TYPE_CHECKING:
    from pytest_zdt.flow import Flow
    from pytest_zdt.http.oauth import OAuthClient
    from pytest_zdt.http.session import SignedSession
    from pytest_zdt.target import Target
    from pytest_zdt.vu import VirtualUser


@pytest.fixture(scope="session")
def zdt_target(pytestconfig: pytest.Config) -> Target:
    """The API under test, frozen."""
    run = pytestconfig.stash.get(RUN, None)
    if run is None:
        pytest.fail("the zdt fixtures need a target: give --zdt-target NAME or URL", pytrace=False)
    return run.settings.target


@pytest.fixture
def zdt_vu(request: pytest.FixtureRequest, zdt_target: Target) -> Iterator[VirtualUser]:
    """The virtual user that this iteration belongs to: index, iteration, lane, a seeded random.Random.

    What follows is for smoke mode, where each test is a virtual user; in load mode the engine gives the value.
    """
    import uuid

    from pytest_zdt.vu import VirtualUser

    run = request.config.stash[RUN]
    vu = VirtualUser(0, "reused", zdt_target, uuid.uuid4().hex[:8], run.settings.seed, run.settings.transport)
    marker = request.node.get_closest_marker("zdt")
    vu.begin(tuple(marker.kwargs.get("expected", ())) if marker else ())
    yield vu
    request.node.user_properties.append(("zdt_requests", len(vu.samples)))
    versions = sorted({sample.version for sample in vu.samples if sample.version})
    request.node.user_properties.append(("zdt_versions", ",".join(versions)))
    vu.close()


@pytest.fixture
def zdt_session(zdt_vu: VirtualUser) -> SignedSession:
    """A `requests.Session` whose relative URLs join the target's base URL; every request is signed, timed and recorded."""
    return zdt_vu.session


@pytest.fixture
def zdt_oauth_client(zdt_vu: VirtualUser) -> OAuthClient:
    """The VU's OAuth application, registered with a signed request and so verified at once; its token is renewed regularly."""
    return zdt_vu.oauth_client()


@pytest.fixture
def zdt_flow(zdt_vu: VirtualUser) -> Callable[[str], Flow]:
    """``zdt_flow("list")``: a flow of the VU, with ``made_by(response, value)``, ``used_on(response)`` and ``value``."""
    return zdt_vu.flow
