"""The media endpoints of a served sandbox."""

import io
from pathlib import Path

import pytest
from PIL import Image

MEDIA = ["images", "audio"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ITEM_KEYS = {
    *("id", "title", "indexed_on", "foreign_landing_url", "url", "creator", "creator_url", "license", "license_version"),
    *("license_url", "provider", "source", "category", "filesize", "filetype", "tags", "attribution", "fields_matched"),
    *("mature", "unstable__sensitivity", "thumbnail", "detail_url", "related_url"),
}
DAY = 24 * 60 * 60


@pytest.mark.parametrize("media", MEDIA)
def test_search(sandbox, media):
    """A search answers with the envelope and full items, all of which match."""
    body = sandbox.get(f"/v1/{media}/?q=river&page_size=5").json()
    assert {key: body[key] for key in ("page", "page_size")} == {"page": 1, "page_size": 5}
    assert body["page_count"] == -(-body["result_count"] // 5)
    assert len(body["results"]) == 5
    assert set(body["results"][0]) >= ITEM_KEYS
    assert all("title" in item["fields_matched"] for item in body["results"])


@pytest.mark.parametrize("media", MEDIA)
def test_search_pages_do_not_overlap(sandbox, media):
    """Two pages hold different works, and the count stops at the result window."""
    pages = [sandbox.get(f"/v1/{media}/?page={page}").json() for page in (1, 2)]
    ids = [item["id"] for page in pages for item in page["results"]]
    assert len(set(ids)) == 40
    assert pages[0]["result_count"] == 240


@pytest.mark.parametrize(
    "query, holds",
    [
        ("license=by,cc0", lambda item: item["license"] in ("by", "cc0")),
        ("license_type=modification", lambda item: "nd" not in item["license"]),
        ("source=open_archive", lambda item: item["source"] == "open_archive"),
        ("excluded_source=open_archive", lambda item: item["source"] != "open_archive"),
        ("extension=png", lambda item: item["filetype"] == "png"),
        ("tags=owl", lambda item: "owl" in [tag["name"] for tag in item["tags"]]),
        ("title=moon", lambda item: "moon" in item["title"].lower()),
        ("creator=Collection%207", lambda item: "Collection 7" in item["creator"]),
        ("category=sky", lambda item: item["category"] == "sky"),
        ("aspect_ratio=tall", lambda item: item["height"] > item["width"]),
    ],
)
def test_filters(sandbox, query, holds):
    """Each filter lets through works of its kind only, and some."""
    results = sandbox.get(f"/v1/images/?{query}").json()["results"]
    assert results
    assert all(map(holds, results))


@pytest.mark.parametrize(
    "query, part",
    [
        ("license=unknown", "'unknown' does not exist"),
        ("license_type=unknown", "'unknown' does not exist"),
        ("li=by", "Use 'license'"),
        ("lt=all", "Use 'license_type'"),
        ("pagesize=5", "Use 'page_size'"),
        ("provider=x", "Use 'source'"),
        ("source=a&excluded_source=b", "Cannot set both"),
        ("page=0", "greater than or equal to 1"),
        ("page_size=x", "valid integer"),
    ],
)
def test_bad_parameters(sandbox, query, part):
    """Bad and deprecated parameters are 400, with a detail that says what to do."""
    response = sandbox.get(f"/v1/images/?{query}")
    assert response.status_code == 400
    assert part in str(response.json()["detail"])


@pytest.mark.parametrize("query", ["page_size=21", "page_size=20&page=13"])
def test_limits_of_anonymous_callers(sandbox, query):
    """Beyond the page size or the result window an anonymous caller is refused with 401."""
    response = sandbox.get(f"/v1/images/?{query}")
    assert response.status_code == 401
    assert "for anonymous requests" in response.json()["detail"]
    assert sandbox.get("/v1/images/?page_size=20&page=12").status_code == 200


def test_limits_of_authenticated_callers(sandbox):
    """A token lifts the page size to 50."""
    bearer = sandbox.bearer()
    statuses = [sandbox.get(f"/v1/images/?page_size={size}", headers=bearer).status_code for size in (50, 51)]
    assert statuses == [200, 401]


@pytest.mark.parametrize("media", MEDIA)
def test_single_result(sandbox, media):
    """A single result is the same item as in the search."""
    found = sandbox.get(f"/v1/{media}/?page_size=1").json()["results"][0]
    assert sandbox.get(f"/v1/{media}/{found['id']}/").json() == found


@pytest.mark.parametrize("media", MEDIA)
def test_related(sandbox, media):
    """Related works are others of the same category, in the envelope of one page."""
    work = sandbox.get(f"/v1/{media}/?page_size=1").json()["results"][0]
    body = sandbox.get(f"/v1/{media}/{work['id']}/related/").json()
    assert (body["result_count"], body["page_count"], body["page_size"], body["page"]) == (10, 1, 10, 1)
    assert work["id"] not in [item["id"] for item in body["results"]]
    assert {item["category"] for item in body["results"]} == {work["category"]}


@pytest.mark.parametrize("query, width", [("", 600), ("?full_size=true", 1200)])
def test_thumbnail(sandbox, query, width):
    """A thumbnail is a picture of the size that was asked for."""
    response = sandbox.get(f"/v1/images/{sandbox.some_id('images')}/thumb/{query}")
    assert response.headers["Content-Type"] == "image/jpeg"
    with Image.open(io.BytesIO(response.content)) as picture:
        assert (picture.format, picture.width) == ("JPEG", width)


def test_audio_without_artwork(sandbox):
    """A recording without artwork says so in the search, and has no thumbnail."""
    for page in range(1, 13):
        for item in sandbox.get(f"/v1/audio/?page={page}").json()["results"]:
            if item["thumbnail"] is None:
                response = sandbox.get(f"/v1/audio/{item['id']}/thumb/")
                assert (response.status_code, response.json()["detail"]) == (404, "Could not find artwork.")
                return
    pytest.fail("no such recording")


def test_waveform(sandbox):
    """A waveform has a thousand points between 0 and 1."""
    body = sandbox.get(f"/v1/audio/{sandbox.some_id('audio')}/waveform/").json()
    assert body["len"] == len(body["points"]) == 1000
    assert all(0 <= point <= 1 for point in body["points"])


def test_stats(sandbox):
    """The sources and how many works each has."""
    counts = {media: sum(source["media_count"] for source in sandbox.get(f"/v1/{media}/stats/").json()) for media in MEDIA}
    assert counts == {"images": 1400, "audio": 700}


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/images/{UNKNOWN}/",
        f"/v1/audio/{UNKNOWN}/waveform/",
        f"/v1/images/{UNKNOWN}/related/",
        f"/v1/images/{UNKNOWN}/waveform/",
        f"/v1/images/{UNKNOWN.replace('-4', '-1')}/",
        "/v1/images/0AFF3595-8168-440B-83FF-7A80B65DEA42/",
        "/v1/nothing/",
        "/",
    ],
)
def test_not_found(sandbox, target):
    """Unknown works, identifiers of another form, and unknown paths are 404 with a JSON detail."""
    response = sandbox.get(target)
    assert response.status_code == 404
    assert response.json()["detail"]
    assert response.headers["x-zdt-version"] == "v1"


