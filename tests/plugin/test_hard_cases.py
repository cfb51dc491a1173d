"""Tests that behave badly, and workers that do: nothing is blamed on the API for it, nothing is lost, and every run ends."""

from __future__ import annotations

from pathlib import Path

import pytest

ODD = """
    import http
    import pytest
    pytestmark = pytest.mark.zdt

    class Silent(Exception):
        def __str__(self):
            raise KeyError("detail")

    @pytest.fixture(scope="module")
    def broken_down(zdt_target):
        yield
        raise RuntimeError("module teardown")

    def test_silent(zdt_session):
        zdt_session.get("/silent")
        raise Silent

    def test_surrogate(zdt_session):
        pytest.fail("of an API: \\ud83d")

    def test_property(zdt_session, record_property):
        record_property("status", http.HTTPStatus.OK)
        zdt_session.get("/property")

    def test_asks(zdt_session, request):
        zdt_session.get("/asks")
        request.getfixturevalue("monkeypatch")

    def test_last(zdt_session, broken_down):
        assert zdt_session.get("/last").status_code == 200
"""
POLLS = """
    import time
    import pytest
    @pytest.mark.zdt
    def test_polls(zdt_session):
        while True:
            try:
                assert zdt_session.get("/one").status_code == 200
            except Exception as error:
                pytest.fail(f"gave up: {error!r}")
            time.sleep(0.01)
"""
STOPS = """
    import os, signal
    import pytest
    @pytest.mark.zdt
    def test_stops(zdt_session, zdt_vu):
        zdt_session.get("/one")
        if zdt_vu.index == 1 and zdt_vu.iteration == 10:
            os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_odd_tests(zdt, api, pytester):
    """What cannot be shown or carried is told as well as may be; a late teardown error is one of the last test."""
    pytester.makepyfile(ODD)
    result = zdt.load(duration="1s")
    text = result.stdout.str()
    assert "INTERNALERROR" not in text
    assert "Silent, which cannot be shown" in text or "Silent" in text
    assert "of an API: \\ud83d" in text
    assert "ERROR at teardown of test_last" in text
    assert "module teardown" in text
    result.assert_outcomes(passed=2, failed=3, errors=1)
    kinds = {(sample, kind) for sample, kind in zip(zdt.column("endpoint"), zdt.column("kind"), strict=True) if kind}
    assert kinds == {("GET /silent", "wrong-body")}  # and not /asks: no answer of the API was wrong there
    assert api.hits["/silent"] > 4  # the users went on
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"


def test_a_test_that_never_ends_ends_with_the_run(zdt, api, pytester):
    """A test that asks until something is raised is cut by the end of the run, and that is no failure of the API."""
    pytester.makepyfile(POLLS)
    assert zdt.load(duration="1s").ret == 10
    assert set(zdt.column("kind")) == {""}
    assert len(zdt.column("kind")) == api.hits["/one"] > 20
    assert zdt.mark("run-ended")["hung_vus"] == []


def test_a_worker_that_stands_still_is_given_up(make_zdt, pytester):
    """A worker that does not end though it is told to is lost, and the run is judged all the same."""
    zdt = make_zdt("n2")
    with Path("zdt.toml").open("a") as configuration:
        configuration.write('timeout = "1s"\n')
    pytester.makepyfile(STOPS)
    result = zdt.load(duration="2s")
    assert result.ret not in (0, pytest.ExitCode.INTERNAL_ERROR)
    assert zdt.mark("worker-lost")["reason"] == "did not end"
    assert zdt.verdict["verdict"] == "inconclusive"
