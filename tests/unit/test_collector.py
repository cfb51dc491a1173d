"""Sending metrics to a collector, which may refuse, fail, be slow or not be there; nothing shows a secret."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from pytest_zdt.collector import check_url, headers, send
from pytest_zdt.processes import free_port
from pytest_zdt.report.otlp import messages
from pytest_zdt.target import Secret

from .background import Background
from .report.test_metrics import measured
from .verdict.conftest import Story

SECRET = "s3cr3t t0ken/="
PEM = Path(__file__).parent / "http" / "data" / "self-signed.pem"
REQUESTS = list(messages(measured(Story())))


@dataclass
class Answer:
    """What a collector answers; ``then`` is ``send``, ``wait`` (for the end of the test), ``break`` (half of it), or ``drip``.

    For the last the body stands for the whole answer, and after it comes a byte now and then.
    """

    status: int = 200
    body: bytes = b""
    kind: str = "application/x-protobuf"
    then: str = "send"


def partly(rejected: int, message: str) -> ExportMetricsServiceResponse:
    """A partial success."""
    return ExportMetricsServiceResponse(
        partial_success=ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    )


class Collector(Background):
    """Answers each request with the next of ``answers``, and then with the last; keeps what came."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers, self.hits = list(answers), list[tuple[str, dict[str, str], bytes]]()
        super().__init__(_Handler, tls=tls)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_port}/v1/metrics"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        """Answers as the server is told."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.hits.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if answer.then == "wait":
            self.server.release.wait(60)
        if answer.then == "drip":
            self.drip(answer.body)
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Location", self.server.url + "/elsewhere")
        self.send_header("Content-Length", str(len(answer.body) + (answer.then == "break")))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = answer.then == "break"

    def drip(self, begin: bytes) -> None:
        """To the end of the test, or of five seconds."""
        self.close_connection = True
        self.wfile.write(begin)
        for _ in range(100):
            if not self.server.release.wait(0.05):
                self.wfile.write(b"x")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collect() -> Iterator[Callable[..., Collector]]:
    """Starts collectors."""
    with ExitStack() as ends:

        def start(*answers: Answer, tls: ssl.SSLContext | None = None) -> Collector:
            collector = Collector(*answers, tls=tls)
            ends.callback(collector.stop)
            return collector

        yield start


def refused(url: str, extra: dict[str, Secret] | None = None, timeout: float = 30.0, many: int = 1) -> str:
    """Sends what is not accepted; the error, which names the URL as it may be shown."""
    with pytest.raises(OSError, match="collector") as error:
        send(url, REQUESTS * many, extra or {}, timeout)
    assert error.value.filename == check_url(url)
    assert SECRET not in str(error.value)
    return str(error.value.strerror)


