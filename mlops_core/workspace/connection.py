"""The connections to one host: TLS with the system's trust, proxies, and how many are open."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakSet

from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_auth_from_url,
    get_environ_proxies,
    select_proxy,
)
from urllib3 import (
    HTTPConnectionPool,
    HTTPSConnectionPool,
    PoolManager,
    ProxyManager,
    make_headers,
)
from urllib3.connection import HTTPConnection, HTTPSConnection

from mlops_core.errors import SettingsError

_SYSTEM_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


@dataclass(frozen=True, slots=True)
class Connections:
    """A pool of connections, and a way to break those that a thread is waiting on."""

    pool: PoolManager
    alive: WeakSet[HTTPConnection] = field(default_factory=WeakSet)

    def abort(self) -> None:
        """Break every connection now; a thread that waits on one gets an error at once."""
        for connection in list(self.alive):
            if connection.sock is not None:
                with contextlib.suppress(OSError):  # it was closed in this moment
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Break and forget all connections."""
        self.abort()
        self.pool.clear()


def is_loopback(host: str) -> bool:
    """Whether an address leads to this very machine, where no proxy may come in between."""
    name = urlsplit(host).hostname or ""
    return name == "localhost" or name.startswith("127.") or name == "::1"


def open_connections(host: str, *, workers: int) -> Connections:
    """A pool that keeps at most ``workers`` connections to ``host``, all sharing one TLS context.

    Proxies are read from the environment (or the system) as requests does it.
    """
    context = tls_context() if host.startswith("https:") else None
    proxy = None if is_loopback(host) else select_proxy(host, get_environ_proxies(host))
    if proxy:
        pool: PoolManager = _proxied(proxy, workers, context)
    else:
        pool = PoolManager(num_pools=2, maxsize=workers, block=True, ssl_context=context)
    connections = Connections(pool)
    pool.pool_classes_by_scheme = _watched_pools(connections.alive)
    return connections


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
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for bundle in {os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("CURL_CA_BUNDLE")}:
        if bundle:
            _trust(context, Path(bundle))
    return context


def _proxied(proxy: str, workers: int, context: ssl.SSLContext | None) -> ProxyManager:
    address = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"}:
        raise SettingsError(
            f"the proxy {parts.scheme}://{parts.hostname} is of a kind that is not supported",
            hint="set HTTPS_PROXY to an http:// proxy, or add the workspace's host to NO_PROXY",
        )
    name, password = get_auth_from_url(address)
    return ProxyManager(
        address,
        num_pools=2,
        maxsize=workers,
        block=True,
        ssl_context=context,
        proxy_headers=make_headers(proxy_basic_auth=f"{name}:{password}") if name else None,
        proxy_ssl_context=context,
    )


def _watched_pools(alive: WeakSet[HTTPConnection]) -> dict[str, type[HTTPConnectionPool]]:
    """Pool classes whose connections are listed in ``alive``: urllib3 does not tell them."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            alive.add(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            alive.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _ensure_roots(context: ssl.SSLContext) -> None:
    """A Python of its own build, or a slim image, may look for roots where there are none."""
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or (defaults.capath and any(Path(defaults.capath).glob("*.0"))):
        return
    stores = [Path(name) for name in (*_SYSTEM_STORES, DEFAULT_CA_BUNDLE_PATH)]
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
