"""Reads answers: JSON, and every shape in which the service says no (databricks_api 0)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from mlops_core.errors import Unauthorized, WorkspaceError
from mlops_core.workspace.call import Answer, Call

_CODE_AND_TEXT = re.compile(r"\s*([A-Z][A-Z_]{3,}): (.*)", re.DOTALL)
_HTML_TEXT = re.compile(r"<(pre|title|h1)[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_LONGEST_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: HTTP status, the service's code, ErrorInfo's reason, and the text for people."""

    status: int
    code: str = ""
    reason: str = ""
    message: str = ""

    @property
    def label(self) -> str:
        """The most exact name that the service gave this refusal."""
        return self.reason or self.code or f"HTTP {self.status}"


def parse_refusal(status: int, content: bytes) -> Refusal:
    """Read an error answer in any of its shapes (databricks_api 0). Pure; never fails."""
    text = content.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        return _from_text(status, text)
    return _from_json(status, found) if isinstance(found, dict) else _from_text(status, text)


def decode_answer(call: Call, answer: Answer) -> Answer:
    """``answer`` with its JSON read, where ``call`` expects JSON.

    Raises Unauthorized for a login page and WorkspaceError for anything else that is no object.
    """
    if 300 <= answer.status < 400:
        raise _login_page(call, answer)
    if not call.is_json or call.stream_to or not answer.content.strip():
        return answer
    if _is_html(answer.content):
        raise _login_page(call, answer)
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WorkspaceError(
            f"{call.about}: the answer is no JSON object",
            hint="check that DATABRICKS_HOST is a Databricks workspace",
            status=answer.status,
        )
    return replace(answer, json=found)


def _login_page(call: Call, answer: Answer) -> WorkspaceError:
    location = answer.headers.get("location", "").partition("?")[0]
    where = f" at {location}" if location else ""
    return Unauthorized(
        f"{call.about}: the answer was a login page{where}, not data (HTTP {answer.status})",
        "check that DATABRICKS_HOST is the workspace's address and that DATABRICKS_TOKEN is valid",
        status=answer.status,
    )


def _is_html(content: bytes) -> bool:
    return content[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _from_json(status: int, found: Mapping[str, object]) -> Refusal:
    inner = found.get("error")
    if isinstance(inner, dict):
        found = {**found, **inner}
    message = _first_text(found, "message", "error_message", "detail", "error", "error_description")
    code = _first_text(found, "error_code", "scimType")
    in_text = _CODE_AND_TEXT.match(message)
    if in_text and not code:
        code = in_text.group(1)
    return Refusal(status, code, _reason(found.get("details")), _shortened(message, status))


def _reason(details: object) -> str:
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(detail.get("reason"), str):
            return str(detail["reason"])
    return ""


def _first_text(found: Mapping[str, object], *names: str) -> str:
    values = (found.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


def _from_text(status: int, text: str) -> Refusal:
    if _is_html(text.encode()):
        pages = {tag.lower(): inner for tag, inner in reversed(_HTML_TEXT.findall(text))}
        text = pages.get("pre") or pages.get("title") or pages.get("h1") or ""
        text = html.unescape(_TAG.sub(" ", text))
    found = _CODE_AND_TEXT.match(text)
    code, message = found.groups() if found else ("", text)
    return Refusal(status, code, "", _shortened(message, status))


def _shortened(message: str, status: int) -> str:
    message = " ".join(message.split())
    if not message:
        return HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given"
    return message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
