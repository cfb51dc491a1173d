"""What a libcurl handle trusts in TLS, and the certificate that it shows, both given as requests takes them."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import Any

import certifi
import pycurl

Certificate = str | tuple[str, str] | None
"""A file with certificate and key, the files of both, or none."""


def check_files(verify: bool | str, cert: Certificate) -> None:
    """Raises `OSError`, with what to do, for files that are not there, hold something else, or whose key is encrypted.

    They are mistakes of the settings: no connection is opened for them, and nobody is asked for a pass phrase.
    """
    if isinstance(verify, str | os.PathLike):
        _check_authorities(os.fspath(verify))
    if cert:
        _check_certificate(*(cert if isinstance(cert, tuple) else (cert, cert)))


@lru_cache(maxsize=16)
def _check_authorities(path: str) -> None:
    if not os.path.exists(path):  # as HTTPAdapter says it
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {path}")
    try:
        if os.path.isfile(path):
            ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        raise OSError(f"{path} holds no certificates of authorities in PEM: {error}") from None


@lru_cache(maxsize=16)
def _check_certificate(certificate: str, key: str) -> None:
    for what, path in (("certificate", certificate), ("key", key)):
        if not os.path.exists(path):
            raise OSError(f"Could not find the TLS {what} file, invalid path: {path}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise OSError(f"{certificate} and {key} are no client certificate with its key, unencrypted, in PEM: {error}") from None


def set_trust(curl: Any, verify: bool | str) -> None:
    """Sets which authorities are trusted."""
    curl.setopt(pycurl.SSL_VERIFYPEER, 1 if verify else 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if verify else 0)
    authorities = os.fspath(verify) if isinstance(verify, str | os.PathLike) else certifi.where()
    used, unused = (pycurl.CAPATH, pycurl.CAINFO) if os.path.isdir(authorities) else (pycurl.CAINFO, pycurl.CAPATH)
    curl.setopt(used, os.fsencode(authorities))
    curl.unsetopt(unused)


def set_certificate(curl: Any, cert: Certificate) -> None:
    """Sets the client certificate; pycurl cannot take one off a handle again."""
    if cert:
        certificate, key = cert if isinstance(cert, tuple) else (cert, cert)
        curl.setopt(pycurl.SSLCERT, os.fsencode(certificate))
        curl.setopt(pycurl.SSLKEY, os.fsencode(key))
