"""What stands in the workspace where something else has to go, and in which order it leaves. Pure.

A notebook `a` kept as `a.py` and a file `a.py` exclude each other, as do an object and a folder
of one name (databricks_api 1); even an overwrite does not replace one with the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from mlops_core.notebooks.formats import Form
from mlops_core.sync.names import folder_of, parents
from mlops_core.sync.plan import Action, Plan, Step

IN_VAIN: Final = ": move or delete it there"
"""How the reason ends for what not even `--overwrite` may remove."""
_UPLOADS: Final = (Action.CREATE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Route:
    """A push plan in the order that works.

    ``first`` are deletions that make room, each for the uploads that ``takers`` names by its
    path, then ``cleared`` folders go (deepest first), then
    ``folders`` are made (leaves only), ``waves`` are sent one after another, since what is
    replaced may free a name that the next wave needs, and ``last`` are the other deletions.
    """

    plan: Plan
    first: tuple[Step, ...] = ()
    cleared: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    waves: tuple[tuple[Step, ...], ...] = ()
    last: tuple[Step, ...] = ()
    takers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def uploads(self) -> tuple[Step, ...]:
        """Everything that is sent."""
        return tuple(step for wave in self.waves for step in wave)


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of both sides: each path's form here, there (None: unknown), and folders."""

    local: Mapping[str, Form]
    remote: Mapping[str, Form | None]
    folders: Set[str]

    def name_here(self, path: str) -> str:
        """The full name that our object has in the workspace, its extension included."""
        return path + self.local[path].extension

    def name_there(self, path: str) -> str:
        """The full name of the workspace's object, as far as it is known."""
        form = self.remote[path]
        return path + (form.extension if form else "")


def route_push(plan: Plan, ground: Ground, *, overwrite: bool) -> Route:
    """Order the plan; what is in the way goes first, or, if it must stay, the newcomer is left."""
    return _Router(plan, ground, overwrite).route()


class _Router:
    """Decides for each newcomer what has to go before it, whatever that itself waits for."""

    def __init__(self, plan: Plan, ground: Ground, overwrite: bool) -> None:
        self._steps = {step.path: step for step in plan.steps}
        self._ground = ground
        self._overwrite = overwrite
        self._in_the_way = _InTheWay(ground)
        self._first: dict[str, list[str]] = defaultdict(list)
        self._cleared: set[str] = set()
        self._wave: dict[str, int] = {}

    def route(self) -> Route:
        for path in sorted(self._steps):
            self._settle(path)
        plan = Plan(tuple(sorted(self._steps.values(), key=lambda step: step.path)))
        uploads, deletes = plan.of(*_UPLOADS), plan.of(Action.DELETE)
        waves: dict[int, list[Step]] = defaultdict(list)
        for step in uploads:
            waves[self._wave[step.path]].append(step)
        return Route(
            plan,
            tuple(step for step in deletes if step.path in self._first),
            tuple(sorted(self._cleared, key=lambda path: (-path.count("/"), path))),
            self._missing_folders(uploads),
            tuple(tuple(waves[number]) for number in sorted(waves)),
            tuple(step for step in deletes if step.path not in self._first),
            self._first,
        )

    def _settle(self, path: str) -> None:
        step = self._steps.get(path)
        if step is None or step.action not in _UPLOADS or path in self._wave:
            return
        self._wave[path] = 0
        blockers = self._in_the_way.of(path)
        for blocker in blockers:
            self._settle(blocker)
        is_folder = path in self._ground.folders
        kept = [one for one in blockers if not (self._moves(one, path) or self._may_go(one, path))]
        if kept or (is_folder and not self._overwrite):
            reason = f"{kept[0] if kept else 'an empty folder'} is in the way in the workspace"
            reason += IN_VAIN if self._overwrite else ""
            self._steps[path] = replace(step, action=Action.LEFT, reason=reason)
            return
        for blocker in blockers:
            if self._moves(blocker, path):
                self._wave[path] = max(self._wave[path], self._wave[blocker] + 1)
            else:
                self._first[blocker].append(path)
                takes = Step(blocker, Action.DELETE, f"{path} takes its place")
                self._steps.setdefault(blocker, takes)
        if is_folder:
            self._cleared.update(_below(path, self._ground.folders))

    def _moves(self, blocker: str, path: str) -> bool:
        """Whether the object is replaced by one that leaves our name free."""
        step = self._steps.get(blocker)
        name = self._ground.name_here(path)
        return (
            step is not None
            and step.action is Action.REPLACE
            and self._ground.name_there(blocker) == name != self._ground.name_here(blocker)
        )

    def _may_go(self, blocker: str, path: str) -> bool:
        """Whether the object may be removed: in a folder that has to go, only if it was ours."""
        if blocker in self._steps:
            return self._steps[blocker].action is Action.DELETE
        is_inside = blocker.startswith(path + "/")
        return self._overwrite and blocker not in self._ground.local and not is_inside

    def _missing_folders(self, uploads: tuple[Step, ...]) -> tuple[str, ...]:
        needed = {folder for step in uploads for folder in _folders_to(step.path)}
        missing = needed - (set(self._ground.folders) - self._cleared)
        return tuple(sorted(missing - {above for name in missing for above in parents(name)}))


class _InTheWay:
    """Finds the objects that exclude a path, quickly for thousands of them."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in ground.remote:
            self._by_name[ground.name_there(path)].append(path)

    def of(self, path: str) -> list[str]:
        """The other objects that have to go before ``path`` can be made."""
        same_name = self._by_name[self._ground.name_here(path)]
        above = [folder for folder in parents(path) if folder in self._ground.remote]
        below = _below(path, self._ground.remote) if path in self._ground.folders else []
        return sorted({*same_name, *above, *below} - {path})


def _below(path: str, names: Set[str] | Mapping[str, object]) -> list[str]:
    return [name for name in names if name == path or name.startswith(path + "/")]


def _folders_to(path: str) -> list[str]:
    folder = folder_of(path)
    return [folder, *parents(folder)] if folder else []
