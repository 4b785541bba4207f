"""The workspace's part of taking a run back: a push of the backup."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from mlops_core.checkout import Checkout
from mlops_core.sync.ancestor import Base, Record
from mlops_core.sync.backup import THERE, Backup, Kept
from mlops_core.sync.journal import Journal
from mlops_core.sync.names import is_within
from mlops_core.sync.obstacles import Route, route_push
from mlops_core.sync.pair import Pair
from mlops_core.sync.plan import Action, Plan, Step
from mlops_core.sync.push import is_needed
from mlops_core.sync.report import Notify, Result
from mlops_core.sync.survey import Survey, survey
from mlops_core.sync.tree import LocalTree, RemoteTree
from mlops_core.workspace.model import ObjectInfo


@dataclass(frozen=True, slots=True)
class Shelf(Pair):
    """A backup's folder, as if it were the folder here."""

    @classmethod
    def of(cls, at: Pair, folder: str) -> Shelf:
        """The shelf ``folder`` of this project, in step with where its objects came from."""
        return cls(at.files, at.target, at.project, folder, at.workspace_id)

    def checkout(self) -> Checkout:
        """Every file; what git thinks of a backup does not matter."""
        return Checkout(self.folder, is_git=False)


class Reversal(Journal):
    """What was put back is a change that the base does not know; what goes again is forgotten.

    Only what goes to make room for it stays in the base: as a deletion, part of that change.
    """

    def __init__(
        self, shelf: Shelf, found: Survey, notify: Notify, backup: Backup, making_room: Set[str]
    ) -> None:
        super().__init__(shelf, found, notify, backup)
        self._shelf = shelf
        self._making_room = making_room

    def remember(self, path: str, record: Record) -> None:
        """The two sides are not equal for that."""

    def forget(self, path: str) -> None:
        """It is as if it had never been common."""
        if path not in self._making_room:
            super().forget(path)

    def tell(
        self, path: str, action: Action, *, local: str = "", reason: str = "", hint: str = ""
    ) -> None:
        """Report what happened to one object: by its own name, if the backup has none."""
        if action in {Action.DELETE, Action.KEEP}:
            remote = self._shelf.remote(path)
            self.add(Result(action, remote, remote, reason, hint))
            return
        if action is Action.LEFT:
            hint = "move that away and run this again"
        super().tell(path, action, local=local, reason=reason, hint=hint)


def find_there(shelf: Shelf, kept: Kept, notify: Notify) -> Survey:
    """The backup and the workspace as they are now; empty if the run changed nothing there."""
    if not kept.has(THERE):
        nothing = Base(shelf.scope, {})
        return Survey(shelf.checkout(), LocalTree({}), RemoteTree({}), nothing, {}, (), nothing)
    new = kept.new[THERE]

    def is_wanted(path: str, info: ObjectInfo, local: LocalTree, base: Base) -> bool:
        return path in new or is_needed(path, info, local, base)

    found = survey(shelf, is_wanted, notify)
    ours = {*new, *found.local.files}
    troubles = tuple(
        one
        for one in found.troubles
        if one.path in kept.names(THERE) or any(is_within(path, {one.path}) for path in ours)
    )
    return replace(found, remote=replace(found.remote, skipped=()), troubles=troubles)


def plan_there(found: Survey, kept: Kept) -> Route:
    """What makes the workspace what it was; in what order, and with room for everything."""
    trees = found.trees()
    steps = []
    for path, digest in trees.local.items():
        if path not in trees.remote:
            steps.append(Step(path, Action.CREATE, "put back"))
        elif trees.remote[path] != digest:
            steps.append(Step(path, Action.REPLACE, "put back"))
    for path, mark in kept.new[THERE].items():
        if path in trees.remote and path not in trees.local:
            steps.append(_without(path, is_as_sent=trees.remote[path] == mark))
    return route_push(Plan(tuple(sorted(steps))), found.ground(), overwrite=True)


def _without(path: str, *, is_as_sent: bool) -> Step:
    if is_as_sent:
        return Step(path, Action.DELETE, "it was not there before that run")
    return Step(path, Action.KEEP, "that run made it, and it was changed since")
