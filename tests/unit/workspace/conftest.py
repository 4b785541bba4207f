"""A real server on loopback that answers exactly what a test tells it to."""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlops_core.workspace.http import HttpClient


@dataclass(frozen=True)
class Reply:
    """An answer; ``announced`` is a Content-Length that the body does not keep."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Request:
    """What reached the server; ``connection`` is the client's port."""

    method: str
    target: str
    headers: Message
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, strict_parsing=False)
        return {name: values[-1] for name, values in found.items()}

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)


class ScriptedServer:
    """Plays its script, one step for each request, and keeps the last step for all others.

    A step is a Reply, None (the connection is cut without an answer) or a function of the
    request that gives one of these.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.read_blocks = 0
        self._steps: list[object] = [Reply()]
        self._lock = threading.Lock()
        self.http = _Server(("127.0.0.1", 0), _Handler)
        self.http.script = self
        self.scheme = "http"

    @property
    def host(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.http.server_port}"

    def play(self, *steps: Reply | Callable[[Request], Reply | None] | None) -> None:
        self._steps = list(steps)

    def next_reply(self, request: Request) -> Reply | None:
        with self._lock:
            self.requests.append(request)
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return step(request) if callable(step) else step


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    script: ScriptedServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or refuses our certificate, is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length < 2**20 else self.skim(length)
        port = self.client_address[1]
        request = Request(self.command, self.path, self.headers, body, port)
        reply = self.server.script.next_reply(request)
        if reply is None:
            self.cut()
        else:
            self.send(reply)

    def send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        announced = len(reply.content) if reply.announced is None else reply.announced
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(reply.content)
        if reply.announced is not None:
            self.cut()

    def skim(self, length: int) -> bytes:
        left = length
        while left:
            left -= len(self.rfile.read(min(left, 2**16)))
            self.server.script.read_blocks += 1
        return f"{length} bytes".encode()

    def cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *arguments: object) -> None:
        pass


class FakeClock:
    """Time passes only by sleeping, and sleeping takes none."""

    def __init__(self) -> None:
        self.time = 0.0
        self.naps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.naps.append(seconds)
        self.time += seconds


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    yield from _served(ScriptedServer())


@pytest.fixture
def secure_server(tmp_path: Path) -> Iterator[ScriptedServer]:
    """The same over TLS, with a certificate of its own at `tmp_path / "root.pem"`."""
    scripted = ScriptedServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_make_certificate(tmp_path / "root.pem"))
    scripted.http.socket = context.wrap_socket(
        scripted.http.socket, server_side=True, do_handshake_on_connect=False
    )
    scripted.scheme = "https"
    yield from _served(scripted)


def _make_certificate(file: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test workspace")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))
    return file


def _served(scripted: ScriptedServer) -> Iterator[ScriptedServer]:
    thread = threading.Thread(target=scripted.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield scripted
    scripted.http.shutdown()
    scripted.http.server_close()
    thread.join()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def http(server: ScriptedServer, clock: FakeClock) -> Iterator[HttpClient]:
    """A client that has not met its workspace yet."""
    client = HttpClient(server.host, lambda: {"Authorization": "Bearer dapi-secret"}, clock=clock)
    yield client
    client.close()


@pytest.fixture
def reached(http: HttpClient, server: ScriptedServer) -> HttpClient:
    """A client that its workspace has answered once."""
    http.get("preview/scim/v2/Me")
    server.requests.clear()
    return http