def test_what_is_sent(collect: Callable[..., Collector]) -> None:
    """Each request once, by POST, in binary, to the URL as it is given, with the headers of the environment."""
    collector = collect(Answer())
    extra = headers({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20s3cr3t, x-tenant = a=b,content-type=text/plain,"})
    assert send(f"{collector.url}?team=a", REQUESTS * 2, extra) == []
    assert [ExportMetricsServiceRequest.FromString(body) for _, _, body in collector.hits] == REQUESTS * 2
    for path, fields, _ in collector.hits:
        assert path == "/v1/metrics?team=a"
        assert fields["content-type"] == "application/x-protobuf"
        assert (fields["authorization"], fields["x-tenant"]) == ("Basic s3cr3t", "a=b")


def test_a_url_with_a_password(collect: Callable[..., Collector]) -> None:
    """It is sent, and never shown."""
    collector = collect(Answer(401))
    url = collector.url.replace("//", "//me:pass%20word@") + "?key=hidden"
    assert refused(url) == "the collector answered 401 Unauthorized"
    assert collector.hits[0][1]["authorization"] == "Basic " + base64.b64encode(b"me:pass word").decode()
    assert check_url(url) == collector.url


def test_a_netrc_replaces_no_header(collect: Callable[..., Collector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests would send what it says of the host, in place of the header that was asked for."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password word")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    collector = collect(Answer())
    send(collector.url, REQUESTS, {"Authorization": Secret(SECRET)})
    assert collector.hits[0][1]["authorization"] == SECRET


@pytest.mark.parametrize(
    "status, text",
    [
        (400, "400 Bad Request"),
        (404, "404 Not Found"),
        (405, "405 Method Not Allowed"),
        (429, "429 Too Many Requests: try again later"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable: try again later"),
        (599, "599"),
        (302, "302 Found"),
        (307, "307 Temporary Redirect"),
    ],
)
def test_a_collector_that_refuses(status: int, text: str, collect: Callable[..., Collector]) -> None:
    """The status is told; nothing is sent again, nor to where a redirect points."""
    collector = collect(Answer(status, SECRET.encode()))
    assert refused(collector.url, {"authorization": Secret(SECRET)}) == f"the collector answered {text}"
    assert len(collector.hits) == 1


def test_how_far_it_came(collect: Callable[..., Collector]) -> None:
    """After a request that was not accepted no other is sent; those that were are counted."""
    collector = collect(Answer(), Answer(), Answer(500), Answer())
    assert refused(collector.url, many=5) == "the collector answered 500 Internal Server Error (it accepted 2 before)"
    assert len(collector.hits) == 3


@pytest.mark.parametrize("as_json", [False, True])
def test_a_partial_success(as_json: bool, collect: Callable[..., Collector]) -> None:
    """What was rejected is told, with the collector's reason in one line, without what it repeats of secrets."""
    said = partly(12, f"too\nold\x1b[31m: Bearer {SECRET} {SECRET.split()[0]} word {'x' * 1000}")
    body = MessageToJson(said).encode() if as_json else said.SerializeToString()
    collector = collect(Answer(body=body, kind="application/json; charset=utf-8" if as_json else "application/x-protobuf"))
    text = refused(collector.url.replace("//", "//me:word@"), {"authorization": Secret(f"Bearer {SECRET}")})
    assert text.startswith("the collector rejected 12 data points: too old[31m: *** *** *** xxx")
    assert len(text) == len("the collector rejected 12 data points: ") + 200


def test_a_warning(collect: Callable[..., Collector]) -> None:
    """Whoever accepts all may say something all the same; each is told once."""
    collector = collect(Answer(body=partly(0, "use gzip").SerializeToString()))
    assert send(collector.url, REQUESTS * 2, {}) == ["use gzip"]


@pytest.mark.parametrize("answer", [Answer(204), Answer(202), Answer(kind="text/plain"), Answer(kind="application/json")])
def test_an_empty_answer(answer: Answer, collect: Callable[..., Collector]) -> None:
    """Nothing was rejected."""
    assert send(collect(answer).url, REQUESTS, {}) == []


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_who_is_no_collector(kind: str, collect: Callable[..., Collector]) -> None:
    """A page with status 200 is no success."""
    collector = collect(Answer(body=b"<!doctype html><title>Welcome</title>", kind=kind))
    assert refused(collector.url) == "what answered is no OTLP collector; the path for metrics is usually /v1/metrics"


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port without a listener, and a name that is none."""
    assert refused(f"http://127.0.0.1:{free_port()}/v1/metrics") == "the collector cannot be reached: Connection refused"

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert refused("http://collector.invalid/v1/metrics") == "the collector cannot be reached: Name or service not known"


def test_time_out(collect: Callable[..., Collector]) -> None:
    """A collector that says nothing is not waited for for long, and not asked again."""
    collector = collect(Answer(then="wait"))
    assert refused(collector.url, timeout=0.2) == "the collector did not answer within 0.2 s"
    assert len(collector.hits) == 1


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_collector_that_is_never_silent(begin: bytes, collect: Callable[..., Collector]) -> None:
    """The limit is one of the whole exchange, however many bytes come, and of what."""
    assert refused(collect(Answer(body=begin, then="drip")).url, timeout=0.3) == "the collector did not answer within 0.3 s"


def test_an_answer_that_breaks_off(collect: Callable[..., Collector]) -> None:
    """It is no success."""
    assert refused(collect(Answer(body=b"\n\x00", then="break")).url).startswith("the collector's answer broke off")


def test_a_certificate_of_nobody(collect: Callable[..., Collector]) -> None:
    """It is not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    assert "certificate verify failed" in refused(collect(Answer(), tls=context).url, {"authorization": Secret(SECRET)})


@pytest.mark.parametrize("url", ["http://", "http://h:99999/", "http://h:x/", "http://[::1/", "https:///v1", "http://a b/"])
def test_broken_urls(url: str) -> None:
    """One line, which does not show them: there may be a password in them."""
    with pytest.raises(ValueError, match=r"^the URL for --otlp is broken: give one such as http://collector:4318/v1/metrics$"):
        check_url(url)


@pytest.mark.parametrize("url", ["grpc://me:word@collector:4317", "ftp://collector/", "\x1b://x"])
def test_other_urls(url: str) -> None:
    """Only HTTP is spoken."""
    with pytest.raises(ValueError, match=r"^(?!.*word)(--otlp takes a file, or a URL of http or https, not|the URL)") as error:
        check_url(url)
    assert "\x1b" not in str(error.value)


def test_shown_urls() -> None:
    """Without user, password, query and fragment."""
    assert check_url("https://u:p@Collector.example:4318/v1/metrics?key=k#f") == "https://collector.example:4318/v1/metrics"
    assert check_url("http://[::1]:4318/v1/metrics") == "http://[::1]:4318/v1/metrics"


def test_headers() -> None:
    """Those for metrics come before those for all; names and values are percent-encoded; they are secrets."""
    one, other = "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"
    assert headers({}) == headers({one: "", other: " , "}) == {}
    assert headers({other: "a=1%2C2,%62=%20c d%20"}) == {"a": Secret("1,2"), "b": Secret("c d")}
    assert headers({one: "a=1", other: "b=2"}) == {"a": Secret("1")}
    assert "word" not in repr(headers({one: "a=word"}))


@pytest.mark.parametrize("item", ["s3cr3t", "=s3cr3t", "a b=s3cr3t", "a=s3cr3t%0d%0ax: y", "a=s3cr3t\N{SNOWMAN}", "a%0ab=s3cr3t"])
def test_broken_headers(item: str) -> None:
    """The item is told by its number, since it may be a secret."""
    text = "OTEL_EXPORTER_OTLP_HEADERS: item 2 is no header: write name=value,name=value, and other characters as %xx"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        headers({"OTEL_EXPORTER_OTLP_HEADERS": f"x=y,{item},z=1"})
