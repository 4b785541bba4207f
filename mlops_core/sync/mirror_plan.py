"""What makes a workspace folder exactly what a commit holds. Pure."""

from __future__ import annotations

from typing import Final

from mlops_core.errors import UnsafeDelete
from mlops_core.sync.plan import Action, Plan, Side, Step, Trees

FOREIGN: Final = "edited in the workspace"
_NOT_OURS: Final = frozenset({Side.CHANGED, Side.UNKNOWN})


def plan_mirror(trees: Trees) -> Plan:
    """Every path's step: the workspace ends up with ``trees.local``, and nothing else.

    The base is what the last mirror left there; content that it does not know is somebody's
    edit, and its step says so.
    """
    steps = (_step(trees, path) for path in trees.paths())
    return Plan(tuple(step for step in steps if step.action is not Action.NOTHING))


def check_deletions(plan: Plan, present: int) -> None:
    """Raise UnsafeDelete if the plan deletes more than half of ``present`` objects."""
    count = len(plan.of(Action.DELETE))
    if count * 2 > present:
        raise UnsafeDelete(
            f"the mirror would delete {count} of {present} objects",
            hint="see what they are with --dry-run; to do it all the same, add --allow-delete",
        )


def _step(trees: Trees, path: str) -> Step:
    if trees.are_equal(path):
        is_known = trees.base.get(path) == trees.local[path]
        return Step(path, Action.NOTHING if is_known else Action.REMEMBER)
    _, there = trees.sides(path)
    reason = FOREIGN if there in _NOT_OURS else ""
    if path in trees.local:
        return Step(path, Action.CREATE if there is Side.ABSENT else Action.REPLACE, reason)
    return Step(path, Action.FORGET if there is Side.ABSENT else Action.DELETE, reason)
