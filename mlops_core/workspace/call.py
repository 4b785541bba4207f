"""One request to the workspace and its answer, as values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urlencode

_OBJECTS = ("path", "run_id", "job_id", "experiment_id", "experiment_name", "name", "run_name")


def do_nothing() -> None:
    """What most calls do before they are sent again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``path`` has no `/api/2.0` in front; ``version`` says what stands there.

    At most one of ``body`` (sent as JSON) and ``content`` (sent as a multipart form with the
    text fields ``form``; a Path is streamed) is given. ``stream_to`` receives the answer's bytes,
    whole or not at all. ``is_repeatable`` promises that sending it twice does no harm, or that
    the caller recognises what the first one did; ``before_retry`` is where it looks for that, and
    what it raises ends the call. ``is_json`` is False where the answer's bytes are the object
    itself.
    """

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Path | None = None
    content_field: str = "content"
    stream_to: Path | None = None
    is_repeatable: bool = True
    before_retry: Callable[[], None] = do_nothing
    is_json: bool = True
    version: str = "2.0"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """Which endpoint this asks, as messages name it: `workspace/list`."""
        return self.path.strip("/")

    @property
    def subject(self) -> str:
        """The object that this is about, as far as the request tells; else empty."""
        for sent in (self.query, self.form, self.body or {}):
            for name in _OBJECTS:
                if sent.get(name):
                    return str(sent[name])
        return ""

    @property
    def about(self) -> str:
        """What is asked, and of which object, for messages: `workspace/list /Shared`."""
        return f"{self.endpoint} {self.subject}".rstrip()

    @property
    def target(self) -> str:
        """The path and query as they go over the wire, percent-encoded."""
        address = f"/api/{self.version}/{self.endpoint}"
        query = {name: _query_text(value) for name, value in self.query.items() if value != ""}
        given = {name: value for name, value in query.items() if value is not None}
        return address + ("?" + urlencode(given, doseq=True, quote_via=quote) if given else "")

    def json_body(self) -> bytes | None:
        """The JSON body as bytes, if there is one."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``json`` is empty unless the body was a JSON object.

    ``retries`` counts the tries that failed before this answer; names of ``headers`` are in
    lower case.
    """

    status: int
    json: Mapping[str, object] = field(default_factory=dict)
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0

    @property
    def served_at(self) -> int | None:
        """The server's clock when it answered, in milliseconds, exact to a second."""
        return date_in_milliseconds(self.headers.get("date", ""))


def date_in_milliseconds(text: str) -> int | None:
    """An HTTP date as milliseconds since 1970, or None if ``text`` is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def _query_text(value: object) -> object:
    # The service takes booleans in lower case only (databricks_api 0).
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return [_query_text(each) for each in value]
    return value
