"""What a libcurl handle trusts in TLS, and the certificate that it shows, both given as requests takes them."""

from __future__ import annotations

import os
from typing import Any

import certifi
import pycurl

Certificate = str | tuple[str, str] | None
"""A file with certificate and key, the files of both, or none."""


def set_trust(curl: Any, verify: bool | str) -> None:
    """Sets which authorities are trusted. Raises `OSError` for those that are not there."""
    curl.setopt(pycurl.SSL_VERIFYPEER, 1 if verify else 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if verify else 0)
    authorities = verify if isinstance(verify, str) else certifi.where()
    if not os.path.exists(authorities):  # as HTTPAdapter says it: a mistake of the settings, not the edge's
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {authorities}")
    used, unused = (pycurl.CAPATH, pycurl.CAINFO) if os.path.isdir(authorities) else (pycurl.CAINFO, pycurl.CAPATH)
    curl.setopt(used, authorities)
    curl.unsetopt(unused)


def set_certificate(curl: Any, cert: Certificate) -> None:
    """Sets the client certificate; pycurl cannot take one off a handle again. Raises `OSError` for files that are not there."""
    certificate, key = (cert, None) if isinstance(cert, str) or not cert else cert
    for what, path in (("certificate", certificate), ("key", key)):
        if path and not os.path.exists(path):
            raise OSError(f"Could not find the TLS {what} file, invalid path: {path}")
    if not certificate:
        return
    curl.setopt(pycurl.SSLCERT, certificate)
    curl.setopt(pycurl.SSLKEY, key or certificate)
    curl.setopt(pycurl.KEYPASSWD, "")  # OpenSSL would ask the terminal for the pass phrase of an encrypted key
