"""Workspace paths: absolute, normalised, and unable to leave their root. Pure."""

from __future__ import annotations

import re
from typing import NewType

from mlops_core.errors import MlopsError

WorkspacePath = NewType("WorkspacePath", str)
"""An absolute workspace path as `list` spells it: no `/Workspace` in front, no slash at the end."""


def workspace_path(text: str) -> WorkspacePath:
    """Normalise ``text``; `/Workspace/X` and `/X` are the same object to the service.

    Raises MlopsError for a path that is relative or has an impossible part.
    """
    if re.match(r"[A-Za-z]:[\\/]", text):
        raise MlopsError(
            f"{text!r} is no workspace path: Git Bash rewrote it",
            hint="write // in place of its first /, or set MSYS_NO_PATHCONV=1",
        )
    if not text.startswith("/"):
        raise MlopsError(
            f"{text!r} is no workspace path: it does not begin with /",
            hint="give an absolute path, such as /Users/you@example.com/master",
        )
    parts = [part for part in text.split("/") if part]
    if parts[:1] == ["Workspace"]:
        parts = parts[1:]
    for part in parts:
        _check(part, text)
    return WorkspacePath("/" + "/".join(parts))


def join(root: WorkspacePath, *relative: str) -> WorkspacePath:
    """The path below ``root``; raises MlopsError for parts that would lead out of it."""
    parts = [part for text in relative for part in text.split("/") if part]
    for part in parts:
        _check(part, "/".join(relative))
    return WorkspacePath("/".join([root.rstrip("/"), *parts]) or "/")


def relative_to(path: WorkspacePath, root: WorkspacePath) -> str:
    """``path`` seen from ``root``, with `/` between its parts; raises MlopsError if not below."""
    prefix = root.rstrip("/") + "/"
    if not path.startswith(prefix):
        raise MlopsError(f"{path} is not below {root}")
    return path[len(prefix) :]


def parent(path: WorkspacePath) -> WorkspacePath:
    """The folder that holds ``path``; the root is its own parent."""
    return WorkspacePath(path.rpartition("/")[0] or "/")


def name(path: WorkspacePath) -> str:
    """The last part of ``path``."""
    return path.rpartition("/")[2]


def _check(part: str, whole: str) -> None:
    if part in {".", ".."} or "\0" in part:
        raise MlopsError(
            f"{whole!r} is no workspace path: {part!r} cannot be a part of one",
            hint="rename it",
        )
