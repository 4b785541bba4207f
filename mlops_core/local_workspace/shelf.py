"""Rows and disk together: where an object is, and what a folder really holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.disk_names import DiskRules
from mlops_core.local_workspace.node import DIRECTORY, FILE, NOTEBOOK, Node
from mlops_core.local_workspace.objects import Objects


class Shelf:
    """Finds objects, and makes the rows agree with the disk wherever it is looked at.

    A file that appeared on the disk gets a row, one that has gone loses its row. Callers that
    change something hold a transaction.
    """

    def __init__(self, database: Database, root: Path, notebooks: Path) -> None:
        self.objects = Objects(database)
        self.on_experiment_removed: list[Callable[[str], None]] = []
        self._database = database
        self._root = root
        self._notebooks = notebooks

    def install(self, rules: DiskRules) -> None:
        """Create the table with its root; ``rules`` tell what names the disk can hold."""
        self._rules = rules
        self.objects.install(now())

    def locate(self, parts: tuple[str, ...]) -> tuple[Node | None, Path]:
        """The object with these parts in its path, and where it lies, or would lie, on the disk."""
        node: Node | None = self.objects.root()
        place = self._root
        for name in parts:
            node, place = self._step(node, place, name)
        return node, place

    def reconcile(self, parent: Node, folder: Path) -> list[Node]:
        """What is in a folder, after its rows were made to agree with its disk."""
        entries = disk.look_into(folder)
        known = self.objects.children(parent)
        gone = [node for node in known if not _agrees(node, entries.get(node.disk_name))]
        for node in gone:
            self.forget(node)
        kept = [node for node in known if node not in gone]
        fresh = entries.keys() - {node.disk_name for node in kept if node.is_on_disk}
        fresh -= {node.name for node in kept}
        for name in sorted(fresh):
            node = replace(new_node(parent, name, entries[name].kind), disk_name=name)
            self.objects.add(replace(node, created_at=entries[name].modified_at))
        if gone or fresh:
            kept = self.objects.children(parent)
        return [_refreshed(node, entries.get(node.disk_name)) for node in kept]

    def forget(self, top: Node) -> None:
        """Remove the rows of an object and of all below it; experiments are told to listeners."""
        for node in reversed(list(self.objects.subtree(top))):
            self.objects.delete(node)
            if node.kind == NOTEBOOK:
                disk.discard(self._notebooks / node.disk_name)
            if node.experiment_id:
                for listener in self.on_experiment_removed:
                    listener(node.experiment_id)

    def put(self, node: Node) -> Node:
        """Store a new object (its id is 0), or the new state of one."""
        if not node.object_id:
            return self.objects.add(node)
        self.objects.update(node)
        return node

    def disk_name(self, folder: Path, name: str) -> str:
        """The name for a new entry of a folder on the disk."""
        if self._rules.is_plain(name):
            return name
        return self._rules.disk_name(name, disk.look_into(folder))

    def _step(self, parent: Node | None, folder: Path, name: str) -> tuple[Node | None, Path]:
        if parent is None or not parent.is_folder:
            return None, folder / name
        node = self.objects.child(parent, name)
        entry = disk.look(folder / (node.disk_name if node else name))
        if node is None and entry is None:
            return None, folder / self.disk_name(folder, name)
        if node is None or not _agrees(node, entry):
            with self._database.transaction():
                self.reconcile(parent, folder)
                node = self.objects.child(parent, name)
            entry = disk.look(folder / (node.disk_name if node else name))
        if node is None:
            return None, folder / name
        return _refreshed(node, entry), folder / node.disk_name


def now() -> int:
    """The server's clock, in milliseconds."""
    return time.time_ns() // 1_000_000


def new_node(parent: Node, name: str, kind: str) -> Node:
    """An object that is not stored yet."""
    moment = now()
    path = f"{parent.path.rstrip('/')}/{name}"
    return Node(path, kind, 0, parent.object_id, "", moment, moment)


def _agrees(node: Node, entry: disk.Entry | None) -> bool:
    if not node.is_on_disk:
        return True
    return entry is not None and (entry.kind == DIRECTORY) == node.is_folder


def _refreshed(node: Node, entry: disk.Entry | None) -> Node:
    if node.kind != FILE or entry is None:
        return node
    return replace(node, size=entry.size, modified_at=entry.modified_at)
