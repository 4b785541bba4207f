"""The workspace tree: a row for each object, and real files where runs look for them."""

from __future__ import annotations

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
from mlops_core.local_workspace.replies import EXISTS, NOT_FOUND, ApiError, invalid, missing
from mlops_core.local_workspace.shelf import Shelf, new_node, now


class Tree:
    """Find, list, write and remove objects; looking at a folder accepts what its disk holds.

    ``root`` is /Workspace for the processes of runs: every FILE and DIRECTORY lies there under
    its own name (or one that the disk can hold). Notebooks lie elsewhere, exactly as sent.
    Paths may be spelled with or without /Workspace. Safe to use from many threads.
    """

    def __init__(self, database: Database, data_folder: Path) -> None:
        self.root = data_folder / "root"
        self.incoming = data_folder / "incoming"
        self._notebooks = data_folder / "notebooks"
        self._database = database
        self._shelf = Shelf(database, self.root, self._notebooks)

    def install(self, user: str) -> None:
        """Create what a new workspace has from its start: /Users/{user}, /Shared, /Repos."""
        disk.discard(self.incoming)  # what an interrupted upload left
        for folder in (self.root, self.incoming, self._notebooks):
            folder.mkdir(exist_ok=True)
        self._shelf.install(disk.probe_rules(self.incoming))
        for path in ("/Shared", "/Repos", f"/Users/{user}"):
            self.make_folder(path)

    @property
    def on_experiment_removed(self) -> list[Callable[[str], None]]:
        """Who is told the id of an experiment that was removed from the tree."""
        return self._shelf.on_experiment_removed

    def find(self, path: str) -> Node | None:
        """The object at ``path``, if there is one."""
        return self._shelf.locate(split_path(path))[0]

    def require(self, path: str) -> Node:
        """The object at ``path``; ApiError 404 in the words of the request."""
        node = self.find(path)
        if node is None:
            raise missing(path)
        return node

    def local_path(self, path: str) -> Path:
        """Where a file or folder lies, or would lie, on the disk."""
        return self._shelf.locate(split_path(path))[1]

    def children(self, path: str) -> tuple[Node, ...]:
        """The objects in a folder, by name; ApiError 404 without one."""
        parent, folder = self._shelf.locate(split_path(path))
        if parent is None:
            raise missing(path)
        with self._database.transaction():
            return tuple(self._shelf.reconcile(parent, folder)) if parent.is_folder else ()

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
        node = self._shelf.objects.root()
        with self._database.transaction():
            for count in range(1, len(parts) + 1):
                node = self._folder_at(node, parts[:count])
        return node

    def add_other(self, path: str, kind: str) -> Node:
        """Put an object of another kind into the tree: a REPO is a folder, others hold nothing."""
        with self._database.transaction():
            parent, folder, name = self._free_place(path)
            if kind in FOLDERS:
                return self._new_folder(parent, folder, name, kind)
            return self._shelf.put(new_node(parent, name, kind))

    def add_experiment(self, path: str, experiment_id: str) -> Node:
        """Put an experiment into the tree, refused as the service does it.

        Without an ``experiment_id`` it gets the id of its object, as on Databricks. ApiError:
        RESOURCE_DOES_NOT_EXIST without its parent folder, RESOURCE_ALREADY_EXISTS for a second
        one, INVALID_PARAMETER_VALUE where there is an object of another kind.
        """
        with self._database.transaction():
            self.check_experiment(path)
            parent, _, name = self._free_place(path)
            node = self._shelf.put(new_node(parent, name, EXPERIMENT))
            experiment_id = experiment_id or str(node.object_id)
            return self._shelf.put(replace(node, experiment_id=experiment_id))

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
        return self._shelf.objects.path_of_experiment(experiment_id)

    def write_notebook(self, path: str, content: bytes, *, language: str, flavour: str) -> Node:
        """Create or replace a notebook; what may replace what is the caller's decision."""
        blob = disk.stage(content, self._notebooks)
        with self._database.transaction():
            old = self.find(path)
            parent, _, name = self._place(path)
            node = replace(old, modified_at=now()) if old else new_node(parent, name, NOTEBOOK)
            node = replace(
                node, disk_name=blob.name, language=language, flavour=flavour, size=len(content)
            )
            node = self._shelf.put(node)
        if old:
            disk.discard(self._notebooks / old.disk_name)
        return node

    def write_file(self, path: str, staged: Path) -> Node:
        """Create or replace a file by moving ``staged`` (from `incoming`) into its place."""
        with self._database.transaction():
            parent, folder, name = self._place(path)
            old = self.find(path)
            node = replace(old, modified_at=now()) if old else new_node(parent, name, FILE)
            disk_name = node.disk_name or self._shelf.disk_name(folder, name)
            size = staged.stat().st_size
            disk.place(staged, folder / disk_name, node.modified_at)
            return self._shelf.put(replace(node, disk_name=disk_name, size=size))

    def remove(self, path: str) -> None:
        """Delete an object and all that is below it."""
        with self._database.transaction():
            node, place = self._shelf.locate(split_path(path))
            if node is None:
                raise missing(path)
            self._shelf.forget(node)
            if node.is_on_disk:
                disk.discard(place)

    def rename(self, path: str, new_path: str) -> Node:
        """Move an object; nothing may be at ``new_path``, whose parent must be there."""
        with self._database.transaction():
            node, place = self._shelf.locate(split_path(path))
            if node is None:
                raise missing(path)
            parent, folder, name = self._free_place(new_path)
            moved = new_node(parent, name, node.kind)
            moved = replace(node, path=moved.path, parent_id=parent.object_id)
            if node.is_on_disk:
                moved = replace(moved, disk_name=self._shelf.disk_name(folder, name))
                place.rename(folder / moved.disk_name)
            return self._shelf.put(moved)

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

    def _folder_at(self, parent: Node, parts: tuple[str, ...]) -> Node:
        node, place = self._shelf.locate(parts)
        if node is None:
            return self._new_folder(parent, place.parent, parts[-1], DIRECTORY)
        if not node.is_folder:
            raise ApiError(400, EXISTS, f"{node.path} already exists and is a {node.kind}")
        return node

    def _new_folder(self, parent: Node, folder: Path, name: str, kind: str) -> Node:
        disk_name = self._shelf.disk_name(folder, name)
        (folder / disk_name).mkdir(exist_ok=True)
        return self._shelf.put(replace(new_node(parent, name, kind), disk_name=disk_name))

    def _place(self, path: str) -> tuple[Node, Path, str]:
        parts = split_path(path)
        parent, folder = self._shelf.locate(parts[:-1])
        if parent is None or not parent.is_folder or not parts:
            raise ApiError(
                404, NOT_FOUND, f"The parent folder ({join_path(parts[:-1])}) does not exist."
            )
        return parent, folder, parts[-1]

    def _free_place(self, path: str) -> tuple[Node, Path, str]:
        if self.find(path):
            raise ApiError(400, EXISTS, f"{path} already exists")
        return self._place(path)
