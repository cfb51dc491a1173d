"""Flows of a virtual user, and its tokens, which are one."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from requests import Response

from pytest_zdt import vu
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.flow import Flow
from pytest_zdt.target import Target
from pytest_zdt.vu import USES, VirtualUser


def answer(version: str = "v1", status: int = 200) -> Response:
    """An answer as the session gives it: with its sample."""
    response = Response()
    response.status_code = status
    response.zdt = Sample(1.0, "GET /a/", status=status, version=version)  # type: ignore[attr-defined]
    return response


def sample(response: Response) -> Sample:
    """The sample of an answer."""
    found = response.zdt  # type: ignore[attr-defined]
    assert isinstance(found, Sample)
    return found


@pytest.fixture
def user() -> Any:
    """A virtual user of an API that nobody asks."""
    user = VirtualUser(3, "reused", Target("test", "http://127.0.0.1:1"), "cafe", 1, "urllib3")
    yield user
    user.close()


def test_a_flow_from_version_to_version() -> None:
    """The use says who made the value; the answer that made it is no use of it."""
    flow, made, used = Flow("list"), answer("v1"), answer("v2")
    flow.made_by(made)
    flow.used_on(used)
    assert (sample(used).flow, sample(used).made_by, sample(used).version) == ("list", "v1", "v2")
    assert (sample(made).flow, sample(made).made_by) == ("", "")


def test_the_last_maker_counts() -> None:
    """A value may be used many times, and is then made anew."""
    flow, uses = Flow("list"), [answer("v2") for _ in range(3)]
    flow.made_by(answer("v1"))
    flow.used_on(uses[0])
    flow.used_on(uses[1])
    flow.made_by(answer("v2"))
    flow.used_on(uses[2])
    assert [sample(use).made_by for use in uses] == ["v1", "v1", "v2"]


def test_an_answer_can_use_and_make() -> None:
    """As an update does: it used what v1 made, and what it made is of v2."""
    flow, update, after = Flow("list"), answer("v2"), answer("v1")
    flow.made_by(answer("v1"))
    flow.used_on(update)
    flow.made_by(update, 7)
    flow.used_on(after)
    assert (sample(update).made_by, sample(after).made_by, flow.value) == ("v1", "v2", 7)


@pytest.mark.parametrize("value", [7, 0, "", "abc", {"id": 1}, False])
def test_the_value(value: object) -> None:
    """It is what was made last; None before, and where `made_by` was not given one."""
    flow = Flow("list")
    assert flow.value is None
    flow.made_by(answer(), value)
    assert flow.value == value
    flow.used_on(answer())
    assert flow.value == value
    flow.made_by(answer())
    assert flow.value is None


def test_a_failed_use_is_a_use() -> None:
    """The pair's failure is that of the sample, whatever its status."""
    flow, refused = Flow("list"), answer("v2", 404)
    flow.made_by(answer("v1"))
    flow.used_on(refused)
    assert (sample(refused).flow, sample(refused).made_by, sample(refused).status) == ("list", "v1", 404)


def test_a_refused_token_is_no_use() -> None:
    """Nobody looked at the value: the failure is the token's, and that of no pair of versions."""
    flow, refused, used = Flow("list"), answer("v2", 401), answer("v2")
    flow.made_by(answer("v1"), 7)
    sample(refused).kind, sample(refused).flow, sample(refused).made_by = "auth-broken", "token", "v1"
    flow.used_on(refused)
    assert (sample(refused).flow, sample(refused).made_by, flow.value) == ("token", "v1", 7)
    flow.used_on(used)
    assert (sample(used).flow, sample(used).made_by) == ("list", "v1")


def test_a_maker_that_names_no_version() -> None:
    """Is a maker all the same: its uses are of the flow."""
    flow, used = Flow("list"), answer("v2")
    flow.made_by(answer(""), 1)
    flow.used_on(used)
    assert (sample(used).flow, sample(used).made_by) == ("list", "")


def test_nothing_was_made() -> None:
    """To use what nobody made is a mistake of the test, which is told what to do; the sample stays as it was."""
    used = answer()
    with pytest.raises(ValueError, match=r"flow 'list': nothing was made yet: call made_by\(response\) before used_on"):
        Flow("list").used_on(used)
    assert sample(used).flow == ""


@pytest.mark.parametrize("foreign", [Response(), None, "text"])
def test_foreign_responses(foreign: Any) -> None:
    """A response that has no sample cannot be of a flow, and changes nothing."""
    flow = Flow("list")
    with pytest.raises(TypeError, match=r"needs a response of zdt_session or of zdt_oauth_client\.session"):
        flow.made_by(foreign, 1)
    assert flow.value is None
    flow.made_by(answer(), 2)
    with pytest.raises(TypeError, match="needs a response"):
        flow.used_on(foreign)
    assert flow.value == 2


def test_flows_of_a_virtual_user(user: VirtualUser) -> None:
    """The same object for the same name in every iteration, others for other names and other users."""
    flow = user.flow("list")
    flow.made_by(answer("v1"), 5)
    user.begin()
    user.end(None)
    user.begin()
    assert user.flow("list") is flow
    assert user.flow("list").value == 5
    assert user.flow("tag") is not flow
    assert user.flow("tag").value is None
    other = VirtualUser(4, "new", user.session.target, "cafe", 1, "urllib3")
    assert other.flow("list") is not flow
    other.close()


def test_what_a_flow_shows() -> None:
    """Its name and who made the value, not the value: it may be private."""
    flow = Flow("list")
    assert repr(flow) == "Flow('list', made_by=None)"
    flow.made_by(answer("v1"), "private")
    assert repr(flow) == "Flow('list', made_by='v1')"


def test_a_flow_keeps_no_answer() -> None:
    """A run of hours does not hold the answers of all its makers."""
    flow, made = Flow("list"), answer()
    kept = weakref.ref(made)
    flow.made_by(made, 1)
    del made
    gc.collect()
    assert kept() is None


# --- tokens


class Client:
    """Stands in for the OAuth client: counts its tokens."""

    broken = False

    def __init__(self, session: object, name: str, clock: object) -> None:
        self.session, self.name, self.tokens = session, name, 1

    def is_due(self) -> bool:
        """Its tokens do not expire."""
        return False

    def refresh(self) -> None:
        """Gets a new token, or fails to."""
        if self.broken:
            raise ConnectionError("refused")
        self.tokens += 1


@pytest.fixture
def _client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vu, "OAuthClient", Client)


@pytest.mark.usefixtures("_client")
def test_tokens_are_renewed(user: VirtualUser) -> None:
    """One application for the whole run; each of its tokens is good for as many iterations as `USES` says."""
    found = [user.oauth_client().tokens for _ in range(3 * USES)]  # type: ignore[attr-defined]
    assert found == [1 + number // USES for number in range(3 * USES)]
    assert user.oauth_client() is user.oauth_client()
    assert user.oauth_client().name == "zdt-cafe-3"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_client")
def test_a_renewal_that_fails(user: VirtualUser) -> None:
    """It is the iteration's failure, once; the next ones use the token that is there, and renew it in their turn."""
    client: Any = user.oauth_client()
    for _ in range(USES - 1):
        user.oauth_client()
    client.broken = True
    with pytest.raises(ConnectionError):
        user.oauth_client()
    client.broken = False
    assert [user.oauth_client().tokens for _ in range(USES + 1)] == [1] * USES + [2]  # type: ignore[attr-defined]
