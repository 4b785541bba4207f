"""Faults and the record of requests: switched on over HTTP by tests, free when off."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_core.local_workspace.replies import invalid

KINDS = ("status", "drop_before", "drop_after", "slow", "stale", "rate")


@dataclass(slots=True)
class Rule:
    """One fault: for whom, when, and what.

    ``path`` is a regular expression for path and query, without percent signs.
    The first ``after`` matching requests pass, the next ``times`` (0: all) meet the fault.
    ``status``: answers ``status`` with ``body`` and ``headers``. ``drop_before``/``drop_after``:
    the connection breaks before, or after, the work is done. ``slow``: waits ``seconds`` first.
    ``stale``: repeats the first answer since the rule was set. ``rate``: 429 with Retry-After
    above ``per_second``.
    """

    kind: str
    method: str = ""
    path: str = ""
    after: int = 0
    times: int = 0
    status: int = 503
    body: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    per_second: float = 0.0
    met: int = 0
    recent: deque[float] = field(default_factory=deque)
    answers: dict[str, list[Message]] = field(default_factory=dict)

    def is_for(self, method: str, target: str) -> bool:
        """Whether this request is one that the rule is about."""
        return self.method in ("", method) and re.search(self.path, target) is not None

    def strikes(self) -> bool:
        """Count one matching request; whether it meets the fault."""
        self.met += 1
        return self.after < self.met and (not self.times or self.met <= self.after + self.times)

    def is_over_rate(self) -> bool:
        """Whether one more request now is over ``per_second``."""
        moment = monotonic()
        while self.recent and self.recent[0] <= moment - 1:
            self.recent.popleft()
        if len(self.recent) >= self.per_second:
            return True
        self.recent.append(moment)
        return False


class Faults:
    """The rules in force, and the requests since the record was started."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.requests: list[dict[str, object]] = []
        self.is_recording = False

    def add(self, wish: Mapping[str, object]) -> None:
        """Set a rule from a request's JSON; ApiError for one that makes no sense."""
        fields = set(Rule.__dataclass_fields__) - {"met", "recent", "answers"}
        kind = wish.get("kind")
        if kind not in KINDS or not set(wish) <= fields:
            raise invalid(
                f"a fault has a kind ({', '.join(KINDS)}) and {', '.join(sorted(fields))}"
            )
        self.rules.append(Rule(**wish))  # type: ignore[arg-type]  # the names were checked, tests send the types

    def reset(self) -> None:
        """No faults, no record."""
        self.rules.clear()
        self.requests.clear()
        self.is_recording = False

    def choose(self, method: str, target: str) -> Rule | None:
        """The first rule that strikes this request."""
        matching = (rule for rule in self.rules if rule.is_for(method, target))
        return next((rule for rule in matching if rule.strikes()), None)


class FaultLayer:
    """ASGI: lets requests through, or lets them fail as the rules say."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        faults = self._faults
        is_control = scope.get("path", "").startswith("/local/")
        if scope["type"] != "http" or is_control or not (faults.rules or faults.is_recording):
            await self._app(scope, receive, send)
            return
        query = unquote_plus(scope.get("query_string", b"").decode())
        target = scope["path"] + (f"?{query}" if query else "")
        if faults.is_recording:
            faults.requests.append({"method": scope["method"], "path": target})
        rule = faults.choose(scope["method"], target)
        if rule is None:
            await self._app(scope, receive, send)
        else:
            await self._strike(rule, target, scope, receive, send)

    async def _strike(
        self, rule: Rule, target: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if rule.kind in ("status", "rate", "drop_before"):
            receive = await _read_all(receive)
        if rule.kind == "status":
            await _answer(send, rule.status, rule.body, rule.headers)
        elif rule.kind == "rate" and rule.is_over_rate():
            body = {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too many requests"}
            await _answer(send, 429, body, {"Retry-After": "1"})
        elif rule.kind == "drop_before":
            scope["state"]["abort"]()
        elif rule.kind == "drop_after":
            await self._app(scope, receive, _swallow)
            scope["state"]["abort"]()
        elif rule.kind == "stale":
            await self._repeat(rule, target, scope, receive, send)
        else:
            await asyncio.sleep(rule.seconds)
            await self._app(scope, receive, send)

    async def _repeat(
        self, rule: Rule, target: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if target not in rule.answers:
            messages: list[Message] = []

            async def keep(message: Message) -> None:
                messages.append(message)

            await self._app(scope, receive, keep)
            rule.answers[target] = messages
        for message in rule.answers[target]:
            await send(message)


async def _read_all(receive: Receive) -> Receive:
    """Take the whole request, as a server does that answers late; the app gets it afterwards."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    waiting = deque(messages)

    async def replay() -> Message:
        return waiting.popleft() if waiting else await receive()

    return replay


async def _swallow(_message: Message) -> None:
    """Take an answer that nobody will get."""


async def _answer(
    send: Send, status: int, body: Mapping[str, object], headers: Mapping[str, str]
) -> None:
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": json.dumps(dict(body)).encode()})
