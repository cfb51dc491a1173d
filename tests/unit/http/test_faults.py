"""The fault table on real sockets: exactly its kind, its guilt, its exception, and one sample for one hit, on both transports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from pytest_zdt.evidence.kinds import guilt
from pytest_zdt.http.transport import TRANSPORTS

from .conftest import reply
from .faults import FAULTS, RACE, UNREACHED

ROOT = Path(__file__).parents[3]


def told(sample):
    """What the verdict makes of a sample."""
    return sample.kind, guilt(sample.kind, sample.version), sample.version, sample.status


def raised_by(session, method, timeout=None):
    """The exact class of what the request raised; None when it gave an answer."""
    try:
        session.request(method, "/v1/images/?q=cat", data=b"body" if method == "POST" else None, timeout=timeout)
    except requests.RequestException as error:
        return type(error)
    return None


def patience(name):
    """Seconds for an answer: few where none will come."""
    return 0.5 if name.startswith("stall") else 5.0


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", FAULTS)
def test_on_a_fresh_connection(name, method, serve, connect):
    """One hit, one connection, one sample, one exception; a version where its header had come."""
    fault = FAULTS[name]
    server = serve(fault.answer)
    session = connect(server.url)
    assert raised_by(session, method, patience(name)) is fault.raised
    (sample,) = session.seen
    assert told(sample) == (fault.kind, fault.guilt, fault.version, fault.status)
    assert not sample.reused
    assert len(server.hits) == server.connections == 1
    assert sample.request_id == server.hits[0].headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", FAULTS)
def test_on_a_kept_connection(name, method, serve, connect):
    """A kept connection that dies before an answer is its own kind; nothing is sent twice, and the next request goes well."""
    fault = FAULTS[name]
    server = serve(reply(), fault.answer, reply())
    session = connect(server.url)
    session.get("/")
    assert raised_by(session, method, patience(name)) is fault.raised
    kind = fault.on_reused or fault.kind
    assert told(session.seen[1]) == (kind, fault.guilt, fault.version, fault.status)
    assert session.seen[1].reused
    assert (len(server.hits), server.connections) == (2, 1)
    assert session.get("/").ok
    assert [sample.request_id for sample in session.seen] == [hit.headers["x-request-id"] for hit in server.hits]


def test_the_races_of_the_table():
    """What is a keep-alive race on a kept connection is what shows no line of an answer."""
    assert {name for name, fault in FAULTS.items() if fault.on_reused == RACE} == {
        "closed before an answer",
        "reset before an answer",
        "closed in the status line",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", UNREACHED)
def test_without_a_hit(name, method, connect):
    """A request that comes to no server is one sample as well, and one attempt."""
    where, kind, whose, raised, connections = UNREACHED[name]
    with where() as place:
        session = connect(place.url)
        session.verify = place.verify
        found = raised_by(session, method, (0.3, 5) if name == "connecting takes too long" else None)
        assert (found, place.connections()) == (raised, connections)
    (sample,) = session.seen
    assert told(sample) == (kind, whose, "", 0)
    assert not sample.reused


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
def test_no_local_port(transport):
    """Without a local port the failure is the client's own, not the edge's."""
    command = [sys.executable, "-m", "tests.unit.http.no_ports", transport]
    if (refused := subprocess.run(["unshare", "-rn", "true"], capture_output=True, text=True)).returncode:
        pytest.skip(f"no network namespace may be made here: {refused.stderr.strip()}")
    ran = subprocess.run(["unshare", "-rn", *command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["kind"], guilt(found["kind"], found["version"]), found["raised"]) == ("local", "client", "ConnectionError")
