"""Runs and their tasks as the embedded workspace remembers them, one row each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.local_workspace.database import Database, Value

TERMINAL = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})

_TABLES = """
CREATE TABLE run (
    run_id INTEGER PRIMARY KEY,
    parent_id INTEGER,
    job_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL,
    token TEXT UNIQUE,
    body TEXT NOT NULL
);
CREATE INDEX run_by_parent ON run (parent_id);
CREATE INDEX run_by_job ON run (job_id);
CREATE TABLE job_number (number INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT INTO job_number VALUES (1000);
"""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run or a task stands, in the service's words; ``code`` is its termination code."""

    life_cycle: str
    result: str | None = None
    message: str = ""
    code: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.life_cycle in TERMINAL


PENDING = RunStatus("PENDING")
RUNNING = RunStatus("RUNNING", message="In run")
SUCCESS = RunStatus("TERMINATED", "SUCCESS", code="SUCCESS")
CANCELED = RunStatus("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")
TIMED_OUT = RunStatus("TERMINATED", "TIMEDOUT", "Run timed out.", "RUN_EXECUTION_ERROR")
SERVER_ENDED = RunStatus(
    "INTERNAL_ERROR",
    "FAILED",
    "The embedded workspace ended while this run was active.",
    "INTERNAL_ERROR",
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, or (with ``parent_id``) one of its tasks. Times are in milliseconds.

    ``spec`` is what was asked for: of a run its `environments`, `job_parameters` and the like,
    of a task its `spark_python_task` or `notebook_task` with the compute.
    """

    run_id: int
    job_id: int
    name: str
    started_at: int
    parent_id: int | None = None
    token: str | None = None
    run_type: str = "SUBMIT_RUN"
    trigger: str = "ONE_TIME"
    timeout: int = 0
    status: RunStatus = PENDING
    ended_at: int | None = None
    spec: Mapping[str, object] = field(default_factory=dict)
    error: str = ""
    error_trace: str = ""
    result: str | None = None
    is_deleted: bool = False


class RunRecords:
    """Every run since the data folder was made. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> None:
        """Make the tables where they are missing."""
        self._database.install("runs", [_TABLES])

    def next_number(self) -> int:
        """A number that no run and no job has had."""
        return self._database.insert("INSERT INTO job_number DEFAULT VALUES")

    def save(self, *records: RunRecord) -> None:
        """Write new records, or what has become of known ones, all or none."""
        with self._database.transaction():
            for record in records:
                self._database.execute(
                    "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE"
                    " SET started_at = excluded.started_at, is_active = excluded.is_active,"
                    " is_deleted = excluded.is_deleted, body = excluded.body",
                    *_row(record),
                )

    def find(self, run_id: int) -> RunRecord | None:
        """The run or task of that number, None if there is none or it was deleted."""
        found = self._select("run_id = ? AND is_deleted = 0", run_id)
        return found[0] if found else None

    def with_token(self, token: str) -> RunRecord | None:
        """The run that was started with this idempotency token, deleted or not."""
        found = self._select("token = ?", token)
        return found[0] if found else None

    def tasks(self, run_id: int) -> list[RunRecord]:
        """The tasks of a run, in the order in which they were given."""
        return sorted(self._select("parent_id = ?", run_id), key=lambda task: task.run_id)

    def active(self, job_id: int | None = None) -> list[RunRecord]:
        """The runs that are not over, of one job or of all."""
        if job_id is None:
            return self._select("parent_id IS NULL AND is_active = 1")
        return self._select("parent_id IS NULL AND is_active = 1 AND job_id = ?", job_id)

    def runs(self) -> list[RunRecord]:
        """Every run that was not deleted, the newest first."""
        found = self._select("parent_id IS NULL AND is_deleted = 0")
        return sorted(found, key=lambda run: (run.started_at, run.run_id), reverse=True)

    def _select(self, condition: str, *values: Value) -> list[RunRecord]:
        rows = self._database.execute(
            f"SELECT body FROM run WHERE {condition}",  # noqa: S608 - literals of this class
            *values,
        )
        return [_record(json.loads(row["body"])) for row in rows]


def _row(record: RunRecord) -> tuple[Value, ...]:
    return (
        record.run_id,
        record.parent_id,
        record.job_id,
        record.started_at,
        not record.status.is_over,
        record.is_deleted,
        record.token,
        json.dumps(dataclasses.asdict(record)),
    )


def _record(body: dict[str, object]) -> RunRecord:
    status = body.pop("status")
    return RunRecord(status=RunStatus(**status), **body)  # type: ignore[arg-type]  # as _row wrote it
