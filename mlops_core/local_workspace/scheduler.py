"""Starts runs of scheduled jobs at their times, for as long as the server runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.job_record import JobRecord, JobRecords
from mlops_core.local_workspace.replies import ApiError
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_start import Parameters, start_job
from mlops_core.local_workspace.schedules import BadSchedule, read_timetable

_TABLE = "CREATE TABLE schedule (job_id INTEGER PRIMARY KEY, text TEXT NOT NULL, next_at INTEGER)"
_LEAST_PAUSE = timedelta(seconds=10)  # whatever the cron text says (databricks_api 7)
_LONGEST_WAIT = 30.0  # a machine that slept wakes up with the clock further on
_NOTHING_GIVEN = Parameters(notebook={}, python=None, job={})
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """When a job fires next, in milliseconds (None: never again), by the schedule ``text``."""

    text: str
    next_at: int | None


class Scheduler:
    """One thread that waits for the next time. Times survive the server.

    A time that was missed, because the server did not run, fires once; then the schedule goes on.
    """

    def __init__(
        self,
        database: Database,
        jobs: JobRecords,
        engine: RunEngine,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._engine = engine
        self._clock = clock
        self._changed = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._wait_and_fire, daemon=True, name="scheduler")

    def prepare(self) -> None:
        """Make the table where it is missing."""
        self._database.install("schedules", [_TABLE])

    def start(self) -> None:
        """Begin; what was missed fires now."""
        self._thread.start()

    def wake(self) -> None:
        """A job was created, changed or deleted."""
        self._changed.set()

    def shutdown(self) -> None:
        """Start no more runs, and wait for one that is being started."""
        self._is_over = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def fire_due(self) -> float | None:
        """Start what is due; give the seconds until the next time, None if there is none."""
        waits = []
        jobs = {job.job_id: job for job in self._jobs.jobs()}
        known = self._known()
        for job_id in known.keys() - jobs.keys():
            self._forget(job_id)
        for job in jobs.values():
            next_at = self._handle(job, known.get(job.job_id))
            if next_at is not None:
                waits.append(next_at / 1000 - self._clock())
        return max(0.0, min(waits)) if waits else None

    def _wait_and_fire(self) -> None:
        while not self._is_over:
            wait = self.fire_due()
            self._changed.wait(_LONGEST_WAIT if wait is None else min(wait, _LONGEST_WAIT))
            self._changed.clear()

    def _handle(self, job: JobRecord, due: _Due | None) -> int | None:
        schedule = job.settings.get("schedule")
        if not isinstance(schedule, Mapping) or schedule.get("pause_status") == "PAUSED":
            self._forget(job.job_id)
            return None
        cron, zone = str(schedule["quartz_cron_expression"]), str(schedule["timezone_id"])
        now = self._now()
        if due is None or due.text != f"{cron} {zone}":
            due = self._remember(job.job_id, cron, zone, now)
        if due.next_at is None or due.next_at > int(self._clock() * 1000):
            return due.next_at
        self._fire(job, due.next_at)
        pause = _LEAST_PAUSE - timedelta(seconds=1)
        return self._remember(job.job_id, cron, zone, now + pause).next_at

    def _fire(self, job: JobRecord, planned: int) -> None:
        # The token keeps a server that is killed right here from firing this time twice.
        token = f"schedule-{job.job_id}-{planned}"
        try:
            start_job(self._engine, job, _NOTHING_GIVEN, token=token, trigger="PERIODIC")
        except ApiError as error:
            _LOG.warning("job %s cannot start: %s", job.job_id, error)

    def _remember(self, job_id: int, cron: str, zone: str, after: datetime) -> _Due:
        try:
            found = read_timetable(cron, zone).next_after(after)
        except BadSchedule as error:  # of a job that an earlier version saved
            _LOG.warning("job %s: %s", job_id, error)
            found = None
        due = _Due(f"{cron} {zone}", int(found.timestamp() * 1000) if found else None)
        sql = "INSERT OR REPLACE INTO schedule VALUES (?, ?, ?)"
        self._database.execute(sql, job_id, due.text, due.next_at)
        return due

    def _forget(self, job_id: int) -> None:
        self._database.execute("DELETE FROM schedule WHERE job_id = ?", job_id)

    def _known(self) -> dict[int, _Due]:
        rows = self._database.execute("SELECT * FROM schedule")
        return {row["job_id"]: _Due(row["text"], row["next_at"]) for row in rows}

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), timezone.utc)
