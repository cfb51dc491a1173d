"""Registration over real HTTP, under gunicorn and uvicorn: what verifies, what does not, and that nothing is an error."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import time

import pytest

from tests.api.servers import REGISTER, at_once, body, raw, registered, send, signature, target, uvicorn

SCHEMES = ["timed-hmac alone", "rfc9421", "both"]


@pytest.fixture(scope="module")
def ports(sandbox):
    """Where the API answers: by the name of the server."""
    with uvicorn(sandbox) as port:
        yield {"gunicorn": sandbox.port, "uvicorn": port}


@pytest.fixture(params=["gunicorn", "uvicorn"])
def port(request, ports):
    """Each server's."""
    return ports[request.param]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signed(port, sandbox, scheme):
    """A signed registration is verified at once."""
    answer = registered(port, sandbox, scheme)
    assert (answer.status, answer.verified) == (201, True), answer.body


NOW = "1700000000"
MAC, TIME, INPUT, SIGNATURE, DIGEST = "x-ov-cf-mac", "x-ov-cf-timestamp", "Signature-Input", "Signature", "Content-Digest"
ATTACKS = {
    "no header": ("timed-hmac alone", {"without": (MAC, TIME)}, 201),
    "only the mac": ("timed-hmac alone", {"without": (TIME,)}, 201),
    "only the time": ("timed-hmac alone", {"without": (MAC,)}, 201),
    "time of 9 digits": ("timed-hmac alone", {"headers": {TIME: NOW[:9]}}, 201),
    "time of 11 digits": ("timed-hmac alone", {"headers": {TIME: "0" + NOW}}, 201),
    "time that is none": ("timed-hmac alone", {"headers": {TIME: "yesterday!"}}, 201),
    "unicode digits": ("timed-hmac alone", {"headers": {TIME: "²" * 10}}, 201),
    "stale": ("timed-hmac alone", {"at": time.time() - 120}, 201),
    "future": ("timed-hmac alone", {"at": time.time() + 3600}, 201),
    "other query": ("timed-hmac alone", {"more": "&a=1"}, 201),
    "mac not base64": ("timed-hmac alone", {"headers": {MAC: "!" * 43}}, 201),
    "mac of nothing": ("timed-hmac alone", {"headers": {MAC: ""}}, 201),
    "huge mac": ("timed-hmac alone", {"headers": {MAC: "A" * 60_000}}, (400, 431, 201)),
    "other method": ("timed-hmac alone", {"method": "PUT"}, 405),
    "rfc9421 other query": ("rfc9421", {"more": "&a=1"}, 201),
    "rfc9421 other body": ("rfc9421", {"content": body}, 201),
    "rfc9421 no body": ("rfc9421", {"content": bytes}, 400),
    "rfc9421 other method": ("rfc9421", {"method": "PATCH"}, 405),
    "rfc9421 no digest": ("rfc9421", {"without": (DIGEST,)}, 201),
    "rfc9421 no input": ("rfc9421", {"without": (INPUT,)}, 201),
    "rfc9421 no signature": ("rfc9421", {"without": (SIGNATURE,)}, 201),
    "rfc9421 stale": ("rfc9421", {"at": time.time() - 120}, 201),
    "rfc9421 future": ("rfc9421", {"at": time.time() + 3600}, 201),
    "both, other body": ("both", {"content": body}, 201),
    "both, no digest": ("both", {"without": (DIGEST,)}, 201),
    "both, no input": ("both", {"without": (INPUT,), "more": "&a=1"}, 201),
    "rfc9421 time beyond numbers": (
        "rfc9421",
        {"headers": {INPUT: f'zdt=("@method" "@path" "@query");created={"9" * 400}'}},
        201,
    ),
    "rfc9421 garbage": ("rfc9421", {"headers": {INPUT: "zdt=((((", SIGNATURE: "zdt=:=:"}}, 201),
    "rfc9421 not ASCII": ("rfc9421", {"headers": {INPUT: "zdt=éé"}}, 201),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(port, sandbox, attack):
    """A registration whose signature is not exactly right is that of an ordinary client: never verified, never a 500."""
    scheme, changes, status = ATTACKS[attack]
    answer = registered(port, sandbox, scheme, **changes)
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer.body
    assert not answer.verified


@pytest.mark.parametrize("scheme", SCHEMES)
def test_other_order_of_the_query(port, sandbox, scheme):
    """The same parameters in another order are another target."""
    content, where = body(), f"{target()}&a=1"
    given = signature(sandbox, scheme, "POST", where, content)
    path, _, query = where.partition("?")
    answer = send(port, raw("POST", f"{path}?{'&'.join(reversed(query.split('&')))}", list(given.items()), content))
    assert (answer.status, answer.verified) == (201, False)


EDITS = {
    "truncated": lambda mac: mac[:-1],
    "padded": lambda mac: mac + "=",
    "other alphabet": lambda mac: mac.replace("-", "+").replace("_", "/") + "+",
    "twice": lambda mac: f"{mac},{mac}",
    "spare bits": lambda mac: mac[:-1] + chr(ord(mac[-1]) + 1),
    "folded": lambda mac: f"{mac[:20]}\r\n {mac[20:]}",
    "cut by a line": lambda mac: f"{mac[:20]}\r\nx-more: {mac[20:]}",
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_macs(port, sandbox, edit):
    """A MAC in any other form than its own is none."""
    content, where = body(), target()
    given = signature(sandbox, "timed-hmac alone", "POST", where, content)
    given[MAC] = EDITS[edit](given[MAC])
    answer = send(port, raw("POST", where, list(given.items()), content))
    assert answer.status in (201, 400)
    assert not answer.verified


def test_duplicate_headers(port, sandbox):
    """Two of the same header, the right one first or last: none."""
    for flip in (1, -1):
        content, where = body(), target()
        given = signature(sandbox, "timed-hmac alone", "POST", where, content)
        macs = [(MAC, given[MAC]), (MAC, "A" * 43)][::flip]
        answer = send(port, raw("POST", where, [(TIME, given[TIME]), *macs], content))
        assert (answer.status, answer.verified) == (201, False), answer.body


def test_an_empty_secret(port, sandbox):
    """What is signed with no secret."""
    now = str(int(time.time()))
    mac = base64.urlsafe_b64encode(hmac.digest(b"", (REGISTER + now).encode(), hashlib.sha256)).rstrip(b"=").decode()
    answer = send(port, raw("POST", REGISTER, [(MAC, mac), (TIME, now)], body()))
    assert (answer.status, answer.verified) == (201, False)


@pytest.mark.parametrize("change", [{"ZDT_SIGNING_SECRET": ""}, {"ENVIRONMENT": "production"}], ids=["no secret", "production"])
def test_switched_off(serve, change):
    """Without a secret, and in production, a signed registration is anybody's, and so is every other answer."""
    off = serve(**change)
    answer = registered(off.port, off, "both")
    assert (answer.status, answer.verified) == (201, False)
    assert "x-zdt-version" not in off.get("/v1/images/stats/").headers


@pytest.mark.parametrize("scheme", SCHEMES)
def test_replay(ports, sandbox, scheme):
    """The headers of a signed registration, sent again with another body: to the same server, and to one in another process."""
    content, where = body(), target()
    given = list(signature(sandbox, scheme, "POST", where, content).items())
    assert send(ports["gunicorn"], raw("POST", where, given, content)).verified
    for port in ports.values():
        again = send(port, raw("POST", where, given, body()))
        assert (again.status, again.verified) == (201, False)
        assert not send(port, raw("POST", where, given, content)).verified


def test_two_hundred_at_once(port, sandbox):
    """200 signed registrations at the same moment: all are verified, and no e-mail is sent."""
    mails = sorted((sandbox.home / "mail").glob("*"))
    answers = at_once(200, lambda: registered(port, sandbox, "rfc9421"))
    assert {(answer.status, answer.verified) for answer in answers} == {(201, True)}
    assert sorted((sandbox.home / "mail").glob("*")) == mails


CURL = r"""
set -eu
now=$(date +%s)
mac=$(printf %s "$TARGET$now" | openssl dgst -sha256 -hmac "$SECRET" -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
curl -sS -X POST -H "x-ov-cf-mac: $mac" -H "x-ov-cf-timestamp: $now" -H 'content-type: application/json' -d "$BODY" "$URL$TARGET"
"""
NODE = """
const { createHash, createHmac, randomBytes } = require('node:crypto');
const { URL, TARGET, SECRET, BODY } = process.env;
const created = Math.floor(Date.now() / 1000);
const digest = `sha-256=:${createHash('sha256').update(BODY).digest('base64')}:`;
const parameters = `("@method" "@path" "@query" "content-digest");created=${created};nonce="${randomBytes(16).toString('hex')}"`;
const [path, query] = TARGET.split('?');
const base = `"@method": POST\\n"@path": ${path}\\n"@query": ?${query ?? ''}\\n"content-digest": ${digest}\\n` +
  `"@signature-params": ${parameters}`;
const signature = createHmac('sha256', SECRET).update(base).digest('base64');
const headers = { 'content-type': 'application/json', 'content-digest': digest,
  'signature-input': `node=${parameters}`, signature: `node=:${signature}:` };
fetch(URL + TARGET, { method: 'POST', headers, body: BODY }).then((answer) => answer.text()).then(console.log);
"""


@pytest.mark.parametrize("program", ["curl", "node"])
def test_other_clients(sandbox, program):
    """A shell script with curl and openssl signs by timed-hmac, one of Node.js by RFC 9421; both are verified."""
    for needed in (program, "openssl"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    variables = {
        "URL": sandbox.url,
        "TARGET": f"{REGISTER}?from={program}",
        "SECRET": sandbox.secret,
        "BODY": body().decode(),
        "no_proxy": "*",
    }
    command = ["bash", "-c", CURL] if program == "curl" else ["node", "-e", NODE]
    done = subprocess.run(command, env=sandbox.environment | variables, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout or "{}").get("verified") is True, (done.stdout, done.stderr)
