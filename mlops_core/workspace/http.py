"""One hardened client for the workspace's REST API, over databricks-cli's ApiClient."""

from __future__ import annotations

import json
import logging
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

from databricks_cli.sdk.api_client import ApiClient
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3 import exceptions as broken

import mlops_core
from mlops_core.errors import Unavailable, WorkspaceError
from mlops_core.workspace.call import Answer, Call
from mlops_core.workspace.connection import open_pool
from mlops_core.workspace.multipart import Multipart
from mlops_core.workspace.replies import choose_error, is_html, login_page, parse_refusal
from mlops_core.workspace.retry import (
    FIRST,
    LATER,
    Clock,
    SystemClock,
    TryAgain,
    parse_retry_after,
    persist,
)

__all__ = ["Answer", "Call", "Clock", "HttpClient"]

_log = logging.getLogger(__name__)
_RETRIED = frozenset({429, 503})
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
_UPLOAD_SECONDS = 600.0
_BLOCK = 256 * 1024


class HttpClient(ApiClient):  # type: ignore[misc]  # databricks-cli has no types
    """Sends calls to one workspace; safe to share between threads, quiet about secrets.

    ``authorize`` is asked for the credential's headers before each try, since tokens expire.
    ``on_throttled``, if set, is called from the calling thread at each 429. Subclassed because
    ApiClient drops the port, has no time-outs, pins TLS 1.2 and retries 429 alone.
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
        self.user_agent = f"mlops_core/{mlops_core.__version__}"
        self._sent_workspace_id = workspace_id
        self._authorize = authorize
        self._clock = clock or SystemClock()
        self._stop = Event()
        self._is_reached = False
        self._pool: PoolManager = open_pool(self.host, workers=workers)

    def __repr__(self) -> str:
        """Without the credential."""
        return f"HttpClient({self.host!r})"

    def close(self) -> None:
        """Close the connections and wake every thread that waits before a retry."""
        self._stop.set()
        self._pool.clear()

    def get(self, path: str, /, *, version: str = "2.0", **query: object) -> Answer:
        """Ask for a JSON object."""
        return self.request(Call("GET", path, query, version=version))

    def post(self, path: str, body: Mapping[str, object], *, version: str = "2.0") -> Answer:
        """Send a JSON object; only for calls that may be repeated."""
        return self.request(Call("POST", path, body=body, version=version))

    def request(self, call: Call) -> Answer:
        """Send ``call`` until it is answered, and raise what a refusal means.

        Until the workspace has answered once, an unreachable one is told within 10 seconds (a
        refused connection or unknown host at once); after that a call has 5 minutes.
        """
        patience = LATER if self._is_reached else FIRST

        def attempt(retries: int, left: float) -> Answer:
            return self._try(call, retries, left)

        return persist(attempt, patience, self._clock, self._stop)

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
        try:
            response = self._send(call, left)
            content = _receive(response, call)
        except (broken.HTTPError, OSError) as error:
            raise self._after_break(call, error) from error
        answer = self._answer(response, content, retries)
        if answer.status in _RETRIED:
            self._throttled(answer, call)
        self._is_reached = True
        return _checked(call, answer)

    def _send(self, call: Call, left: float) -> BaseHTTPResponse:
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
        headers.update(self._authorize())
        return self._pool.urlopen(
            call.method,
            self.host + call.target,
            body=body,
            headers=headers,
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
        return Timeout(connect=min(_CONNECT_SECONDS / 2, left), read=left)

    def _answer(self, response: BaseHTTPResponse, content: bytes, retries: int) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.workspace_id = headers.get("x-databricks-org-id") or self.workspace_id
        return Answer(response.status, {}, content, headers, retries)

    def _throttled(self, answer: Answer, call: Call) -> None:
        error = choose_error(parse_refusal(answer.status, answer.content), _subject(call))
        if answer.status == 429 and self.on_throttled:
            self.on_throttled()
        if answer.status == 429 or call.is_repeatable:
            headers = answer.headers
            pause = parse_retry_after(headers.get("retry-after"), headers.get("date"))
            _log.debug("%s: HTTP %d, again in %s s", _subject(call), answer.status, pause)
            raise TryAgain(error, pause)
        raise error

    def _after_break(self, call: Call, error: Exception) -> Exception:
        """What to raise after a connection that could not be made, or broke."""
        told = _unavailable(self.host, call, error)
        _log.debug("%s: %s", _subject(call), told.message)
        cause = error.args[-1] if error.args else None
        if isinstance(cause, ssl.SSLCertVerificationError):
            return told
        is_refused = isinstance(error, broken.NewConnectionError)
        if is_refused and not self._is_reached:
            return told
        was_sent = not (is_refused or isinstance(error, broken.ConnectTimeoutError))
        return TryAgain(told) if call.is_repeatable or not was_sent else told


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
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            for block in response.stream(_BLOCK):
                file.write(block)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checked(call: Call, answer: Answer) -> Answer:
    if 300 <= answer.status < 400:
        raise login_page(_subject(call), answer.status, answer.headers.get("location", ""))
    if answer.status >= 400:
        raise choose_error(parse_refusal(answer.status, answer.content), _subject(call))
    if not call.is_json or call.stream_to or not answer.content.strip():
        return answer
    if is_html(answer.content, answer.headers.get("content-type", "")):
        raise login_page(_subject(call), answer.status)
    return Answer(
        answer.status, _decode(call, answer), answer.content, answer.headers, answer.retries
    )


def _decode(call: Call, answer: Answer) -> Mapping[str, object]:
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WorkspaceError(
            f"{_subject(call)}: the answer is no JSON object",
            hint="check that DATABRICKS_HOST is a Databricks workspace",
            status=answer.status,
        )
    return found


def _unavailable(host: str, call: Call, error: Exception) -> Unavailable:
    return Unavailable(
        f"{_subject(call)}: no answer from {host}: {error}",
        hint="check DATABRICKS_HOST, the network and HTTPS_PROXY",
    )


def _subject(call: Call) -> str:
    return f"{call.endpoint} {call.subject}".rstrip()


def _first_file(files: Mapping[str, tuple[str, object, str]] | None) -> tuple[str, bytes | None]:
    for name, (_, stream, _) in (files or {}).items():
        read = getattr(stream, "read", None)
        return name, read() if callable(read) else None
    return "content", None
