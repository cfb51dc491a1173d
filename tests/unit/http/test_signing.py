"""Signatures: the vectors of an independent implementation, and what is refused."""

import json
import time
from pathlib import Path

import pytest
from freezegun import freeze_time
from requests import Request

from pytest_zdt.http.signing import TimedHMAC, signer, timed_hmac
from pytest_zdt.target import Secret, Target

CASES = json.loads((Path(__file__).parent / "data" / "timed-hmac.json").read_text(encoding="utf-8"))["cases"]
TARGET = Target("test", "http://api.test", signing="timed-hmac", secret=Secret("correct horse battery staple"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['given']}@{case['timestamp']}")
def test_vectors(case):
    """The MAC is the one that the independent implementation computed."""
    secret = Secret(case["secret"])
    assert timed_hmac(case["request_target"], secret, case["timestamp"]) == (case["mac"], str(case["timestamp"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['given']}@{case['timestamp']}")
def test_vectors_through_a_prepared_request(case):
    """A prepared request is signed for the target that it will be sent with, into the headers that the target names."""
    target = Target("test", "http://api.test", secret=Secret(case["secret"]), mac_header="x-mac", timestamp_header="x-time")
    request = TimedHMAC(target, now=lambda: case["timestamp"])(Request("GET", "http://api.test" + case["given"]).prepare())
    assert request.path_url == case["request_target"]
    assert (request.headers["x-mac"], request.headers["x-time"]) == (case["mac"], str(case["timestamp"]))


def test_fractions_of_a_second_are_cut():
    """The timestamp is whole seconds, rounded down."""
    assert timed_hmac("/", TARGET.secret, 1700000000.999) == timed_hmac("/", TARGET.secret, 1700000000)


@pytest.mark.parametrize("target", ["", "v1/", "http://api.test/v1/", "/café", "/v1/#top", "/v1/?"])
def test_what_cannot_be_on_the_wire_is_refused(target):
    """A text that is not an encoded path and query is refused; so is a bare question mark, which clients may drop."""
    with pytest.raises(ValueError, match=r"not a request target|empty query"):
        timed_hmac(target, TARGET.secret, 1700000000)


def test_a_question_mark_inside_the_query_is_signed():
    """Only an empty query is refused."""
    assert timed_hmac("/?q=what?", TARGET.secret, 1700000000)


@pytest.mark.parametrize(
    "target, message",
    [
        (Target("staging", "http://a", signing="timed-hmac"), "target 'staging' signs with timed-hmac but has no secret"),
        (
            Target("staging", "http://a", signing="hmac"),
            "target 'staging': unknown signing 'hmac'; known are none, rfc9421, timed-hmac",
        ),
    ],
)
def test_a_target_that_cannot_be_signed_for(target, message):
    """A missing secret is never an empty key, and an unknown scheme never means unsigned."""
    with pytest.raises(ValueError, match=message):
        signer(target)


def test_no_scheme_no_signer():
    """Signing ``none`` needs no secret."""
    assert signer(Target("test", "http://a")) is None


def test_a_frozen_clock_does_not_reach_the_signature():
    """Signatures use the real wall clock also while a test freezes time."""
    sign = TimedHMAC(TARGET)
    with freeze_time("2001-01-01"):
        request = sign(Request("GET", "http://api.test/").prepare())
    assert abs(int(request.headers["x-ov-cf-timestamp"]) - time.time()) < 60


def test_the_secret_is_in_no_repr():
    """Neither the signer nor the target shows the secret."""
    assert "horse" not in f"{TimedHMAC(TARGET)!r} {vars(TimedHMAC(TARGET))} {TARGET}"
