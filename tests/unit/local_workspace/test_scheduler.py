"""Schedules fire at their times, once for whatever was missed; the clock is the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

from mlops_core.local_workspace.application import open_services
from mlops_core.local_workspace.job_record import JobRecord, JobRecords
from mlops_core.local_workspace.jobs_part import open_jobs
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_record import RunRecord
from mlops_core.local_workspace.scheduler import Scheduler

DAILY = {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC"}


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@dataclass
class Workspace:
    """Jobs of an embedded workspace; a job without tasks runs and ends at once."""

    folder: Path
    now: float = 0.0
    jobs: JobRecords = field(init=False)
    engine: RunEngine = field(init=False)
    scheduler: Scheduler = field(init=False)

    def opened(self) -> Iterator[None]:
        with open_services(self.folder, lambda: ("http://127.0.0.1:1", "t")) as services:
            self.engine = open_jobs(services).engine
            self.jobs = JobRecords(services.database)
            self.scheduler = Scheduler(services.database, self.jobs, self.engine, lambda: self.now)
            yield
            self.engine.shutdown()

    def save(self, schedule: dict[str, str], job_id: int = 7) -> None:
        self.jobs.save(JobRecord(job_id, "you@local", 0, {"name": "j", "schedule": schedule}))

    def fire_at(self, time: str) -> float | None:
        self.now = at(time)
        return self.scheduler.fire_due()

    def runs(self) -> list[RunRecord]:
        return self.engine.records.runs()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "data")
    made.folder.mkdir()
    session = made.opened()
    next(session)
    yield made
    for _ in session:
        raise AssertionError


def test_a_job_fires_at_its_time_and_not_before(workspace: Workspace) -> None:
    workspace.save(DAILY)
    assert workspace.fire_at("2026-01-01 02:00:00") == 3600
    assert workspace.fire_at("2026-01-01 02:59:59") == 1
    assert workspace.runs() == []
    assert workspace.fire_at("2026-01-01 03:00:00") == 24 * 3600
    (run,) = workspace.runs()
    assert (run.job_id, run.run_type, run.trigger) == (7, "JOB_RUN", "PERIODIC")


def test_a_paused_job_does_not_fire_nor_catch_up(workspace: Workspace) -> None:
    workspace.save(DAILY)
    workspace.fire_at("2026-01-01 02:00:00")
    workspace.save({**DAILY, "pause_status": "PAUSED"})
    assert workspace.fire_at("2026-01-02 12:00:00") is None
    workspace.save({**DAILY, "pause_status": "UNPAUSED"})
    assert workspace.fire_at("2026-01-02 13:00:00") == 14 * 3600
    assert workspace.runs() == []


def test_times_that_were_missed_fire_once_after_a_restart(tmp_path: Path) -> None:
    tmp_path.joinpath("data").mkdir()
    before = Workspace(tmp_path / "data")
    for _ in before.opened():
        before.save(DAILY)
        before.fire_at("2026-01-01 02:00:00")
    after = Workspace(tmp_path / "data")
    for _ in after.opened():
        assert after.fire_at("2026-01-04 12:00:00") == 15 * 3600
        after.fire_at("2026-01-04 12:00:01")
        assert len(after.runs()) == 1


def test_a_server_killed_while_firing_does_not_fire_twice(workspace: Workspace) -> None:
    workspace.save(DAILY)
    workspace.fire_at("2026-01-01 02:00:00")
    remembered = workspace.scheduler._database.execute("SELECT * FROM schedule")[0]
    workspace.fire_at("2026-01-01 03:00:00")
    # As if the kill had come between the run's start and this record.
    sql = "UPDATE schedule SET next_at = ?"
    workspace.scheduler._database.execute(sql, remembered["next_at"])
    workspace.fire_at("2026-01-01 03:00:05")
    assert len(workspace.runs()) == 1


def test_a_new_schedule_counts_from_now(workspace: Workspace) -> None:
    workspace.save(DAILY)
    workspace.fire_at("2026-01-01 02:00:00")
    workspace.save({**DAILY, "quartz_cron_expression": "0 0 1 * * ?"})
    assert workspace.fire_at("2026-01-01 02:00:00") == 23 * 3600
    assert workspace.runs() == []


def test_there_are_at_least_ten_seconds_between_two_times(workspace: Workspace) -> None:
    workspace.save({**DAILY, "quartz_cron_expression": "* * * * * ?"})
    assert workspace.fire_at("2026-01-01 00:00:00") == 1
    assert workspace.fire_at("2026-01-01 00:00:01") == 10


def test_a_deleted_job_is_forgotten(workspace: Workspace) -> None:
    workspace.save(DAILY)
    workspace.fire_at("2026-01-01 02:00:00")
    workspace.jobs.delete(7)
    assert workspace.fire_at("2026-01-01 03:00:00") is None
    assert workspace.runs() == []
