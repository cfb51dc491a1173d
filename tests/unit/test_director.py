"""Follow mode: when to deploy, and when enough was seen."""

from __future__ import annotations

import pytest

from pytest_zdt.director import FAILED_TAIL, MARGIN, Director, Seen


def seen(last_failure: float = -1.0, **versions: tuple[float, float]) -> Seen:
    """What was seen: versions with their first and last good answer."""
    return Seen(samples=100, failures=int(last_failure >= 0), last_failure=last_failure, versions=dict(versions))


def test_add_merges_batches() -> None:
    """Batches add up; a version keeps its earliest and its latest answer, in whatever order the batches come."""
    total = Seen()
    total.add(10, 1, 4.5, [["v1", 9, 4.0, 5.0]])
    total.add(10, 0, -1.0, [["v1", 9, 1.0, 2.0], ["v2", 1, 6.0, 6.0]])
    assert (total.samples, total.failures, total.last_failure) == (20, 1, 4.5)
    assert total.versions == {"v1": (1.0, 5.0), "v2": (6.0, 6.0)}


def test_old_is_the_version_that_answered_first() -> None:
    """The old version is known by its first answer, not by the batch that came first."""
    assert seen(v2=(6.0, 9.0), v1=(0.0, 7.0)).old == "v1"
    assert Seen().old == ""


def test_rolled_out() -> None:
    """The rollout is over with old's last answer, once the new version answered after it."""
    assert seen(v1=(0.0, 7.0), v2=(6.0, 9.0)).rolled_out == 7.0
    assert seen(v1=(0.0, 9.5), v2=(6.0, 9.0)).rolled_out == -1.0
    assert seen(v1=(0.0, 9.0)).rolled_out == -1.0


def test_due_once_the_head_is_long_enough() -> None:
    """The deployment is due when the first version has answered for as long as the head must be."""
    director = Director(head=5.0, tail=5.0)
    assert not director.due(100.0, Seen())
    assert not director.due(2.0 + 5.0 + MARGIN - 0.1, seen(v1=(2.0, 7.0)))
    assert director.due(2.0 + 5.0 + MARGIN, seen(v1=(2.0, 7.0)))


@pytest.mark.parametrize("now", [0.0, 1e6])
def test_never_enough_before_the_deployment_ended(now: float) -> None:
    """However long a new version answers, the deployment's command must have ended."""
    assert not Director(head=1.0, tail=1.0).enough(now, seen(v1=(0.0, 1.0), v2=(1.0, now)))


def test_enough_after_a_clean_tail() -> None:
    """A verified rollout has been followed enough when the tail is clean, counted from old's last answer."""
    director, found = Director(head=5.0, tail=5.0, deployed=10.0), seen(v1=(0.0, 12.0), v2=(8.0, 30.0))
    assert not director.enough(12.0 + 5.0 + MARGIN - 0.1, found)
    assert director.enough(12.0 + 5.0 + MARGIN, found)


def test_the_tail_is_counted_from_the_deployments_end() -> None:
    """Where old was gone before the command ended, the tail begins with the command's end."""
    director, found = Director(head=5.0, tail=5.0, deployed=20.0), seen(v1=(0.0, 12.0), v2=(8.0, 30.0))
    assert not director.enough(20.0 + 5.0 + MARGIN - 0.1, found)
    assert director.enough(20.0 + 5.0 + MARGIN, found)


def test_a_new_version_is_waited_for() -> None:
    """A command may return before its deployment has begun: until another version answers there is no tail, however long."""
    director, found = Director(head=5.0, tail=5.0, deployed=10.0), seen(v1=(0.0, 900.0))
    assert director.clean(900.0, found) == 0.0
    assert not director.enough(900.0, found)


def test_no_new_version_is_waited_for_where_none_is_required() -> None:
    """Then a deployment that changed none is followed for a tail."""
    director, found = Director(head=5.0, tail=5.0, deployed=10.0, expects=False), seen(v1=(0.0, 30.0))
    assert not director.enough(10.0 + 5.0 + MARGIN - 0.1, found)
    assert director.enough(10.0 + 5.0 + MARGIN, found)


