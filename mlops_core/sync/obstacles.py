"""What stands in the workspace where something else has to go, and in which order it leaves. Pure.

A notebook `a` kept as `a.py` and a file `a.py` exclude each other, as do an object and a folder
of one name (databricks_api 1); even an overwrite does not replace one with the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from mlops_core.notebooks.formats import Form
from mlops_core.sync.names import folder_of, parents
from mlops_core.sync.plan import Action, Plan, Step


@dataclass(frozen=True, slots=True)
class Route:
    """A push plan in the order that works.

    ``first`` are deletions that make room, then ``cleared`` folders go (deepest first), then
    ``folders`` are made (leaves only), ``uploads`` are sent, and ``last`` are the other deletions.
    """

    plan: Plan
    first: tuple[Step, ...] = ()
    cleared: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    uploads: tuple[Step, ...] = ()
    last: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of both sides: each path's form here, there (None: unknown), and folders."""

    local: Mapping[str, Form]
    remote: Mapping[str, Form | None]
    folders: Set[str]


def route_push(plan: Plan, ground: Ground, *, overwrite: bool) -> Route:
    """Order the plan; what is in the way goes first, or, if it must stay, the newcomer is left."""
    steps = {step.path: step for step in plan.steps}
    first: set[str] = set()
    cleared: set[str] = set()
    in_the_way = _InTheWay(ground)
    for step in plan.of(Action.CREATE, Action.REPLACE):
        blockers = in_the_way.of(step.path)
        kept = [one for one in blockers if not _may_go(one, step, steps, ground, overwrite)]
        if kept or (step.path in ground.folders and not overwrite):
            reason = f"{kept[0] if kept else 'an empty folder'} is in the way in the workspace"
            steps[step.path] = replace(step, action=Action.LEFT, reason=reason)
            continue
        first.update(blockers)
        for path in blockers:
            steps.setdefault(path, Step(path, Action.DELETE, f"{step.path} takes its place"))
        if step.path in ground.folders:
            cleared.update(_below(step.path, ground.folders))
    ordered = Plan(tuple(sorted(steps.values(), key=lambda step: step.path)))
    return _route(ordered, first, cleared, ground)


class _InTheWay:
    """Finds the objects that exclude a path, quickly for thousands of them."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path, form in ground.remote.items():
            self._by_name[path + (form.extension if form else "")].append(path)

    def of(self, path: str) -> list[str]:
        """The other objects that have to go before ``path`` can be made."""
        name = path + self._ground.local[path].extension
        same_name = [other for other in self._by_name[name] if other != path]
        above = [folder for folder in parents(path) if folder in self._ground.remote]
        below = _below(path, self._ground.remote) if path in self._ground.folders else []
        return sorted({*same_name, *above, *below} - {path})


def _may_go(
    path: str, newcomer: Step, steps: Mapping[str, Step], ground: Ground, overwrite: bool
) -> bool:
    """Whether the object may be removed: in a folder that has to go, only if it was ours."""
    if path in steps:
        return steps[path].action is Action.DELETE
    return overwrite and path not in ground.local and not path.startswith(newcomer.path + "/")


def _below(path: str, names: Set[str] | Mapping[str, object]) -> list[str]:
    return [name for name in names if name == path or name.startswith(path + "/")]


def _route(plan: Plan, first: Set[str], cleared: Set[str], ground: Ground) -> Route:
    uploads = plan.of(Action.CREATE, Action.REPLACE)
    deletes = plan.of(Action.DELETE)
    needed = {folder for step in uploads for folder in _folders_to(step.path)}
    missing = needed - (set(ground.folders) - cleared)
    leaves = missing - {folder for name in missing for folder in parents(name)}
    return Route(
        plan,
        tuple(step for step in deletes if step.path in first),
        tuple(sorted(cleared, key=lambda path: (-path.count("/"), path))),
        tuple(sorted(leaves)),
        uploads,
        tuple(step for step in deletes if step.path not in first),
    )


def _folders_to(path: str) -> list[str]:
    folder = folder_of(path)
    return [folder, *parents(folder)] if folder else []
