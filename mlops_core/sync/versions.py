"""Which contents each file had when both sides were equal: the way into the store, by name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlops_core.sync.store import Store

_FILE = "versions.jsonl"


@dataclass(frozen=True, slots=True)
class Version:
    """A content that a file once had on both sides; ``moment`` is in seconds since 1970."""

    moment: float
    local: str
    content: str


def note_versions(state: Path, found: Iterable[tuple[str, str]], now: float | None = None) -> None:
    """Write down pairs of a file and its content, and drop what the store no longer has."""
    moment = time.time() if now is None else now
    new = [Version(moment, local, content) for local, content in found if content]
    if not new:
        return
    store = Store(state / "contents")
    kept = [one for one in read_versions(state) if store.path(one.content).exists()]
    lines = (json.dumps([one.moment, one.local, one.content]) for one in (*kept, *new))
    scratch = state / f"{_FILE}.new"
    scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")
    scratch.replace(state / _FILE)


def read_versions(state: Path) -> list[Version]:
    """Everything that was written down, oldest first; a line that cannot be read is none."""
    try:
        lines = (state / _FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [one for one in map(_parse, lines) if one]


def find_versions(state: Path, local: str) -> list[tuple[Version, Path]]:
    """The contents of one file that the store still has, each with its place, newest first."""
    store = Store(state / "contents")
    found = {one.content: one for one in read_versions(state) if one.local == local}
    ordered = sorted(found.values(), key=lambda one: -one.moment)
    return [(one, store.path(one.content)) for one in ordered if store.path(one.content).exists()]


def _parse(line: str) -> Version | None:
    try:
        moment, local, content = json.loads(line)
        return Version(float(moment), str(local), str(content))
    except (ValueError, TypeError):
        return None
