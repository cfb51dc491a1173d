"""Workflow commands are heeded where they are meant, and nowhere else."""

from __future__ import annotations

from pytest_zdt.step import TOKEN, Step

ENVIRON = {"GITHUB_ACTIONS": "true", TOKEN: "secret"}


def test_only_what_is_meant_is_heeded() -> None:
    """Commands are stopped, but around the lines that are some, and heeded again at the end, once."""
    step = Step(ENVIRON)
    assert step.stop() == ["::stop-commands::secret"]
    assert step.commands(["::error::a"]) == ["::secret::", "::error::a", "::stop-commands::secret"]
    assert step.commands([]) == []
    assert step.resume() == ["::secret::"]
    assert step.resume() == []
    assert step.commands(["::error::b"]) == ["::error::b"]


def test_elsewhere_than_in_a_step() -> None:
    """Nothing is printed."""
    step = Step({TOKEN: "secret"})
    assert [*step.stop(), *step.commands(["zdt: a"]), *step.resume()] == ["zdt: a"]


def test_nobody_knows_the_token() -> None:
    """Without one from outside each step has its own."""
    first, second = (Step({"GITHUB_ACTIONS": "true"}).stop()[0] for _ in range(2))
    assert first != second
    assert len(first) == len("::stop-commands::") + 32
