"""Whether the installed packages satisfy what a task asks pip for; nothing is ever installed."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def missing_requirements(wanted: Iterable[str]) -> list[str]:
    """Those of ``wanted`` that the installed packages do not satisfy, each with the reason.

    Paths and URLs (a wheel in the workspace, `-r file`) are judged by the name that a wheel's
    file name begins with; what has no name cannot be checked and counts as there.
    """
    reasons = (_reason(text.strip()) for text in wanted)
    return [reason for reason in reasons if reason]


def _reason(text: str) -> str:
    if not text or text.startswith("-"):
        return ""
    if _is_place(text):
        wheel = re.match(r"([A-Za-z0-9_.]+)-[^/\\]*\.whl$", re.split(r"[/\\]", text)[-1])
        return _unsatisfied(Requirement(wheel[1])) if wheel else ""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return f"{text!r} is no requirement"
    if requirement.marker and not requirement.marker.evaluate():
        return ""
    return _unsatisfied(requirement)


def _is_place(text: str) -> bool:
    return text.endswith((".whl", ".tar.gz", ".txt")) or "://" in text or text.startswith("/")


def _unsatisfied(requirement: Requirement) -> str:
    try:
        installed = importlib.metadata.version(canonicalize_name(requirement.name))
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement} is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"{requirement} is not satisfied by the installed {requirement.name} {installed}"
