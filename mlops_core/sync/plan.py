"""What a push or a pull has to do: decided from three mappings, cell by cell. Pure.

Each mapping gives a path's canonical digest: here, in the workspace, and on both sides when
this clone last saw them equal (the base). docs/sync.md explains the two tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mlops_core.notebooks.digest import Digest


class Action(Enum):
    """What happens to one path. ``value`` is the word that users read."""

    NOTHING = "unchanged"
    REMEMBER = "same"
    FORGET = "gone"
    CREATE = "created"
    REPLACE = "replaced"
    DELETE = "deleted"
    WRITE = "written"
    MERGE = "merged"
    CONFLICT = "conflict"
    KEEP = "kept"
    LEFT = "left"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One path, what happens to it, and why where that is not plain."""

    path: str
    action: Action
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps by path, but what another waits for comes first; a path with nothing to do has none."""

    steps: tuple[Step, ...] = ()

    def of(self, *actions: Action) -> tuple[Step, ...]:
        """The steps with one of these actions."""
        return tuple(step for step in self.steps if step.action in actions)


class Side(Enum):
    """One side's state, seen from the base."""

    ABSENT = "absent"
    AS_BASE = "as in base"
    CHANGED = "changed"
    UNKNOWN = "there, no base"


_ABSENT, _AS_BASE, _CHANGED, _UNKNOWN = Side.ABSENT, Side.AS_BASE, Side.CHANGED, Side.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Push:
    """One cell of the push table: ``forced`` is what `--overwrite` makes of it."""

    action: Action
    forced: Action
    reason: str = ""


# Rows are our side, columns the workspace: design 5. Equal contents never get here.
_PUSH: Final = {
    (_UNKNOWN, _ABSENT): _Push(Action.CREATE, Action.CREATE),
    (_UNKNOWN, _UNKNOWN): _Push(Action.LEFT, Action.REPLACE, "another one is in the workspace"),
    (_AS_BASE, _ABSENT): _Push(Action.LEFT, Action.CREATE, "deleted in the workspace"),
    (_AS_BASE, _AS_BASE): _Push(Action.NOTHING, Action.NOTHING),
    (_AS_BASE, _CHANGED): _Push(Action.LEFT, Action.REPLACE, "changed in the workspace"),
    (_CHANGED, _ABSENT): _Push(
        Action.LEFT, Action.CREATE, "changed here, deleted in the workspace"
    ),
    (_CHANGED, _AS_BASE): _Push(Action.LEFT, Action.REPLACE, "changed here"),
    (_CHANGED, _CHANGED): _Push(Action.LEFT, Action.REPLACE, "changed on both sides"),
    (_ABSENT, _ABSENT): _Push(Action.FORGET, Action.FORGET),
    (_ABSENT, _AS_BASE): _Push(Action.LEFT, Action.DELETE, "deleted here"),
    (_ABSENT, _CHANGED): _Push(
        Action.LEFT, Action.DELETE, "deleted here, changed in the workspace"
    ),
    (_ABSENT, _UNKNOWN): _Push(Action.NOTHING, Action.NOTHING),
}
APPEARED: Final = "another one has appeared in the workspace"
NEWS: Final = frozenset(
    cell.reason for (_, theirs), cell in _PUSH.items() if cell.reason and theirs is not _AS_BASE
) | {APPEARED}
"""The reasons for leaving an object that a pull has an answer to."""

_PULL: Final = {
    (_ABSENT, _UNKNOWN): (Action.WRITE, "new in the workspace"),
    (_ABSENT, _ABSENT): (Action.FORGET, ""),
    (_ABSENT, _AS_BASE): (Action.LEFT, "deleted here, still there"),
    (_ABSENT, _CHANGED): (Action.WRITE, "deleted here, but changed in the workspace"),
    (_AS_BASE, _ABSENT): (Action.DELETE, "deleted in the workspace"),
    (_AS_BASE, _AS_BASE): (Action.NOTHING, ""),
    (_AS_BASE, _CHANGED): (Action.WRITE, "changed in the workspace"),
    (_CHANGED, _ABSENT): (Action.KEEP, "changed here, deleted in the workspace"),
    (_CHANGED, _AS_BASE): (Action.KEEP, "changed here"),
    (_CHANGED, _CHANGED): (Action.MERGE, "changed on both sides"),
    (_UNKNOWN, _ABSENT): (Action.KEEP, "new here"),
    (_UNKNOWN, _UNKNOWN): (Action.CONFLICT, "another one here, not committed"),
}


@dataclass(frozen=True, slots=True)
class Trees:
    """Both sides and what they were when this clone last saw them equal."""

    local: Mapping[str, Digest]
    remote: Mapping[str, Digest]
    base: Mapping[str, Digest]

    def paths(self) -> list[str]:
        """Every path that any of the three knows, sorted."""
        return sorted(self.local.keys() | self.remote.keys() | self.base.keys())

    def sides(self, path: str) -> tuple[Side, Side]:
        """Ours and the workspace's state of ``path``."""
        base = self.base.get(path)
        return _side(self.local.get(path), base), _side(self.remote.get(path), base)

    def are_equal(self, path: str) -> bool:
        """Whether both sides have ``path`` with the same content."""
        return path in self.local and self.local[path] == self.remote.get(path)


@dataclass(frozen=True, slots=True)
class History:
    """What git says about the paths that a pull might overwrite.

    ``committed``: our file is in HEAD as it stands. ``stale``: the workspace holds an earlier
    commit's version, which HEAD has left behind.
    """

    committed: Set[str] = frozenset()
    stale: Set[str] = frozenset()


def plan_push(trees: Trees, *, overwrite: bool = False) -> Plan:
    """What makes the workspace hold our files; without ``overwrite`` it only ever creates."""
    return _plan(trees, lambda path: _push_step(trees, path, overwrite=overwrite))


def plan_pull(trees: Trees, history: History = History()) -> Plan:
    """What brings the workspace's edits here without losing any of ours."""
    return _plan(trees, lambda path: _pull_step(trees, path, history))


def _side(digest: Digest | None, base: Digest | None) -> Side:
    if digest is None:
        return Side.ABSENT
    if base is None:
        return Side.UNKNOWN
    return Side.AS_BASE if digest == base else Side.CHANGED


def _plan(trees: Trees, decide: Callable[[str], Step]) -> Plan:
    steps = (_unless_equal(trees, path) or decide(path) for path in trees.paths())
    return Plan(tuple(step for step in steps if step.action is not Action.NOTHING))


def _unless_equal(trees: Trees, path: str) -> Step | None:
    if not trees.are_equal(path):
        return None
    is_known = trees.base.get(path) == trees.local[path]
    return Step(path, Action.NOTHING if is_known else Action.REMEMBER)


def _push_step(trees: Trees, path: str, *, overwrite: bool) -> Step:
    cell = _PUSH[trees.sides(path)]
    return Step(path, cell.forced if overwrite else cell.action, cell.reason)


def _pull_step(trees: Trees, path: str, history: History) -> Step:
    sides = trees.sides(path)
    action, reason = _PULL[sides]
    if path in history.stale and action is Action.MERGE:
        # Ours grew out of theirs: there is nothing in it that ours has not seen.
        return Step(path, Action.KEEP, "the workspace has an earlier commit's version")
    is_safe = Side.ABSENT in sides or path in history.committed
    if path in history.stale and is_safe:
        return Step(path, Action.LEFT, "the workspace has an earlier commit's version")
    if action is Action.CONFLICT and is_safe:
        return Step(path, Action.WRITE, "another one in the workspace")
    return Step(path, action, reason)
