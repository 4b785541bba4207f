"""What a refusal of the service says: every shape of its error bodies, and what each one means."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from mlops_core import errors
from mlops_core.errors import WorkspaceError

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


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of refusal: its codes (or reasons), its statuses, and texts where only they tell.

    ``texts`` holds (status, regular expression) pairs for the cases in which databricks_api.md
    knows no other way.
    """

    kind: type[WorkspaceError]
    hint: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    texts: tuple[tuple[int, str], ...] = ()


_ASK_FOR_ACCESS = "ask its owner for access, or set USER to the user whose folder it is"
_LOG_IN_ANEW = "make a new token in the workspace's user settings and set DATABRICKS_TOKEN to it"
_LATER = "try again later; a lower MLOPS_WORKERS sends fewer requests at once"

_RULES = (
    _Rule(
        WorkspaceError,
        "move some of its objects to other folders; this is no matter of permissions",
        codes=frozenset({"MAX_CHILD_NODE_SIZE_EXCEEDED"}),
    ),
    _Rule(
        errors.TypeMismatch,
        "delete or rename the object of the other type, then run the command again",
        codes=frozenset({"WORKSPACE_OBJECT_TYPE_MISMATCH"}),
        texts=(
            (400, r"due to type mismatch \(asked:"),
            (400, r"Requested node type \[\w+\] is different"),
        ),
    ),
    _Rule(
        errors.TooLarge,
        "keep notebooks under 10 MiB (clear the outputs of an .ipynb) and files under 500 MB",
        codes=frozenset(
            {
                "MAX_NOTEBOOK_SIZE_EXCEEDED",
                "MAX_READ_SIZE_EXCEEDED",
                "MAX_BLOCK_SIZE_EXCEEDED",
            }
        ),
        statuses=frozenset({413}),
        texts=(
            (400, r"exceeded max size \(\d+ bytes\)"),
            (400, r"(size exceeded limit|[Ss]ize exceeds)\W"),
        ),
    ),
    _Rule(
        errors.AlreadyExists,
        "delete or rename it in the workspace, or add --overwrite where the command has it",
        codes=frozenset({"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"}),
        statuses=frozenset({409}),
        texts=((400, r"\balready exists\b"),),
    ),
    _Rule(
        WorkspaceError,
        "check that DATABRICKS_HOST is a workspace, not an account console",
        codes=frozenset({"ENDPOINT_NOT_FOUND"}),
    ),
    _Rule(
        errors.NotFound,
        "check the name, and that DATABRICKS_HOST is the workspace that you mean",
        codes=frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}),
        statuses=frozenset({404}),
        texts=((400, r"\b(does not|doesn't) exist\b"),),
    ),
    _Rule(
        errors.Unauthorized,
        _LOG_IN_ANEW,
        codes=frozenset({"UNAUTHENTICATED"}),
        statuses=frozenset({401}),
        texts=((403, r"Invalid access token"),),
    ),
    _Rule(
        errors.AccessDenied,
        _ASK_FOR_ACCESS,
        codes=frozenset({"PERMISSION_DENIED", "DIRECTORY_PROTECTED"}),
        statuses=frozenset({403}),
    ),
    _Rule(
        WorkspaceError,
        "wait an hour, or ask the workspace's administrator for a higher limit",
        codes=frozenset({"QUOTA_EXCEEDED"}),
    ),
    _Rule(
        errors.Unavailable,
        _LATER,
        codes=frozenset({"REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE"}),
        statuses=frozenset({429, 502, 503, 504}),
    ),
)


def parse_refusal(status: int, content: bytes) -> Refusal:
    """Read an error answer in any of its shapes (databricks_api 0). Pure; never fails."""
    text = content.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        return _from_text(status, text)
    return _from_json(status, found) if isinstance(found, dict) else _from_text(status, text)


def choose_error(refusal: Refusal, subject: str) -> WorkspaceError:
    """The error to raise for ``refusal``; ``subject`` says what was asked, and of which object.

    Codes are looked at before statuses and texts, since a status may be generic: 403 stands for
    a full folder too, 404 for an endpoint that is not there.
    """
    rule = _find_rule(refusal)
    kind, hint = (rule.kind, rule.hint) if rule else (WorkspaceError, "")
    message = f"{subject}: {refusal.message} ({refusal.label})"
    return kind(message, hint, status=refusal.status, code=refusal.reason or refusal.code)


def is_html(content: bytes, content_type: str = "") -> bool:
    """Whether an answer is a page for people, such as a login page."""
    start = content[:200].lstrip().lower()
    return "text/html" in content_type.lower() or start.startswith((b"<!doctype html", b"<html"))


def login_page(subject: str, status: int, location: str = "") -> WorkspaceError:
    """The error for an answer that wants a person to log in (design 5)."""
    where = f" at {location.partition('?')[0]}" if location else ""
    return errors.Unauthorized(
        f"{subject}: the answer was a login page{where}, not data (HTTP {status})",
        "check that DATABRICKS_HOST is the workspace's address and that DATABRICKS_TOKEN is valid",
        status=status,
    )


def _find_rule(refusal: Refusal) -> _Rule | None:
    for name in (refusal.reason, refusal.code):
        for rule in _RULES:
            if name in rule.codes:
                return rule
    for rule in _RULES:
        if any(
            refusal.status == on and re.search(text, refusal.message) for on, text in rule.texts
        ):
            return rule
    return next((rule for rule in _RULES if refusal.status in rule.statuses), None)


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
    if is_html(text.encode()):
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
