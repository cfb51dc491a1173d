"""The unsafe releases of the sandbox: each breaks what it is there to break, and nothing else."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

SEARCH = "/v1/images/?q=cat"


def test_renamed_column_breaks_the_old_release(serve, overlap, by_version):
    """While both serve, the old release fails searches and the new one answers them."""
    sandbox = serve()
    before = sandbox.get(SEARCH).json()
    with overlap(sandbox, "rename-column"):
        statuses = by_version(lambda: sandbox.get(SEARCH), "v1", "rename-column")
        assert statuses == {"v1": {500}, "rename-column": {200}}
        answers = iter(lambda: sandbox.get(SEARCH), None)
        assert next(answer for answer in answers if answer.status_code == 200).json() == before
        failed = next(answer for answer in answers if answer.status_code == 500)
        assert failed.json() == {"detail": "An internal server error occurred."}


def test_not_null_column_breaks_the_old_release(serve, overlap, by_version):
    """While both serve, the old release fails registrations, the new one does not, and both search."""
    sandbox = serve()
    with overlap(sandbox, "not-null"):
        assert by_version(sandbox.register, "v1", "not-null") == {"v1": {500}, "not-null": {201}}
        assert by_version(lambda: sandbox.get(SEARCH), "v1", "not-null") == {"v1": {200}, "not-null": {200}}


def test_new_tokens_mean_nothing_to_the_old_release(serve, overlap, by_version):
    """While both serve, only the old release refuses a token, and only one that the new release issued."""
    sandbox = serve()
    registered = sandbox.register().json()
    old = sandbox.token(registered).json()["access_token"]
    with overlap(sandbox, "token-format"):
        issued = iter(lambda: sandbox.token(registered), None)
        new = next(answer for answer in issued if answer.headers["x-zdt-version"] == "token-format").json()["access_token"]

        def search(token: str) -> dict[str, set[int]]:
            bearer = {"Authorization": f"Bearer {token}"}
            return by_version(lambda: sandbox.get(SEARCH, headers=bearer), "v1", "token-format")

        assert search(old) == {"v1": {200}, "token-format": {200}}
        assert search(new) == {"v1": {401}, "token-format": {200}}
        assert search("wrong") == {"v1": {401}, "token-format": {401}}
        assert by_version(sandbox.register, "v1", "token-format") == {"v1": {201}, "token-format": {201}}
        assert by_version(lambda: sandbox.token(registered), "v1", "token-format") == {"v1": {200}, "token-format": {200}}


def test_new_tokens_are_not_in_the_database(serve):
    """Of a token the release `token-format` keeps a digest alone, which is no token itself."""
    sandbox = serve("--release", "token-format")
    bearer = sandbox.bearer()
    connection = sqlite3.connect(sandbox.home / "db.sqlite3")
    ((kept, digest),) = connection.execute("SELECT token, token_checksum FROM oauth2_provider_accesstoken").fetchall()
    connection.close()
    assert kept == ""
    assert sandbox.get(SEARCH, headers=bearer).status_code == 200
    assert sandbox.get(SEARCH, headers={"Authorization": f"Bearer {digest}"}).status_code == 401


def test_one_request_in_many_fails(serve):
    """All workers together fail the middle one of so many requests for the API, and no other; it names the release."""
    sandbox = serve("--release", "rare-503", "--workers", "3", RARE_503_EVERY="200")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(sandbox.get, [SEARCH] * 200))
    (failed,) = [answer for answer in answers if answer.status_code != 200]
    assert (failed.status_code, failed.headers["x-zdt-version"]) == (503, "rare-503")
    assert failed.json() == {"detail": "Service temporarily unavailable."}
    with ThreadPoolExecutor(6) as pool:
        assert {answer.status_code for answer in pool.map(sandbox.get, [SEARCH] * 99)} == {200}
    assert [sandbox.get(target).status_code for target in ("/version", "/healthcheck/")] == [200, 200]
    assert [sandbox.get(SEARCH).status_code for _ in range(3)] == [503, 200, 200]


def test_faults_are_counted_from_the_deployment_on(serve):
    """It is v2 but for the fault, and each deployment of it counts anew."""
    sandbox = serve(RARE_503_EVERY="6")
    for _ in range(2):
        done = sandbox.deploy("--release", "rare-503", "--overlap", "0s")
        assert (done.returncode, done.stderr) == (0, "")
        answers = [sandbox.get(SEARCH) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 503, 200, 200]
        assert "alt_text" in answers[0].json()["results"][0]
