"""The embedded workspace's SQLite file: one connection, one lock, a schema version per part."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlops_core.errors import MlopsError

Value = str | int | float | bytes | None

_OWN_TABLES = """
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Database:
    """Rows for every part of the workspace; safe to use from many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_OWN_TABLES)

    def install(self, part: str, steps: Sequence[str]) -> None:
        """Bring the tables of ``part`` to version ``len(steps)``; step N leads from N to N + 1.

        Raises MlopsError when a newer program wrote this file.
        """
        with self.transaction():
            rows = self.execute("SELECT version FROM parts WHERE name = ?", part)
            version = int(rows[0]["version"]) if rows else 0
            if version > len(steps):
                raise MlopsError(
                    f"{self._path} was written by a newer mlops_core: its {part} tables have"
                    f" version {version}, this one knows {len(steps)}",
                    hint="update mlops_core, or move that folder away to start an empty one",
                )
            for step in steps[version:]:
                self._run_script(step)
            self.execute(
                "INSERT INTO parts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = ?",
                *(part, len(steps), len(steps)),
            )

    def execute(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """All rows of one statement."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def insert(self, sql: str, *values: Value) -> int:
        """Run an INSERT and return the new row's id."""
        with self._lock:
            return int(self._connection.execute(sql, values).lastrowid or 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; other threads wait. An inner transaction is part of the outer one."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def fact(self, name: str, default: str = "") -> str:
        """A single remembered value."""
        rows = self.execute("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else default

    def remember(self, name: str, value: str) -> None:
        """Store a single value under a name."""
        self.execute(
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            *(name, value, value),
        )

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()

    def _run_script(self, script: str) -> None:
        # executescript would commit the transaction around it
        for statement in script.split(";"):
            if statement.strip():
                self._connection.execute(statement)
