"""When a token is renewed: before it expires, by its own life, and after a number of uses; on a clock of the test's."""

import json

import pytest

from pytest_zdt.http.oauth import OAuthClient, OAuthError
from pytest_zdt.target import Target
from pytest_zdt.vu import USES, VirtualUser

from .conftest import reply

REGISTER = "/v1/auth_tokens/register/"


class Api:
    """Registers, and issues tokens that live as long as it is told."""

    def __init__(self, life):
        self.life = life
        self.names = []
        self.refused = 0

    def __call__(self, hit):
        if hit.target == REGISTER:
            self.names.append(json.loads(hit.body)["name"])
            return reply(201, b'{"client_id": "id", "client_secret": "private", "verified": true}')
        if self.refused:
            self.refused -= 1
            return reply(401, b"{}", "Unauthorized")
        life = {} if self.life is None else {"expires_in": self.life}
        return reply(body=json.dumps({"access_token": "hidden", **life}).encode())


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands."""
    return Clock()


@pytest.fixture
def user_of(serve, transport, clock):
    """Makes a virtual user of an API: ``user, server``."""
    users = []

    def make(api):
        server = serve(api)
        users.append(VirtualUser(3, "reused", Target("test", server.url), "cafe", 1, transport, clock=clock))
        return users[-1], server

    yield make
    for user in users:
        user.close()


@pytest.mark.parametrize(
    "life, kept, due",
    [
        (43200, 43169.9, 43170),  # 30 s before the end
        (300, 269.9, 270),  # both are the same
        (100, 89.9, 90),  # a tenth of the life
        (1, 0.89, 0.91),
        ("3600", 3569, 3570),  # as text, as some servers write it
        (0.5, 0.44, 0.46),
    ],
)
def test_a_token_is_due_before_its_end(life, kept, due, serve, connect, clock):
    """A tenth of its life before, or 30 seconds, whichever is smaller."""
    client = OAuthClient(connect(serve(Api(life)).url), "zdt-run-1", clock=clock)
    clock.now = 1000.0 + kept
    assert not client.is_due()
    clock.now = 1000.0 + due
    assert client.is_due()
    client.refresh()
    assert not client.is_due()


def test_a_token_without_a_life_is_never_due(serve, connect, clock):
    """``expires_in`` is only recommended (RFC 6749 section 5.1): without it the clock renews nothing."""
    client = OAuthClient(connect(serve(Api(None)).url), "zdt-run-1", clock=clock)
    clock.now += 1e9
    assert not client.is_due()


def test_life_is_counted_from_the_asking(serve, connect, clock):
    """An answer that comes late does not make the token younger."""
    api = Api(100)
    client = OAuthClient(connect(serve(lambda hit: _late(api, hit, clock)).url), "zdt-run-1", clock=clock)
    clock.now = 1090.0
    assert client.is_due()


def _late(api, hit, clock):
    if hit.target != REGISTER:
        clock.now += 50
    return api(hit)


def test_a_virtual_user_renews_before_the_end(user_of, clock):
    """An iteration that begins with a token about to expire gets a new one first."""
    user, server = user_of(Api(100))
    for now in (1000, 1080, 1091, 1092, 1182):
        clock.now = now
        user.oauth_client()
    assert [hit.target for hit in server.hits] == [REGISTER, *["/v1/auth_tokens/token/"] * 3]


def test_a_virtual_user_renews_after_some_uses(user_of):
    """Whatever a token's life, it is renewed after so many uses, so that each version issues tokens."""
    user, server = user_of(Api(43200))
    for _ in range(2 * USES + 1):
        user.oauth_client()
    assert len(server.hits) == 1 + 3


def test_names_are_unique(user_of):
    """A name holds the run's id and the user's number; where getting the first token failed, the next try has its own."""
    api = Api(100)
    api.refused = 1
    user, _ = user_of(api)
    with pytest.raises(OAuthError, match=r"^token: .* 401"):
        user.oauth_client()
    user.oauth_client()
    assert api.names == ["zdt-cafe-3", "zdt-cafe-3-2"]


def test_a_renewal_that_fails_is_tried_by_the_next_iteration(user_of, clock):
    """The error reaches the test; nothing is tried again behind its back."""
    api = Api(100)
    user, server = user_of(api)
    user.oauth_client()
    clock.now, api.refused = 1095.0, 1
    with pytest.raises(OAuthError, match=r"^token: .* 401"):
        user.oauth_client()
    assert len(server.hits) == 3
    user.oauth_client()
    assert len(server.hits) == 4
