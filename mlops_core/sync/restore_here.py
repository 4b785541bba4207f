"""The checkout's part of taking a run back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import MlopsError, SyncError
from mlops_core.sync.backup import HERE, Kept
from mlops_core.sync.journal import Journal
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action, Plan, Step
from mlops_core.sync.report import Result
from mlops_core.sync.room import route_pull
from mlops_core.sync.store import sha256_of
from mlops_core.sync.tree import read_checkout, read_file
from mlops_core.sync.worktree import Worktree


@dataclass(frozen=True, slots=True)
class HerePlan:
    """What happens to files here: each is a step whose path is the file's own name.

    ``paths`` are their paths in the workspace; ``making_room`` are those that go because what is
    put back excludes them.
    """

    steps: tuple[Step, ...]
    paths: dict[str, str]
    making_room: frozenset[str]


def plan_here(at: Pair, kept: Kept) -> HerePlan:
    """Decide; nothing is changed."""
    if not kept.has(HERE):
        return HerePlan((), {}, frozenset())
    old, shelf = kept.names(HERE), kept.folder / HERE
    new = {
        name: mark
        for name, mark in kept.new[HERE].items()
        if name not in old and (at.folder / name).is_file()
    }
    going = {name for name, mark in new.items() if sha256_of(at.folder / name) == mark}
    steps = [
        Step(name, Action.DELETE, "it was not there before that run")
        if name in going
        else Step(name, Action.KEEP, "that run wrote it, and it was edited since")
        for name in sorted(new)
    ]
    coming = {_path(shelf, name): name for name in old if not _is_same(at, shelf, name)}
    paths = {name: _path(at.folder, name) for name in new}
    gone = {paths[name] for name in going}
    making_room = frozenset(path for path in gone if any(_exclude(path, one) for one in coming))
    paths |= {name: path for path, name in coming.items()}
    return HerePlan((*steps, *_place(at, coming, going)), paths, making_room)


def _place(at: Pair, coming: dict[str, str], going: set[str]) -> list[Step]:
    """The steps that put files back; what has no room is left, so that both sides stay in step."""
    files = {
        path: file.local
        for path, file in read_checkout(at.checkout()).files.items()
        if file.local not in going
    }
    taken = {path for path, name in coming.items() if files.get(path, name) != name}
    free = Plan(
        tuple(Step(path, Action.WRITE, "put back") for path in sorted(coming.keys() - taken))
    )
    routed = route_pull(free, files, coming).steps
    left = [
        Step(coming[path], Action.LEFT, f"{files[path]} is in the way here")
        for path in sorted(taken)
    ]
    for step in routed:
        action = Action.LEFT if step.action is Action.CONFLICT else step.action
        left.append(Step(coming[step.path], action, step.reason))
    return left


class RestoreHere:
    """One run's changes of the checkout."""

    def __init__(self, at: Pair, kept: Kept, journal: Journal, worktree: Worktree) -> None:
        self._at = at
        self._kept = kept
        self._journal = journal
        self._worktree = worktree

    def carry_out(self, plan: HerePlan) -> None:
        """Do everything; deletions come first in the plan, and make room."""
        for step in plan.steps:
            try:
                self._apply(step)
            except OSError as error:
                failed = SyncError(f"{step.path}: {error.strerror or error}")
                self._journal.fail(step.path, failed)
            except MlopsError as error:
                self._journal.fail(step.path, error)
            else:
                self._note(step, plan.paths[step.path])

    def _apply(self, step: Step) -> None:
        if step.action is Action.DELETE:
            self._worktree.set_aside(step.path)
        elif step.action is Action.WRITE:
            self._worktree.put_back(step.path, self._kept.folder / HERE / step.path)

    def _note(self, step: Step, path: str) -> None:
        if step.action is Action.DELETE:
            self._journal.forget(path)
        file = self._kept.folder / HERE / step.path
        source = file.relative_to(self._at.project).as_posix()
        hint = "move that away and run this again" if step.action is Action.LEFT else ""
        shown = self._at.shown(step.path)
        self._journal.add(Result(step.action, shown, source, step.reason, hint))


def _path(folder: Path, name: str) -> str:
    """The path in the workspace; of a file that cannot travel, its name."""
    try:
        return read_file(folder, name).path
    except MlopsError:
        return name


def _is_same(at: Pair, shelf: Path, name: str) -> bool:
    file = at.folder / name
    return file.is_file() and sha256_of(file) == sha256_of(shelf / name)


def _exclude(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
