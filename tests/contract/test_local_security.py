"""Who may use the embedded workspace: its user, from this machine, and nobody else."""

import stat
import sys

import pytest

from mlops_core.local_workspace.data_folder import proof
from mlops_core.local_workspace.security import is_loopback

ME = "/api/2.0/preview/scim/v2/Me"


def _bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "path", [ME, "/", "/local/switches", "/api/2.0/nothing", "/docs", "/login"]
)
def test_nothing_is_open_without_a_credential(site, path):
    assert site.ask("GET", path, headers={}).status == 401
    if path != "/login":
        assert site.ask("GET", path, headers=_bearer("wrong")).status == 403


def test_discovery_is_open_and_proves_the_token(site):
    answer = site.ask("GET", "/.well-known/databricks-config", headers={}, nonce="n")
    port = int(site.host.rpartition(":")[2])
    assert answer.json["proof"] == proof(site.token, "n", port)
    assert site.token not in answer.content.decode()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_foreign_hosts_are_refused_even_with_the_token(site, host):
    for path in (ME, "/.well-known/databricks-config"):
        assert site.ask("GET", path, headers={**_bearer(site.token), "Host": host}).status == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]
)
def test_foreign_origins_are_refused(site, origin):
    headers = {**_bearer(site.token), "Origin": origin}
    assert site.ask("GET", ME, headers=headers).status == 403


def test_the_browser_link_works_once(local_lease, site):
    link = local_lease[0].web_url.removeprefix(site.host)
    first = site.ask("GET", link, headers={})
    assert first.status == 200
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert site.token not in cookie
    assert site.ask("GET", link, headers={}).status == 401
    logged_in = {"Cookie": cookie.partition(";")[0], "Origin": site.host}
    assert site.ask("GET", ME, headers=logged_in).status == 200
    assert site.ask("GET", ME, headers={**logged_in, "Origin": "http://evil"}).status == 403


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_folder_and_the_token_are_their_users_alone(site):
    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(site.data_folder) == 0o700
    assert mode(site.data_folder / "token") == 0o600
    assert (site.data_folder.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("netloc", "is_ours"),
    [
        *(("127.0.0.1", True), ("127.0.0.1:80", True), ("localhost:1", True), ("[::1]:5", True)),
        *(("0.0.0.0", False), ("127.0.0.1.nip.io", False), ("", False), ("[::1", False)),
        *(("localhost.evil", False), ("evil@127.0.0.1", True)),
    ],
)
def test_names_of_this_machine(netloc, is_ours):
    assert is_loopback(netloc) is is_ours
