"""Endpoint names, and versions read from answers."""

import pytest
from requests.structures import CaseInsensitiveDict

from pytest_zdt.http.names import endpoint_name
from pytest_zdt.http.versions import answering_version
from pytest_zdt.target import VersionSource


@pytest.mark.parametrize(
    "path, name",
    [
        ("/v1/images/", "GET /v1/images/"),
        ("/v1/images/0aff3595-8168-440b-83ff-7a80b65dea42/thumb/", "GET /v1/images/{id}/thumb/"),
        ("/v1/images/0AFF3595-8168-440B-83FF-7A80B65DEA42", "GET /v1/images/{id}"),
        ("/users/42/posts/7", "GET /users/{id}/posts/{id}"),
        ("/commit/1fb3b4671fb3b4671fb3b4671fb3b4671fb3b467/", "GET /commit/{id}/"),
        ("/face/decade/v2/", "GET /face/decade/v2/"),
        ("/v1/images/?q=12", "GET /v1/images/"),
        ("/v1/images/#12", "GET /v1/images/"),
        ("", "GET /"),
    ],
)
def test_endpoint_name(path, name):
    """Ids become {id}; words stay, also those that could be hexadecimal; the query is no part of the name."""
    assert endpoint_name("get", path) == name


@pytest.mark.parametrize(
    "source, version",
    [
        (VersionSource("header", "X-Version"), "v1"),
        (VersionSource("header", "x-other"), ""),
        (VersionSource("json", "/meta/version"), "v2"),
        (VersionSource("json", "release"), "7"),
        (VersionSource("json", "/list/1"), "b"),
        (VersionSource("json", "/list/9"), ""),
        (VersionSource("json", "/a~1b"), "slash"),
        (VersionSource("json", "/meta"), ""),
        (VersionSource("url", "/version"), ""),
    ],
)
def test_answering_version(source, version):
    """A header, or a JSON pointer or key into the body; what is not there is an empty text."""
    body = b'{"meta": {"version": "v2"}, "release": 7, "list": ["a", "b"], "a/b": "slash"}'
    assert answering_version(source, CaseInsensitiveDict({"x-version": "v1"}), body) == version


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"3"])
def test_a_body_that_names_no_version(body):
    """A body that is not a JSON object names none."""
    assert answering_version(VersionSource("json", "/version"), {}, body) == ""
