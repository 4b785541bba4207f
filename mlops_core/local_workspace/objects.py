"""The table of workspace objects: one row each, below its parent's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from mlops_core.local_workspace.database import Database, Value
from mlops_core.local_workspace.node import FOLDERS, Node

ROOT_ID = 1_000_000_000_000
"""Ids start here, and are never used twice; MLflow's experiments have theirs far below."""

_SCHEMA = (
    """
    CREATE TABLE objects (
        object_id INTEGER PRIMARY KEY AUTOINCREMENT,
        parent_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        disk_name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        modified_at INTEGER NOT NULL,
        language TEXT,
        flavour TEXT,
        size INTEGER,
        experiment_id TEXT,
        UNIQUE (parent_id, name)
    );
    CREATE INDEX objects_by_experiment ON objects (experiment_id);
    """,
)
_COLUMNS = (
    "parent_id, name, kind, disk_name, created_at, modified_at, language, flavour, size,"
    " experiment_id"
)


class Objects:
    """Rows in and out; knows nothing of the disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def install(self, now: int) -> None:
        """Create the table, and the root's row with it."""
        self._database.install("objects", _SCHEMA)
        self._database.execute(
            f"INSERT OR IGNORE INTO objects (object_id, {_COLUMNS})"  # noqa: S608  # constants
            " VALUES (?, 0, '', 'DIRECTORY', '', ?, ?, NULL, NULL, NULL, NULL)",
            *(ROOT_ID, now, now),
        )

    def root(self) -> Node:
        """The folder that holds everything."""
        rows = self._database.execute("SELECT * FROM objects WHERE object_id = ?", ROOT_ID)
        return _node(rows[0], "/")

    def child(self, parent: Node, name: str) -> Node | None:
        """The object of that name in a folder."""
        rows = self._database.execute(
            "SELECT * FROM objects WHERE parent_id = ? AND name = ?", parent.object_id, name
        )
        return _node(rows[0], _below(parent, name)) if rows else None

    def children(self, parent: Node) -> list[Node]:
        """All objects in a folder, by name."""
        rows = self._database.execute(
            "SELECT * FROM objects WHERE parent_id = ? ORDER BY name", parent.object_id
        )
        return [_node(row, _below(parent, row["name"])) for row in rows]

    def subtree(self, top: Node) -> Iterator[Node]:
        """``top`` and everything below it."""
        yield top
        if top.kind in FOLDERS:
            for node in self.children(top):
                yield from self.subtree(node)

    def path_of_experiment(self, experiment_id: str) -> str | None:
        """Where an experiment is in the tree."""
        rows = self._database.execute(
            "SELECT name, parent_id FROM objects WHERE experiment_id = ?", experiment_id
        )
        if not rows:
            return None
        parts: list[str] = []
        while rows and rows[0]["name"]:
            parts.insert(0, rows[0]["name"])
            rows = self._database.execute(
                "SELECT name, parent_id FROM objects WHERE object_id = ?", rows[0]["parent_id"]
            )
        return "/" + "/".join(parts)

    def add(self, node: Node) -> Node:
        """Store a new object; an ``object_id`` of 0 gets the next free one."""
        marks = ", ".join("?" * 11)
        object_id = self._database.insert(
            f"INSERT INTO objects (object_id, {_COLUMNS}) VALUES ({marks})",  # noqa: S608  # constants
            *(node.object_id or None, *_values(node)),
        )
        found = self._database.execute("SELECT * FROM objects WHERE object_id = ?", object_id)
        return _node(found[0], node.path)

    def update(self, node: Node) -> None:
        """Store all that has changed, name and parent included."""
        columns = ", ".join(f"{name} = ?" for name in _COLUMNS.replace(" ", "").split(","))
        self._database.execute(
            f"UPDATE objects SET {columns} WHERE object_id = ?",  # noqa: S608  # constants
            *(*_values(node), node.object_id),
        )

    def delete(self, node: Node) -> None:
        """Forget one object (not what is below it)."""
        self._database.execute("DELETE FROM objects WHERE object_id = ?", node.object_id)


def _below(parent: Node, name: str) -> str:
    return f"{parent.path.rstrip('/')}/{name}"


def _values(node: Node) -> tuple[Value, ...]:
    return (
        *(node.parent_id, node.name, node.kind, node.disk_name, node.created_at, node.modified_at),
        *(node.language, node.flavour, node.size, node.experiment_id),
    )


def _node(row: sqlite3.Row, path: str) -> Node:
    return Node(
        path=path,
        kind=row["kind"],
        object_id=row["object_id"],
        parent_id=row["parent_id"],
        disk_name=row["disk_name"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        language=row["language"],
        flavour=row["flavour"],
        size=row["size"],
        experiment_id=row["experiment_id"],
    )
