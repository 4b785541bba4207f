"""The one table from what the service answers to the error that a caller handles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

from mlops_core import errors
from mlops_core.errors import WorkspaceError
from mlops_core.workspace.replies import Refusal


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

# PERMISSION_DENIED, BAD_REQUEST and INVALID_PARAMETER_VALUE stand here nowhere: each is sent for
# several things, which the text or, failing that, the status tells apart.
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
        codes=frozenset({"DIRECTORY_PROTECTED"}),
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
    _Rule(
        WorkspaceError,
        "run the command again; if it fails again, show this to the workspace's administrator",
        codes=frozenset({"INTERNAL_ERROR"}),
        statuses=frozenset({500}),
    ),
)


def choose_error(refusal: Refusal, subject: str) -> WorkspaceError:
    """The error to raise for ``refusal``; ``subject`` says what was asked, and of which object.

    Codes are looked at before statuses and texts, since a status may be generic: 403 stands for
    a full folder too, 404 for an endpoint that is not there.
    """
    rule = _find_rule(refusal)
    kind, hint = (rule.kind, rule.hint) if rule else (WorkspaceError, "")
    message = f"{subject}: {refusal.message} ({refusal.label})"
    return kind(message, hint, status=refusal.status, code=refusal.reason or refusal.code)


def _find_rule(refusal: Refusal) -> _Rule | None:
    """The rule by reason, else by code, else by text, else by status."""
    by_code = (
        rule for name in (refusal.reason, refusal.code) for rule in _RULES if name in rule.codes
    )
    by_text = (rule for rule in _RULES if _is_told(rule, refusal))
    by_status = (rule for rule in _RULES if refusal.status in rule.statuses)
    return next(chain(by_code, by_text, by_status), None)


def _is_told(rule: _Rule, refusal: Refusal) -> bool:
    return any(
        refusal.status == status and re.search(text, refusal.message) for status, text in rule.texts
    )