def test_failures_within_a_budget() -> None:
    """Neither head nor tail begin anew with a failure on an endpoint that may have some; with one on another they do."""
    director = Director(head=5.0, tail=5.0, forgives=lambda endpoint: endpoint == "GET /flaky/")
    found = seen(v1=(0.0, 9.0))
    found.add(1, 1, 8.0, [], [["status-5xx", 1]], [["GET /flaky/", 1.0, 8.0, 8.0]])
    assert (found.last_failure, director.proven(9.0, found)) == (8.0, 9.0)
    found.add(1, 1, 4.0, [], [["status-5xx", 1]], [["GET /a/", 5.0, -1.0, 4.0]])
    assert director.proven(9.0, found) == 5.0


def test_old_still_answering_is_never_enough() -> None:
    """As long as the last good answer is old's, the rollout is under way."""
    director = Director(head=5.0, tail=5.0, deployed=10.0)
    assert not director.enough(1000.0, seen(v1=(0.0, 1000.0), v2=(9.0, 999.0)))


def test_a_failure_in_the_tail_starts_it_anew() -> None:
    """A failure after the rollout is waited out: a clean tail after it is enough."""
    director, found = Director(head=5.0, tail=5.0, deployed=10.0), seen(13.0, v1=(0.0, 9.0), v2=(8.0, 30.0))
    assert not director.enough(10.0 + 5.0 + MARGIN, found)
    assert director.enough(13.0 + 5.0 + MARGIN, found)


def test_failures_without_end_are_not_waited_for() -> None:
    """A tail that does not become clean is given up after two tails."""
    director = Director(head=5.0, tail=5.0, deployed=10.0)
    assert not director.enough(20.9, seen(20.9, v1=(0.0, 9.0), v2=(8.0, 20.9)))
    assert director.enough(10.0 + 2 * 5.0 + MARGIN, seen(20.9, v1=(0.0, 9.0), v2=(8.0, 20.9)))


def test_hopeless_without_a_version() -> None:
    """Good answers for the length of the head, and none names a version: no deployment could be verified."""
    seen = Seen()
    director = Director(head=2.0, tail=2.0)
    assert not director.hopeless(60.0, seen)
    seen.add(10, 0, -1.0, [])
    assert not director.hopeless(1.0, seen)
    assert director.hopeless(3.0, seen)
    seen.add(10, 0, -1.0, [["v1", 10, 3.0, 3.5]])
    assert not director.hopeless(4.0, seen)


def test_a_failed_deployment_is_not_followed_for_long() -> None:
    """What failed cannot be verified any more: half a minute is enough, whatever the versions do, and a tail where it is less."""
    director, found = Director(head=5.0, tail=300.0, deployed=10.0, failed=True), seen(v1=(0.0, 39.0), v2=(9.0, 40.0))
    assert not director.enough(10.0 + FAILED_TAIL + MARGIN - 0.1, found)
    assert director.enough(10.0 + FAILED_TAIL + MARGIN, found)
    director.tail = 2.0
    assert director.enough(10.0 + 2.0 + MARGIN, seen(11.9, v1=(0.0, 12.0)))


def test_proven_and_clean() -> None:
    """Seconds of head since the first answer and the last failure; of tail since the end of the rollout and the last failure."""
    director = Director(head=5.0, tail=5.0)
    assert (director.proven(9.0, Seen()), director.proven(9.0, seen(v1=(2.0, 8.0)))) == (0.0, 7.0)
    assert director.proven(9.0, seen(5.0, v1=(2.0, 8.0))) == 4.0
    assert director.clean(9.0, seen(v1=(2.0, 8.0), v2=(7.0, 9.0))) == 0.0
    director.deployed = 8.0
    assert director.clean(12.0, seen(v1=(2.0, 9.0), v2=(7.0, 12.0))) == 3.0
    assert director.clean(12.0, seen(11.0, v1=(2.0, 9.0), v2=(7.0, 12.0))) == 1.0
    assert director.clean(12.0, seen(v1=(2.0, 12.0), v2=(7.0, 11.0))) == 0.0
