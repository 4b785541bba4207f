"""The pool of connections: TLS with the system's trust, proxies, and how many are open."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import truststore
from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy
from urllib3 import PoolManager, ProxyManager, make_headers

from mlops_core.errors import SettingsError

_SYSTEM_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def is_loopback(host: str) -> bool:
    """Whether an address leads to this very machine, where no proxy may come in between."""
    name = urlsplit(host).hostname or ""
    return name == "localhost" or name.startswith("127.") or name == "::1"


def open_pool(host: str, *, workers: int) -> PoolManager:
    """A pool that keeps at most ``workers`` connections to ``host``, all sharing one TLS context.

    Proxies are read from the environment (or the system) as requests does it.
    """
    context = tls_context() if host.startswith("https:") else None
    proxy = None if is_loopback(host) else select_proxy(host, get_environ_proxies(host))
    if not proxy:
        return PoolManager(num_pools=2, maxsize=workers, block=True, ssl_context=context)
    address = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(address).scheme not in {"http", "https"}:
        raise SettingsError(
            f"the proxy {urlsplit(address).scheme}://{urlsplit(address).hostname} is not supported",
            hint="set HTTPS_PROXY to an http:// proxy, or add the workspace's host to NO_PROXY",
        )
    name, password = get_auth_from_url(address)
    login = make_headers(proxy_basic_auth=f"{name}:{password}") if name else None
    return ProxyManager(
        address,
        num_pools=2,
        maxsize=workers,
        block=True,
        ssl_context=context,
        proxy_headers=login,
        proxy_ssl_context=context,
    )


def tls_context() -> ssl.SSLContext:
    """One context for all connections, trusting the system's store and REQUESTS_CA_BUNDLE.

    Made once per client: loading a bundle takes 20 ms, and requests does it per connection.
    """
    if sys.platform == "linux":
        # OpenSSL verifies by itself here. truststore's context would load the same store for
        # each connection, and hold a lock during each handshake.
        context = ssl.create_default_context()
        _ensure_roots(context)
    else:
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for bundle in {os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("CURL_CA_BUNDLE")}:
        if bundle:
            _trust(context, Path(bundle))
    return context


def _ensure_roots(context: ssl.SSLContext) -> None:
    """A Python of its own build, or a slim image, may look for roots where there are none."""
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or (defaults.capath and any(Path(defaults.capath).glob("*.0"))):
        return
    stores = [Path(name) for name in (*_SYSTEM_STORES, certifi.where())]
    context.load_verify_locations(next(store for store in stores if store.is_file()))


def _trust(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise SettingsError(
            f"the certificates in {bundle} cannot be read: {error.strerror or error}",
            hint="set REQUESTS_CA_BUNDLE to a file of PEM certificates, or unset it",
        ) from error
