"""One hardened client for the workspace's REST API, over databricks-cli's ApiClient."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from uuid import uuid4

from databricks_cli.sdk.api_client import ApiClient
from urllib3 import BaseHTTPResponse, Timeout
from urllib3 import exceptions as broken

import mlops_core
from mlops_core.errors import MlopsError, Unavailable
from mlops_core.workspace.breaks import explain
from mlops_core.workspace.call import Answer, Call
from mlops_core.workspace.connection import open_connections
from mlops_core.workspace.error_table import choose_error
from mlops_core.workspace.multipart import Multipart
from mlops_core.workspace.replies import decode_answer, parse_refusal
from mlops_core.workspace.retry import (
    FIRST,
    LATER,
    Clock,
    Patience,
    SystemClock,
    TryAgain,
    parse_retry_after,
    persist,
)

__all__ = ["Answer", "Call", "Clock", "HttpClient"]

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10.0
_FIRST_CONNECT_SECONDS = 4.0  # for each address of the host, of which there may be several
_SHORTEST_SECRET = 6
_READ_SECONDS = 60.0
_UPLOAD_SECONDS = 600.0
_BLOCK = 256 * 1024
_SILENCE = 10.0


class HttpClient(ApiClient):  # type: ignore[misc]  # databricks-cli has no types
    """Sends calls to one workspace; safe to share between threads, quiet about secrets.

    ``authorize`` is asked for the credential's headers before each try, since tokens expire.
    ``on_throttled``, if set, is called from the calling thread at each 429. Where
    ``hint_when_refused`` is set, a refused connection is final: nobody will come back there.
    Subclassed because ApiClient drops the port, has no time-outs, pins TLS 1.2 and retries
    429 alone.
    """

    def __init__(
        self,
        host: str,
        authorize: Callable[[], Mapping[str, str]],
        *,
        workers: int = 20,
        clock: Clock | None = None,
        workspace_id: str | None = None,
    ) -> None:
        super().__init__(host=host)
        self.host = host.rstrip("/")
        self.url = f"{self.host}/api/"
        self.workers = workers
        self.workspace_id = workspace_id
        self.on_throttled: Callable[[], None] | None = None
        self.on_silence: Callable[[str], None] = lambda _: None
        self.hint_when_refused = ""
        self.user_agent = f"mlops_core/{mlops_core.__version__}"
        self._sent_workspace_id = workspace_id
        self._authorize = authorize
        self.clock = clock or SystemClock()
        self._stop = Event()
        self._is_reached = False
        self._is_silence_told = False
        self._connections = open_connections(self.host, workers=workers)

    def __repr__(self) -> str:
        """Without the credential."""
        return f"HttpClient({self.host!r})"

    def interrupt(self) -> None:
        """Make every request in flight fail now; later ones are not affected. For Ctrl-C."""
        self._stop, stopped = Event(), self._stop
        stopped.set()
        self._connections.abort()

    def close(self) -> None:
        """Fail what is in flight and close the connections."""
        self.interrupt()
        self._connections.close()

    def get(self, path: str, /, *, version: str = "2.0", **query: object) -> Answer:
        """Ask for a JSON object."""
        return self.request(Call("GET", path, query, version=version))

    def post(self, path: str, body: Mapping[str, object], *, version: str = "2.0") -> Answer:
        """Send a JSON object; only for calls that may be repeated."""
        return self.request(Call("POST", path, body=body, version=version))

    def request(self, call: Call) -> Answer:
        """Send ``call`` until it is answered, and raise what a refusal means.

        Until the workspace has answered once, an unreachable one is told within 10 seconds (a
        refused connection or unknown host at once); after that a call has 5 minutes, and
        ``on_silence`` is told, once, what is waited for.
        """

        def attempt(retries: int, left: float) -> Answer:
            if patience().seconds - left >= _SILENCE:
                self._tell_silence(left)
            return self._try(call, retries, left)

        def patience() -> Patience:
            return LATER if self._is_reached else FIRST

        return persist(attempt, patience, self.clock, self._stop, call.before_retry)

    def _tell_silence(self, left: float) -> None:
        if not self._is_silence_told:
            self._is_silence_told = True
            until = f"for up to {math.ceil(left / 60)} min; Ctrl-C ends this"
            self.on_silence(f"{self.host} is silent or busy: trying again {until}")

    def perform_query(
        self,
        method: str,
        path: str,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, object, str]] | None = None,
        version: str | None = None,
    ) -> Mapping[str, object]:
        """What databricks-cli's own services call; raises our errors instead of requests'."""
        sent = data or {}
        part, content = _first_file(files)
        call = Call(
            method,
            path,
            query=sent if method == "GET" else {},
            body=sent if method != "GET" and content is None else None,
            form={name: str(value) for name, value in sent.items()} if content is not None else {},
            content=content,
            content_field=part,
            is_repeatable=method != "POST",
            version=version or self.get_url(path).removeprefix(self.url).removesuffix(path),
            headers=headers or {},
        )
        return self.request(call).json

    def _try(self, call: Call, retries: int, left: float) -> Answer:
        login = self._authorize()
        try:
            response = self._send(call, login, left)
            content = _receive(response, call)
        except (broken.HTTPError, OSError) as error:
            raise self._after_break(call, error) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status, {}, content, headers, retries)
        self.workspace_id = headers.get("x-databricks-org-id") or self.workspace_id
        _log.debug("%s %s: HTTP %d", call.method, call.about, answer.status)
        if answer.status >= 400:
            raise self._after_refusal(call, answer, login)
        self._is_reached = True
        return decode_answer(call, answer)

    def _send(self, call: Call, login: Mapping[str, str], left: float) -> BaseHTTPResponse:
        headers = {"User-Agent": self.user_agent, "Accept-Encoding": "gzip", **call.headers}
        if self._sent_workspace_id:
            headers["X-Databricks-Workspace-Id"] = self._sent_workspace_id
        body: bytes | Multipart | None = call.json_body()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if call.content is not None:
            body = Multipart(call.form, call.content_field, call.content)
            headers["Content-Type"] = body.content_type
            headers["Content-Length"] = str(body.length())
        return self._connections.pool.urlopen(
            call.method,
            self.host + call.target,
            body=body,
            headers={**headers, **login},
            redirect=False,
            retries=False,
            timeout=self._timeout(call, left),
            preload_content=False,
        )

    def _timeout(self, call: Call, left: float) -> Timeout:
        is_upload = call.content is not None
        read = _UPLOAD_SECONDS if is_upload else _READ_SECONDS
        if self._is_reached:
            return Timeout(connect=read if is_upload else _CONNECT_SECONDS, read=read)
        left = max(left, 1.0)
        return Timeout(connect=min(_FIRST_CONNECT_SECONDS, left), read=left)

    def _after_refusal(self, call: Call, answer: Answer, login: Mapping[str, str]) -> Exception:
        """What to raise after an answer that is none: another try, or the error it means."""
        self._is_reached = self._is_reached or answer.status != 503
        error = choose_error(parse_refusal(answer.status, _hide(answer.content, login)), call.about)
        if answer.status == 401 and not answer.retries and self._authorize() != login:
            return TryAgain(error, 0.0)  # the token ran out on the way
        if answer.status == 429 and self.on_throttled:
            self.on_throttled()
        if answer.status == 429 or (answer.status == 503 and call.is_repeatable):
            return TryAgain(error, parse_retry_after(answer.headers))
        return error

    def _after_break(self, call: Call, error: Exception) -> Exception:
        """What to raise after a connection that could not be made, or broke."""
        found = explain(error)
        hint = (found.is_plain and self.hint_when_refused) or found.hint
        told = Unavailable(f"{call.about}: no answer from {self.host}: {found.reason}", hint)
        _log.debug("%s %s: %s", call.method, call.about, found.reason)
        may_come_back = self._is_reached and not self.hint_when_refused
        if found.is_final or (found.is_plain and not may_come_back):
            return told
        return TryAgain(told) if call.is_repeatable or found.is_unsent else told


def _hide(content: bytes, login: Mapping[str, str]) -> bytes:
    """``content`` without the credential, should the other side have sent it back."""
    for value in login.values():
        secret = value.rpartition(" ")[2].encode()
        content = content.replace(secret, b"[token]") if len(secret) > _SHORTEST_SECRET else content
    return content


def _receive(response: BaseHTTPResponse, call: Call) -> bytes:
    """The body's bytes, or none where they went to a file; the connection is free again then."""
    try:
        if call.stream_to and response.status == 200:
            _save(response, call.stream_to)
            return b""
        return response.read()
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()


def _save(response: BaseHTTPResponse, target: Path) -> None:
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            for block in response.stream(_BLOCK):
                file.write(block)
        part.replace(target)
    except OSError as error:  # of the disk: what the network raises is no OSError here
        raise MlopsError(
            f"cannot write {target}: {error.strerror}", hint=f"make room in {target.parent}"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _first_file(files: Mapping[str, tuple[str, object, str]] | None) -> tuple[str, bytes | None]:
    for name, (_, stream, _) in (files or {}).items():
        read = getattr(stream, "read", None)
        return name, read() if callable(read) else None
    return "content", None
