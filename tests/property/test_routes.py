"""Random trees of names that exclude each other, pushed and pulled on a model of both sides.

The model refuses what the service and a file system refuse: two objects of one full name, an
object and a folder of one name. A plan that it can carry out leaves nothing for a second run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_core.notebooks.digest import Digest
from mlops_core.notebooks.formats import A_FILE, SOURCE, Form
from mlops_core.sync.names import parents
from mlops_core.sync.obstacles import Ground, Route, route_push
from mlops_core.sync.plan import Action, Plan, Trees, plan_pull, plan_push
from mlops_core.sync.room import route_pull

TREES = 20_000
PATHS = ("a", "a.py", "a.sql", "a.sql.py", "d", "d/a", "d/a.py", "d.sql/b", "d.sql")
PYTHON = Form("NOTEBOOK", "PYTHON", "SOURCE")
FORMS = (A_FILE, PYTHON, Form("NOTEBOOK", "SQL", "SOURCE"), Form("NOTEBOOK", "PYTHON", "JUPYTER"))
WAITING = {Action.LEFT, Action.KEEP, Action.CONFLICT}


@dataclass(frozen=True)
class Thing:
    """A notebook or a file, and what it says."""

    form: Form
    text: str

    @property
    def digest(self) -> Digest:
        return Digest(f"{self.form.tag}:{self.text}")


Side = dict[str, Thing]


def full_name(path: str, thing: Thing) -> str:
    return path + thing.form.extension


def names_here(side: Mapping[str, Thing]) -> dict[str, str]:
    return {path: full_name(path, thing) for path, thing in side.items()}


def is_possible(side: Mapping[str, Thing]) -> bool:
    names = list(names_here(side).values())
    folders = {folder for path in side for folder in parents(path)}
    return len(set(names)) == len(names) and not folders & {*side, *names}


def some(dice: random.Random) -> Side:
    """A tree that can exist on either side."""
    side: Side = {}
    for path in dice.sample(PATHS, dice.randint(1, 5)):
        grown = {**side, path: Thing(dice.choice(FORMS), dice.choice("xyz"))}
        side = grown if is_possible(grown) else side
    return side


class Workspace:
    """Objects and folders, with the rules for names that the service has."""

    def __init__(self, objects: Side, dice: random.Random) -> None:
        self.objects = dict(objects)
        self.folders = {folder for path in objects for folder in parents(path)}
        if dice.random() < 0.2 and "d" not in self.objects:
            self.folders.add("d")
        self._dice = dice

    def carry_out(self, route: Route, local: Side) -> None:
        for step in route.first:
            self._delete(step.path)
        for folder in route.cleared:
            self._remove_if_empty(folder)
        made = {above for folder in route.folders for above in (folder, *parents(folder))}
        assert not made & self.objects.keys()
        self.folders |= made
        for wave in route.waves:
            for step in self._dice.sample(wave, len(wave)):  # in parallel: in any order
                self._send(step.path, local[step.path])
        for step in route.last:
            self._delete(step.path)
        emptied = (*route.first, *route.last)
        for folder in [folder for step in emptied for folder in parents(step.path)]:
            self._remove_if_empty(folder)

    def _send(self, path: str, thing: Thing) -> None:
        self.objects.pop(path, None)
        assert path not in self.folders, f"{path} is a folder"
        assert full_name(path, thing) not in names_here(self.objects).values()
        assert not set(parents(path)) - self.folders
        self.objects[path] = thing

    def _delete(self, path: str) -> None:
        del self.objects[path]

    def _remove_if_empty(self, folder: str) -> None:
        if not any(one.startswith(folder + "/") for one in (*self.objects, *self.folders)):
            self.folders.discard(folder)


def digests(side: Mapping[str, Thing]) -> dict[str, Digest]:
    return {path: thing.digest for path, thing in side.items()}


def plan_and_route(local: Side, there: Workspace, base: Side, *, overwrite: bool) -> Route:
    """What a push decides, from no more than it reads."""
    known = {
        path: thing
        for path, thing in there.objects.items()
        if {path, path + Form(thing.form.kind, thing.form.language, SOURCE).extension}
        & {*local, *base}
    }
    unread = dict.fromkeys(there.objects, Digest(""))
    trees = Trees(digests(local), {**unread, **digests(known)}, digests(base))
    forms = {path: known[path].form if path in known else None for path in there.objects}
    ground = Ground(
        {path: one.form for path, one in local.items()}, forms, frozenset(there.folders)
    )
    return route_push(plan_push(trees, overwrite=overwrite), ground, overwrite=overwrite)


def after_push(plan: Plan, local: Side, base: Side) -> Side:
    kept = dict(base)
    for step in plan.steps:
        if step.action in {Action.CREATE, Action.REPLACE, Action.REMEMBER}:
            kept[step.path] = local[step.path]
        elif step.action in {Action.DELETE, Action.FORGET}:
            kept.pop(step.path, None)
    return kept


def push(dice: random.Random) -> None:
    local, base, overwrite = some(dice), some(dice), dice.random() < 0.7
    there = Workspace(some(dice), dice)
    before = dict(there.objects)
    route = plan_and_route(local, there, base, overwrite=overwrite)
    there.carry_out(route, local)
    left = route.plan.of(Action.LEFT)
    assert overwrite or there.objects.items() >= before.items()
    if overwrite:
        assert there.objects.items() >= {
            (path, one) for path, one in local.items() if path not in {step.path for step in left}
        }
    base = after_push(route.plan, local, base)
    again = plan_and_route(local, there, base, overwrite=overwrite)
    assert again.plan.steps == left


def pull(dice: random.Random) -> None:
    local, there, base = some(dice), some(dice), some(dice)
    plan = plan_and_route_pull(local, there, base)
    deletes = [step.path for step in plan.of(Action.DELETE)]
    for path in deletes:
        del local[path]
    for step in plan.of(Action.WRITE, Action.MERGE):
        old, new = local.pop(step.path, None), there[step.path]
        if step.action is Action.MERGE and old is not None:
            new = Thing(old.form, old.text + new.text)
        local[step.path] = new
        assert is_possible(local), step
    for step in plan.of(Action.WRITE, Action.MERGE, Action.REMEMBER):
        base[step.path] = there[step.path]
    for step in plan.of(Action.DELETE, Action.FORGET):
        del base[step.path]
    again = plan_and_route_pull(local, there, base)
    assert {step.action for step in again.steps} <= WAITING
    assert again.of(Action.LEFT, Action.CONFLICT) == plan.of(Action.LEFT, Action.CONFLICT)


def plan_and_route_pull(local: Side, there: Side, base: Side) -> Plan:
    plan = plan_pull(Trees(digests(local), digests(there), digests(base)))
    return route_pull(plan, names_here(local), names_here(there))


def test_what_one_push_has_done_leaves_nothing_for_the_next() -> None:
    each_of(push)


def test_what_one_pull_has_done_leaves_nothing_for_the_next() -> None:
    each_of(pull)


def each_of(run) -> None:
    for seed in range(TREES):
        try:
            run(random.Random(seed))
        except (AssertionError, KeyError) as error:
            raise AssertionError(f"tree {seed}: {error!r}") from error
