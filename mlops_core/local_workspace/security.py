"""The door of the embedded workspace: who may pass, and from where."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_core.local_workspace.data_folder import DISCOVERY, proof

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOGIN = "/login"
_FIRST_PAGE = "/#/experiments?workflowType=machine_learning"
_LINK = "the one-time link that `python -m mlops_core.local_workspace` prints."


class Gate:
    """ASGI: lets requests of this machine pass that have the token or the browser's cookie.

    Answers `/.well-known/databricks-config` itself, without a token; with `?nonce=` it proves
    that it knows the token, so that a script need not show its own to a stranger on the port.
    """

    def __init__(self, app: ASGIApp, *, token: str, workspace_id: str, port: int) -> None:
        self._app = app
        self._token = token
        self._workspace_id = workspace_id
        self._port = port
        self._links: set[str] = set()
        self._cookie_name = f"mlops_workspace_{workspace_id}"
        # derived, so that a browser stays logged in when the server starts again
        self._cookie = hmac.new(token.encode(), b"browser", hashlib.sha256).hexdigest()

    def one_time_link(self) -> str:
        """A fresh address that logs one browser in, once."""
        secret = secrets.token_urlsafe(24)
        self._links.add(secret)
        return f"http://127.0.0.1:{self._port}{_LOGIN}?once={secret}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, pass on, or refuse one request."""
        if scope["type"] != "http":
            return  # no lifespan is used, and no websocket
        refusal = self._refusal(scope, Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if not is_loopback(headers.get("host", "")):
            return _refused(403, "this workspace answers on 127.0.0.1 and localhost only")
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin):
            return _refused(403, f"requests from {origin} are refused")
        query = QueryParams(scope.get("query_string", b""))
        if scope["path"] == DISCOVERY:
            return self._discovery(query.get("nonce", ""))
        if scope["path"] == _LOGIN:
            return self._login(query.get("once", ""))
        return self._check_credential(headers)

    def _check_credential(self, headers: Headers) -> Response | None:
        given = headers.get("authorization", "")
        if given:
            scheme, _, token = given.partition(" ")
            is_right = hmac.compare_digest(token.strip().encode(), self._token.encode())
            if scheme.lower() == "bearer" and is_right:
                return None
            return _refused(403, "Invalid access token.")
        if self._has_cookie(headers.get("cookie", "")):
            return None
        return _refused(401, f"Credential was not sent: send the token, or open {_LINK}")

    def _has_cookie(self, text: str) -> bool:
        try:
            found = SimpleCookie(text).get(self._cookie_name)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value, self._cookie)

    def _is_own(self, origin: str) -> bool:
        parts = urlsplit(origin)
        return is_loopback(parts.netloc) and parts.port == self._port

    def _discovery(self, nonce: str) -> Response:
        answer = {"oidc_endpoint": "", "workspace_id": self._workspace_id}
        if nonce:
            answer["proof"] = proof(self._token, nonce, self._port)
        return JSONResponse(answer)

    def _login(self, secret: str) -> Response:
        if secret not in self._links:
            text = "This link was used already. Start the workspace again for another one."
            return PlainTextResponse(text, 401)
        self._links.discard(secret)
        # a page, not a redirect: after a click elsewhere a redirect would not send the cookie
        page = HTMLResponse(f'<meta http-equiv="refresh" content="0; url={_FIRST_PAGE}">')
        page.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="strict")
        page.headers["Referrer-Policy"] = "no-referrer"
        return page


def is_loopback(netloc: str) -> bool:
    """Whether `host:port` names this machine, and nothing that DNS could point elsewhere."""
    try:
        host = urlsplit(f"//{netloc}").hostname
    except ValueError:
        return False
    return host in _LOOPBACK


def _refused(status: int, message: str) -> Response:
    code = "UNAUTHENTICATED" if status == 401 else "PERMISSION_DENIED"
    return JSONResponse({"error_code": code, "message": message}, status)
