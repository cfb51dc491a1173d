"""A flow: a value that one answer made and later requests use; what the ``zdt_flow`` fixture gives."""

from __future__ import annotations

from typing import Any

from requests import Response

from pytest_zdt.evidence.samples import Sample


class Flow:
    """One flow of one virtual user, remembered from iteration to iteration, so that a value can cross from version to version.

    A test uses what an earlier iteration made, and makes the next::

        flow = zdt_flow("list")
        if flow.value is not None:
            answer = zdt_session.get(f"/v1/lists/{flow.value}/")
            flow.used_on(answer)
            assert answer.status_code == 200
        made = zdt_session.post("/v1/lists/", json={"title": "cats"})
        flow.made_by(made, made.json()["id"])
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: Any = None
        """What was made last; None before anything was, or where `made_by` was not given it."""
        self._made_by: str | None = None

    def __repr__(self) -> str:
        return f"Flow({self.name!r}, made_by={self._made_by!r})"

    @property
    def made(self) -> bool:
        """Whether anything was made."""
        return self._made_by is not None

    def made_by(self, response: Response, value: Any = None) -> None:
        """Notes that ``response`` made the value, which `value` then gives. Raises `TypeError` for a foreign response."""
        self._made_by, self.value = _sample(response).version, value

    def used_on(self, response: Response) -> None:
        """Notes that the request of ``response`` used the value; call it before the asserts, so that a failed use counts.

        Raises `ValueError` when nothing was made yet, `TypeError` for a foreign response.
        """
        if self._made_by is None:
            raise ValueError(f"flow {self.name!r}: nothing was made yet: call made_by(response) before used_on(response)")
        sample = _sample(response)
        if sample.kind == "auth-broken":
            return  # the token was refused, so nobody looked at the value
        sample.flow, sample.made_by = self.name, self._made_by


def _sample(response: Response) -> Sample:
    sample = getattr(response, "zdt", None)
    if not isinstance(sample, Sample):
        raise TypeError("a flow needs a response of zdt_session or of zdt_oauth_client.session")
    return sample