@pytest.mark.parametrize(
    "path, days", [("", 7), ("{id}/", 30), ("{id}/related/", 7), ("{id}/thumb/", 364), ("{id}/waveform/", 364)]
)
def test_cache_control(sandbox, path, days):
    """Unsigned answers may be kept publicly for as long as the endpoint says."""
    identifier = sandbox.get("/v1/audio/?q=tower&page_size=1").json()["results"][0]["id"]
    media = "images" if "waveform" not in path else "audio"
    identifier = sandbox.some_id(media)
    response = sandbox.unsigned("GET", f"/v1/{media}/{path.format(id=identifier)}")
    assert response.headers["Cache-Control"] == f"public, max-age={days * DAY}"
    assert "x-zdt-version" not in response.headers


def test_version_and_healthcheck(sandbox):
    """An operator learns the release and that it serves."""
    assert sandbox.unsigned("GET", "/version").json() == {"release": "v1", "build": "v1-1", "environment": "sandbox"}
    assert sandbox.unsigned("GET", "/healthcheck/").json() == {"status": "200 OK"}


def test_unsigned_answers_come_from_the_edge(sandbox, sign):
    """The cache answers a repeated unsigned GET; a valid signature goes past it, a bad one does not."""
    target = "/v1/images/?q=lantern"

    def outcome(headers):
        response = sandbox.unsigned("GET", target, headers)
        assert response.status_code == 200
        return response.headers["x-edge-cache"]

    signed, bad = sign(sandbox.secret, target), sign("wrong", target)
    assert [outcome(headers) for headers in (signed, {}, {}, bad, signed)] == ["BYPASS", "MISS", "HIT", "HIT", "BYPASS"]


def test_edge_keeps_the_whole_answer(sandbox):
    """A stored thumbnail is the same bytes with the same type."""
    target = f"/v1/images/{sandbox.some_id('images')}/thumb/?full_size=true"
    fresh, stored = (sandbox.unsigned("GET", target) for _ in range(2))
    assert (fresh.headers["x-edge-cache"], stored.headers["x-edge-cache"]) == ("MISS", "HIT")
    assert (fresh.content, fresh.headers["Content-Type"]) == (stored.content, stored.headers["Content-Type"])


def test_errors_are_not_kept_at_the_edge(sandbox):
    """A refusal is asked for anew each time."""
    outcomes = [sandbox.unsigned("GET", "/v1/images/?page_size=21").headers["x-edge-cache"] for _ in range(2)]
    assert outcomes == ["MISS", "MISS"]


def test_only_unsigned_requests_are_throttled(serve):
    """With the default rates an unsigned client is soon told to wait; signed ones never, and they use up nothing."""
    sandbox = serve()
    assert {sandbox.get(f"/v1/images/?page={page}").status_code for page in range(1, 12)} == {200}
    first = sandbox.unsigned("GET", "/v1/images/?page=1")
    assert first.headers["X-RateLimit-Limit-anon_burst"] == "5/minute"
    assert first.headers["X-RateLimit-Available-anon_burst"] == "4"
    statuses = [sandbox.unsigned("GET", f"/v1/images/?page={page}").status_code for page in range(2, 7)]
    assert statuses == [200, 200, 200, 200, 429]
    refused = sandbox.unsigned("GET", "/v1/images/?page=6")
    assert int(refused.headers["Retry-After"]) > 0
    assert "x-zdt-version" not in refused.headers
    assert sandbox.get("/v1/images/?page=6").status_code == 200


def test_no_secret_in_any_file(sandbox):
    """Neither the signing secret nor a client's secret is in the logs of the sandbox or in its output."""
    registered = sandbox.register().json()
    sandbox.token(registered)
    sandbox.request("POST", "/v1/auth_tokens/token/", data={"client_secret": registered["client_secret"]})
    texts = [file.read_text() for file in [*Path(sandbox.home, "log").iterdir(), sandbox.output]]
    assert not [text for text in texts if sandbox.secret in text or registered["client_secret"] in text]
