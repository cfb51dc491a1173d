"""A bearer token as requests' ``auth``."""

from __future__ import annotations

from requests import PreparedRequest
from requests.auth import AuthBase

from pytest_zdt.target import Secret


class Token(AuthBase):
    """A bearer token and the version that issued it; as a session's ``auth`` it makes the requests a flow of their own."""

    def __init__(self, text: Secret, made_by: str) -> None:
        self.text = text
        self.made_by = made_by

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sets the ``Authorization`` header of ``request``."""
        request.headers["Authorization"] = f"Bearer {self.text.reveal()}"
        return request

    def __repr__(self) -> str:
        return f"Token(made_by={self.made_by!r})"

    def sent_with(self, request: PreparedRequest) -> bool:
        """Whether ``request`` carries this token."""
        return request.headers.get("Authorization") == f"Bearer {self.text.reveal()}"
