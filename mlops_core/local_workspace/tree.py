"""The workspace tree: a row for each object, and real files where runs look for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.node import (
    DIRECTORY,
    EXPERIMENT,
    FILE,
    FOLDERS,
    NOTEBOOK,
    Node,
    join_path,
    split_path,
)
from mlops_core.local_workspace.notebook_text import as_source
from mlops_core.local_workspace.objects import Objects
from mlops_core.local_workspace.replies import EXISTS, NOT_FOUND, ApiError, invalid, missing


class Tree:
    """Find, list, write and remove objects; looking at a folder accepts what its disk holds.

    ``root`` is /Workspace for the processes of runs: every FILE and DIRECTORY lies there under
    its own name (or one that the disk can hold). Notebooks lie elsewhere, exactly as sent.
    Paths may be spelled with or without /Workspace. Safe to use from many threads.
    """

    def __init__(self, database: Database, data_folder: Path) -> None:
        self.root = data_folder / "root"
        self.incoming = data_folder / "incoming"
        self.on_experiment_removed: list[Callable[[str], None]] = []
        self._notebooks = data_folder / "notebooks"
        self._database = database
        self._objects = Objects(database)

    def install(self, user: str) -> None:
        """Create what a new workspace has from its start: /Users/{user}, /Shared, /Repos."""
        disk.discard(self.incoming)  # what an interrupted upload left
        for folder in (self.root, self.incoming, self._notebooks):
            folder.mkdir(exist_ok=True)
        self._rules = disk.probe_rules(self.incoming)
        self._objects.install(now())
        for path in ("/Shared", "/Repos", f"/Users/{user}"):
            self.make_folder(path)

    def find(self, path: str) -> Node | None:
        """The object at ``path``, if there is one."""
        return self._locate(split_path(path))[0]

    def require(self, path: str) -> Node:
        """The object at ``path``; ApiError 404 in the words of the request."""
        node = self.find(path)
        if node is None:
            raise missing(path)
        return node

    def local_path(self, path: str) -> Path:
        """Where a file or folder lies, or would lie, on the disk."""
        return self._locate(split_path(path))[1]

    def children(self, path: str) -> tuple[Node, ...]:
        """The objects in a folder, by name; ApiError 404 without one."""
        parent, folder = self._locate(split_path(path))
        if parent is None:
            raise missing(path)
        with self._database.transaction():
            return tuple(self._reconcile(parent, folder)) if parent.is_folder else ()

    def walk(self, path: str) -> tuple[Node, ...]:
        """Everything below a folder, parents first."""
        found: list[Node] = []
        for node in self.children(path):
            found.append(node)
            if node.is_folder:
                found += self.walk(node.path)
        return tuple(found)

    def make_folder(self, path: str) -> Node:
        """The folder at ``path``, made with its parents where missing; an existing one is fine."""
        parts = split_path(path)
        node = self._objects.root()
        with self._database.transaction():
            for count in range(1, len(parts) + 1):
                node = self._folder_at(parts[:count])
        return node

    def add_other(self, path: str, kind: str) -> Node:
        """Put an object of another kind into the tree: a REPO is a folder, others have no content."""
        with self._database.transaction():
            parent, folder, name = self._free_place(path)
            if kind in FOLDERS:
                return self._new_folder(parent, folder, name, kind)
            return self._objects.add(_new(parent, name, kind))

    def add_experiment(self, path: str, experiment_id: str) -> Node:
        """Put an experiment into the tree, refused as the service does it.

        ApiError: RESOURCE_DOES_NOT_EXIST without its parent folder, RESOURCE_ALREADY_EXISTS for a
        second one, INVALID_PARAMETER_VALUE where there is an object of another kind.
        """
        with self._database.transaction():
            self.check_experiment(path)
            parent, _, name = self._free_place(path)
            wanted = int(experiment_id) if experiment_id.isdecimal() else 0
            fresh = replace(_new(parent, name, EXPERIMENT), experiment_id=experiment_id)
            is_free = not self._database.execute(
                "SELECT 1 FROM objects WHERE object_id = ?", wanted
            )
            return self._objects.add(replace(fresh, object_id=wanted if is_free else 0))

    def check_experiment(self, path: str) -> None:
        """Whether an experiment could be made at ``path``; the ApiErrors of `add_experiment`."""
        there = self.find(path)
        if there is None:
            parent = join_path(split_path(path)[:-1])
            if self.find(parent) is None:
                raise ApiError(404, NOT_FOUND, f"Parent directory {parent} does not exist.")
        elif there.kind == EXPERIMENT:
            raise ApiError(400, EXISTS, f"Node named '{there.name}' already exists")
        else:
            raise invalid(
                f"Expected id '{there.object_id}' to be an MLflow experiment or Databricks"
                f" notebook, found '{there.kind}'"
            )

    def experiment_path(self, experiment_id: str) -> str | None:
        """Where an experiment is in the tree, None if it is not."""
        return self._objects.path_of_experiment(experiment_id)

    def write_notebook(self, path: str, content: bytes, *, language: str, flavour: str) -> Node:
        """Create or replace a notebook; what may replace what is the caller's decision."""
        blob = disk.stage(content, self._notebooks)
        with self._database.transaction():
            old = self.find(path)
            parent, _, name = self._place(path)
            fresh = replace(
                old or _new(parent, name, NOTEBOOK),
                disk_name=blob.name,
                language=language,
                flavour=flavour,
                size=len(content),
                modified_at=now(),
            )
            node = self._put(fresh, is_new=old is None)
        if old:
            disk.discard(self._notebooks / old.disk_name)
        return node

    def write_file(self, path: str, staged: Path) -> Node:
        """Create or replace a file by moving ``staged`` (from `incoming`) into its place."""
        with self._database.transaction():
            old = self.find(path)
            parent, folder, name = self._place(path)
            fresh = old or replace(_new(parent, name, FILE), disk_name=self._name(folder, name))
            moment = now()
            disk.place(staged, folder / fresh.disk_name, moment)
            fresh = replace(fresh, modified_at=moment)
            return self._refresh(self._put(fresh, is_new=old is None), folder)

    def remove(self, path: str) -> None:
        """Delete an object and all that is below it; experiments are told to those who listen."""
        with self._database.transaction():
            node, place = self._locate(split_path(path))
            if node is None:
                raise missing(path)
            self._forget(node)
            if node.kind == FILE or node.is_folder:
                disk.discard(place)

    def rename(self, path: str, new_path: str) -> Node:
        """Move an object; nothing may be at ``new_path``, whose parent must be there."""
        with self._database.transaction():
            node, place = self._locate(split_path(path))
            if node is None:
                raise missing(path)
            parent, folder, name = self._free_place(new_path)
            moved = replace(node, path=_below(parent, name), parent_id=parent.object_id)
            if node.kind == FILE or node.is_folder:
                moved = replace(moved, disk_name=self._name(folder, name))
                place.rename(folder / moved.disk_name)
            self._objects.update(moved)
            return moved

    def read_bytes(self, node: Node) -> bytes:
        """A file's or a notebook's content, as sent."""
        return self.content_path(node).read_bytes()

    def read_source(self, node: Node) -> str:
        """A notebook as the source script of its language, whatever its flavour."""
        text = as_source(self.read_bytes(node), node.language or "", node.flavour or "")
        return text.decode("utf-8")

    def content_path(self, node: Node) -> Path:
        """Where a file's or a notebook's content lies; ApiError for objects without any."""
        if node.kind == NOTEBOOK:
            return self._notebooks / node.disk_name
        if node.kind != FILE:
            raise invalid(f"{node.path} is no file: it is a {node.kind}")
        return self.local_path(node.path)

    def _locate(self, parts: tuple[str, ...]) -> tuple[Node | None, Path]:
        node: Node | None = self._objects.root()
        place = self.root
        for name in parts:
            node, place = self._step(node, place, name)
        return node, place

    def _step(self, parent: Node | None, folder: Path, name: str) -> tuple[Node | None, Path]:
        if parent is None or not parent.is_folder:
            return None, folder / name
        node = self._objects.child(parent, name)
        if node is None and not disk.look(folder / name):
            return None, folder / self._name(folder, name)
        if node is None or not self._is_on_disk(node, folder):
            with self._database.transaction():
                self._reconcile(parent, folder)
                node = self._objects.child(parent, name)
        if node is None:
            return None, folder / name
        return self._refresh(node, folder), folder / node.disk_name

    def _is_on_disk(self, node: Node, folder: Path) -> bool:
        if node.kind != FILE and not node.is_folder:
            return True
        entry = disk.look(folder / node.disk_name)
        return entry is not None and (entry.kind == DIRECTORY) == node.is_folder

    def _refresh(self, node: Node, folder: Path) -> Node:
        entry = disk.look(folder / node.disk_name) if node.kind == FILE else None
        return replace(node, size=entry.size, modified_at=entry.modified_at) if entry else node

    def _reconcile(self, parent: Node, folder: Path) -> list[Node]:
        entries = disk.look_into(folder)
        known = self._objects.children(parent)
        on_disk = {node.disk_name for node in known if node.kind == FILE or node.is_folder}
        gone = [node for node in known if not _agrees(node, entries)]
        for node in gone:
            self._forget(node)
        names = {node.name for node in known} - {node.name for node in gone}
        fresh = [name for name in entries if name not in on_disk - _disk_names(gone)]
        for name in fresh:
            if name not in names:
                new = replace(_new(parent, name, entries[name].kind), disk_name=name)
                self._objects.add(replace(new, created_at=entries[name].modified_at))
        if gone or fresh:
            known = self._objects.children(parent)
        return [self._from_entry(node, entries) for node in known]

    def _from_entry(self, node: Node, entries: dict[str, disk.Entry]) -> Node:
        entry = entries.get(node.disk_name) if node.kind == FILE else None
        return replace(node, size=entry.size, modified_at=entry.modified_at) if entry else node

    def _folder_at(self, parts: tuple[str, ...]) -> Node:
        node, place = self._locate(parts)
        if node is None:
            parent = self._locate(parts[:-1])[0] or self._objects.root()
            return self._new_folder(parent, place.parent, parts[-1], DIRECTORY)
        if not node.is_folder:
            raise ApiError(400, EXISTS, f"{node.path} already exists and is a {node.kind}")
        return node

    def _new_folder(self, parent: Node, folder: Path, name: str, kind: str) -> Node:
        disk_name = self._name(folder, name)
        (folder / disk_name).mkdir(exist_ok=True)
        return self._objects.add(replace(_new(parent, name, kind), disk_name=disk_name))

    def _place(self, path: str) -> tuple[Node, Path, str]:
        parts = split_path(path)
        parent, folder = self._locate(parts[:-1])
        if parent is None or not parent.is_folder or not parts:
            raise ApiError(
                404, NOT_FOUND, f"The parent folder ({join_path(parts[:-1])}) does not exist."
            )
        return parent, folder, parts[-1]

    def _free_place(self, path: str) -> tuple[Node, Path, str]:
        if self.find(path):
            raise ApiError(400, EXISTS, f"{path} already exists")
        return self._place(path)

    def _name(self, folder: Path, name: str) -> str:
        if self._rules.is_plain(name):
            return name
        return self._rules.disk_name(name, disk.look_into(folder))

    def _put(self, node: Node, *, is_new: bool) -> Node:
        if is_new:
            return self._objects.add(node)
        self._objects.update(node)
        return node

    def _forget(self, top: Node) -> None:
        for node in reversed(list(self._objects.subtree(top))):
            self._objects.delete(node)
            if node.kind == NOTEBOOK:
                disk.discard(self._notebooks / node.disk_name)
            if node.experiment_id:
                for listener in self.on_experiment_removed:
                    listener(node.experiment_id)


def now() -> int:
    """The server's clock, in milliseconds."""
    return time.time_ns() // 1_000_000


def _below(parent: Node, name: str) -> str:
    return f"{parent.path.rstrip('/')}/{name}"


def _new(parent: Node, name: str, kind: str) -> Node:
    moment = now()
    return Node(_below(parent, name), kind, 0, parent.object_id, "", moment, moment)


def _disk_names(nodes: list[Node]) -> set[str]:
    return {node.disk_name for node in nodes}


def _agrees(node: Node, entries: dict[str, disk.Entry]) -> bool:
    if node.kind != FILE and not node.is_folder:
        return True
    entry = entries.get(node.disk_name)
    return entry is not None and (entry.kind == DIRECTORY) == node.is_folder
