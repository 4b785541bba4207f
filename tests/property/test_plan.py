"""20,000 histories of the pure planner, on a model of two clones and a workspace.

The model carries plans out as the tool does. What it holds to: nothing is lost, `--overwrite`
makes both sides agree, nothing is done twice, and the order of names is of no account.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

from mlops_core.notebooks.digest import Digest
from mlops_core.sync.plan import Action, History, Plan, Trees, plan_pull, plan_push

HISTORIES = int(os.environ.get("MLOPS_PLANNER_HISTORIES", "20000"))
STEPS = 12
PATHS = ("a", "b", "c")
WAITING = {Action.LEFT, Action.KEEP, Action.CONFLICT}


@dataclass
class Person:
    """One clone: its files, its base, what it has kept, and what its git remembers."""

    files: dict[str, Digest] = field(default_factory=dict)
    base: dict[str, Digest] = field(default_factory=dict)
    kept: set[Digest] = field(default_factory=set)
    head: dict[str, Digest] = field(default_factory=dict)
    past: dict[str, list[Digest]] = field(default_factory=dict)


@dataclass
class World:
    """Two clones and a workspace folder."""

    people: tuple[Person, Person]
    there: dict[str, Digest]
    count: int = 0

    def new(self) -> Digest:
        self.count += 1
        return Digest(f"text {self.count}")

    def contents(self) -> set[Digest]:
        found = set(self.there.values())
        for one in self.people:
            found |= {*one.files.values(), *one.kept}
            found.update(*one.past.values())
        return found


def trees(world: World, one: Person) -> Trees:
    return Trees(dict(one.files), dict(world.there), dict(one.base))


def history(world: World, one: Person) -> History:
    committed = {path for path, text in one.files.items() if one.head.get(path) == text}
    stale = {p for p, text in world.there.items() if text in one.past.get(p, []) and p in committed}
    return History(committed, stale)


def push(world: World, one: Person, overwrite: bool) -> Plan:
    plan = plan_push(trees(world, one), overwrite=overwrite)
    for step in plan.steps:
        path = step.path
        if step.action in {Action.CREATE, Action.REPLACE, Action.REMEMBER}:
            if step.action is Action.CREATE:
                assert path not in world.there
            if step.action is Action.REPLACE:
                assert overwrite
                one.kept.add(world.there[path])
            world.there[path] = one.base[path] = one.files[path]
        elif step.action is Action.DELETE:
            assert overwrite
            assert path in one.base
            one.kept.add(world.there.pop(path))
            del one.base[path]
        elif step.action is Action.FORGET:
            del one.base[path]
    return plan


def pull(world: World, one: Person) -> Plan:
    plan = plan_pull(trees(world, one), history(world, one))
    before = dict(world.there)
    for step in plan.steps:
        path = step.path
        if step.action in {Action.WRITE, Action.REMEMBER}:
            if path in one.files:
                one.kept.add(one.files[path])
            one.files[path] = one.base[path] = world.there[path]
        elif step.action is Action.MERGE:
            one.kept.add(one.files[path])
            one.files[path], one.base[path] = world.new(), world.there[path]
        elif step.action is Action.CONFLICT:
            one.kept.add(world.there[path])
        elif step.action is Action.DELETE:
            assert one.files[path] == one.base[path]
            one.kept.add(one.files.pop(path))
            del one.base[path]
        elif step.action is Action.FORGET:
            del one.base[path]
    assert world.there == before, "a pull changes nothing there"
    return plan


def live(world: World, dice: random.Random) -> None:
    """What people do between two runs of the tool."""
    one, path = dice.choice(world.people), dice.choice(PATHS)
    deed = dice.randrange(7)
    if deed <= 1:
        one.files[path] = world.new()
    elif deed == 2:
        one.files.pop(path, None)
    elif deed == 3:
        world.there[path] = world.new()
    elif deed == 4:
        world.there.pop(path, None)
    elif deed == 5:
        one.head = dict(one.files)
        for name, text in one.head.items():
            one.past.setdefault(name, []).append(text)
    else:
        take_commits(one, world.people[1 - world.people.index(one)])


def take_commits(one: Person, other: Person) -> None:
    """`git pull`, where there is nothing to merge."""
    if one.files == one.head:
        one.files, one.head = dict(other.head), dict(other.head)
        for name, texts in other.past.items():
            one.past.setdefault(name, []).extend(texts)


def run_the_tool(world: World, dice: random.Random) -> None:
    one = dice.choice(world.people)
    before = world.contents()
    choice = dice.randrange(3)
    if choice == 2:
        pull(world, one)
        again = pull(world, one)
    else:
        is_forced = choice == 1
        there = dict(world.there)
        push(world, one, is_forced)
        if is_forced:
            assert all(world.there[path] == text for path, text in one.files.items())
            assert not one.base.keys() - one.files.keys()
        else:
            assert world.there.items() >= there.items()
        again = push(world, one, is_forced)
    assert before <= world.contents()
    assert {step.action for step in again.steps} <= WAITING


def test_no_history_of_plans_loses_anything() -> None:
    for seed in range(HISTORIES):
        dice = random.Random(seed)
        world = World((Person(), Person()), {})
        try:
            for _ in range(STEPS):
                (live if dice.random() < 0.6 else run_the_tool)(world, dice)
        except AssertionError as error:
            raise AssertionError(f"history {seed}: {error}") from error


def test_the_order_of_names_is_of_no_account() -> None:
    for seed in range(500):
        dice = random.Random(seed)
        sides = [
            {p: Digest(dice.choice("xyz")) for p in PATHS if dice.random() < 0.7} for _ in "lrb"
        ]
        turned = [dict(reversed(side.items())) for side in sides]
        for is_forced in (False, True):
            assert plan_push(Trees(*sides), overwrite=is_forced) == plan_push(
                Trees(*turned), overwrite=is_forced
            )
        assert plan_pull(Trees(*sides)) == plan_pull(Trees(*turned))
