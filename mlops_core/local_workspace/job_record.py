"""Saved jobs, one row each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.local_workspace.database import Database


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A saved job: its settings as they were sent; ``created_at`` is in milliseconds."""

    job_id: int
    creator: str
    created_at: int
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The job's name; several jobs may share one."""
        return str(self.settings.get("name", "Untitled"))


class JobRecords:
    """Every saved job. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> None:
        """Make the table where it is missing."""
        table = "CREATE TABLE job (job_id INTEGER PRIMARY KEY, body TEXT NOT NULL)"
        self._database.install("jobs", [table])

    def save(self, job: JobRecord) -> None:
        """Write a new job, or the new settings of a known one."""
        self._database.execute(
            "INSERT OR REPLACE INTO job VALUES (?, ?)",
            *(job.job_id, json.dumps(dataclasses.asdict(job))),
        )

    def find(self, job_id: int) -> JobRecord | None:
        """The job of that number, None if there is none."""
        return next((job for job in self.jobs() if job.job_id == job_id), None)

    def jobs(self) -> list[JobRecord]:
        """Every job, the newest first."""
        rows = self._database.execute("SELECT body FROM job ORDER BY job_id DESC")
        return [JobRecord(**json.loads(row["body"])) for row in rows]

    def delete(self, job_id: int) -> None:
        """Forget the job; its runs stay."""
        self._database.execute("DELETE FROM job WHERE job_id = ?", job_id)
