"""Who still needs the server: each lease is an open connection, and the last one ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_core.local_workspace.data_folder import LEASE


class Leases:
    """Counts the holders; ``on_last`` is called once, when the last one has gone."""

    def __init__(self, on_last: Callable[[], None]) -> None:
        self._on_last = on_last
        self._holders = 0
        self._is_over = False

    def take(self) -> bool:
        """One holder more; False if the server is already ending."""
        if self._is_over:
            return False
        self._holders += 1
        return True

    def release(self) -> bool:
        """One holder less; whether the server ends now."""
        self._holders -= 1
        if not self._holders and not self._is_over:
            self.end()
        return self._is_over

    def end(self) -> None:
        """Take no new holder: the server ends for whatever reason."""
        if not self._is_over:
            self._is_over = True
            self._on_last()


class LeaseLayer:
    """ASGI: serves `/local/lease`, a request whose body lasts as long as the lease.

    The answer begins with one line of JSON. When the request's body ends, the lease does; the
    answer then ends too if others hold a lease, else with the server's process, so its holder
    can wait for that. A connection that breaks ends the lease as well.
    """

    def __init__(
        self, app: ASGIApp, leases: Leases, describe: Callable[[], Mapping[str, str]]
    ) -> None:
        self._app = app
        self._leases = leases
        self._describe = describe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold a lease, or pass the request on."""
        if scope["path"] != LEASE:
            await self._app(scope, receive, send)
            return
        if not self._leases.take():
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            await self._hold(receive, send)
        finally:
            is_over = self._leases.release()
        if is_over:
            await asyncio.Event().wait()  # until the process ends
        await send({"type": "http.response.body", "body": b""})

    async def _hold(self, receive: Receive, send: Send) -> None:
        line = json.dumps(dict(self._describe())).encode() + b"\n"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": line, "more_body": True})
        while (await receive()).get("more_body"):
            pass
