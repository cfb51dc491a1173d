"""What verifying a signature costs the API: run by hand, ``python benchmarks/api.py``. Needs zdt-api, and nothing that runs.

CPU of `zdt_api.signature.signature_of` for one request, medians of five rounds of 5,000, on a shared machine, in microseconds:

======================================  =====
request                                 cost
======================================  =====
unsigned                                 17
timed-hmac                               27
rfc9421, GET                             24
rfc9421, POST with a body of 100 bytes   27
======================================  =====
"""

from __future__ import annotations

import statistics
import time

import django
from django.conf import settings
from django.http import HttpRequest
from django.test import RequestFactory
from requests import Request
from zdt_api.signature import signature_of

from pytest_zdt.http.signing import signer
from pytest_zdt.target import Secret, Target

ROUNDS, NUMBER, URL = 5, 5000, "http://testserver/v1/images/?q=cat"


def received(scheme: str, method: str, body: bytes | None) -> HttpRequest:
    """A request as Django has it."""
    request = Request(method, URL, data=body).prepare()
    if sign := signer(Target("bench", "http://testserver", signing=scheme, secret=Secret("s" * 32))):
        sign(request)
    headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
    return RequestFactory().generic(method, "/v1/images/?q=cat", body or b"", "", headers=headers, RAW_URI=request.path_url)


def cost(request: HttpRequest, signed: bool) -> float:
    """Microseconds for one verification."""
    began = time.process_time()
    for _ in range(NUMBER):
        if (signature_of(request) is not None) != signed:
            raise ValueError("not what was expected")
        del request._zdt_signature
    return (time.process_time() - began) / NUMBER * 1e6


def main() -> None:
    """Measures and prints."""
    settings.configure(ZDT_SIGNING_SECRET="s" * 32, SECRET_KEY="s")
    django.setup()
    kinds = [("unsigned", "none", "GET", None), ("timed-hmac", "timed-hmac", "GET", None)]
    kinds += [("rfc9421, GET", "rfc9421", "GET", None), ("rfc9421, POST with a body of 100 bytes", "rfc9421", "POST", b"x" * 100)]
    for name, scheme, method, body in kinds:
        figures = [cost(received(scheme, method, body), scheme != "none") for _ in range(ROUNDS)]
        print(f"{name:38}  {statistics.median(figures):5.1f} us  ({min(figures):.1f} to {max(figures):.1f})")


if __name__ == "__main__":
    main()
