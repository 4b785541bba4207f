import gzip
import ssl

import pytest
from urllib3 import ProxyManager

from mlops_core.errors import SettingsError, Unavailable
from mlops_core.workspace.connection import is_loopback, open_connections, tls_context
from mlops_core.workspace.http import HttpClient


def test_an_unknown_certificate_is_refused_and_the_hint_says_what_to_set(secure_server, clock):
    with pytest.raises(Unavailable, match="its certificate is not trusted") as caught:
        HttpClient(secure_server.host, dict, clock=clock).get("a")
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint
    assert clock.naps == []
    assert secure_server.requests == []


def test_a_bundle_is_trusted_besides_the_system_store(secure_server, reply, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "root.pem"))
    packed = gzip.compress(b'{"a": 1}')
    secure_server.play(reply(body=packed, headers={"Content-Encoding": "gzip"}))
    client = HttpClient(secure_server.host, dict)
    assert client.get("a").json == {"a": 1}
    assert client.get("a").json == {"a": 1}
    assert len({request.connection for request in secure_server.requests}) == 1


def test_a_bundle_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(SettingsError, match=r"missing\.pem"):
        tls_context()


def test_tls_is_verified_and_modern():
    context = tls_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://adb-1.2.azuredatabricks.net", False),
        ("https://localhost.example.com", False),
    ],
)
def test_loopback_is_this_machine_only(host, expected):
    assert is_loopback(host) is expected


def test_a_proxy_of_the_environment_is_used_with_its_login(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://jane:s%40cret@proxy.corp:3128")
    pool = open_connections("https://adb-1.2.azuredatabricks.net", workers=2).pool
    assert isinstance(pool, ProxyManager)
    assert pool.proxy.host == "proxy.corp"
    assert pool.proxy_headers["proxy-authorization"] == "Basic amFuZTpzQGNyZXQ="


def test_no_proxy_is_honoured(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", "azuredatabricks.net")
    pool = open_connections("https://adb-1.2.azuredatabricks.net", workers=2).pool
    assert not isinstance(pool, ProxyManager)


def test_a_kind_of_proxy_that_we_cannot_use_is_named(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://jane:secret@proxy.corp:1080")
    with pytest.raises(SettingsError, match=r"socks5://proxy\.corp is") as caught:
        open_connections("https://adb-1.2.azuredatabricks.net", workers=2)
    assert "HTTPS_PROXY" in caught.value.hint
