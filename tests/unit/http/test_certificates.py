"""Client certificates, on both transports."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from requests.exceptions import SSLError

from .conftest import reply

PEM = Path(__file__).parent / "data" / "self-signed.pem"


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def demanding(request):
    """The server's side of TLS that demands a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    context.load_verify_locations(PEM)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = request.param
    return context


@pytest.fixture
def parts(tmp_path):
    """The files of certificate and key."""
    text = PEM.read_text()
    key = text[text.index("-----BEGIN PRIVATE") : text.index("-----END PRIVATE KEY-----") + len("-----END PRIVATE KEY-----")]
    (tmp_path / "key.pem").write_text(f"{key}\n")
    (tmp_path / "cert.pem").write_text(text.replace(key, ""))
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


def test_certificate_of_the_session(demanding, serve, connect):
    """``session.cert`` is one file with both, and holds for the kept connection."""
    session = connect(serve(reply(), tls=demanding).url)
    session.verify, session.cert = str(PEM), str(PEM)
    assert [session.get("/").status_code for _ in range(2)] == [200, 200]
    assert [sample.reused for sample in session.seen] == [False, True]


def test_certificate_of_a_request(demanding, parts, serve, connect):
    """``cert=`` is a pair of files, and goes with its request only."""
    server = serve(reply(), tls=demanding)
    session = connect(server.url)
    session.verify = str(PEM)
    assert session.get("/", cert=parts).ok
    with pytest.raises(SSLError, match=r"^tls: "):
        session.get("/")
    assert len(server.hits) == 1


def test_certificate_that_is_missing(demanding, serve, connect):
    """A server that demands a certificate and gets none fails the handshake, also where it looks after the client is done."""
    server = serve(reply(), tls=demanding)
    session = connect(server.url)
    session.verify = str(PEM)
    with pytest.raises(SSLError, match=r"^tls: "):
        session.get("/")
    assert [(sample.kind, sample.reused) for sample in session.seen] == [("tls", False)]
    assert server.hits == []


@pytest.mark.parametrize(
    "cert, message",
    [
        ("no-such.pem", r"^Could not find the TLS certificate file, invalid path: no-such\.pem$"),
        ((str(PEM), "no-such.key"), r"^Could not find the TLS key file, invalid path: no-such\.key$"),
    ],
    ids=["certificate", "key"],
)
def test_files_that_are_not_there(cert, message, demanding, serve, connect):
    """A wrong path is a mistake of the test: an error, no sample, and nothing of it stays."""
    session = connect(serve(reply(), tls=demanding).url)
    session.verify = str(PEM)
    with pytest.raises(OSError, match=message):
        session.get("/", cert=cert)
    assert session.seen == []
    assert session.get("/", cert=str(PEM)).ok


def encrypted(parts, folder):
    """A key with a pass phrase."""
    key = serialization.load_pem_private_key(Path(parts[1]).read_bytes(), None)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"phrase")
    (folder / "locked.pem").write_bytes(key.private_bytes(*form))
    return parts[0], str(folder / "locked.pem")


@pytest.mark.parametrize("what", ["encrypted key", "junk certificate", "junk key", "junk authorities"])
def test_files_that_cannot_be_used(demanding, parts, serve, connect, tmp_path, what):
    """A mistake of the settings, not the edge's: an error before anything is sent, and nobody is asked for a pass phrase."""
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN NOTHING-----\n")
    cert = {
        "encrypted key": encrypted(parts, tmp_path),
        "junk certificate": (str(junk), parts[1]),
        "junk key": (parts[0], str(junk)),
    }
    server = serve(reply(), tls=demanding)
    session = connect(server.url)
    session.verify = str(junk) if what == "junk authorities" else str(PEM)
    with pytest.raises(OSError, match="in PEM"):
        session.get("/", cert=cert.get(what))
    assert not session.seen
    assert not server.hits


def test_paths(demanding, parts, serve, connect, tmp_path):
    """They may be objects, and hold letters beyond ASCII."""
    folder = tmp_path / "schlüssel"
    folder.mkdir()
    for path in (*parts, str(PEM)):
        (folder / Path(path).name).write_text(Path(path).read_text())
    session = connect(serve(reply(), tls=demanding).url)
    session.verify = folder / PEM.name
    assert session.get("/", cert=tuple(str(folder / Path(part).name) for part in parts)).ok
