"""Schedules over the life of a server: what it missed while it was away fires once."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from threading import Event

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.jobs import CronSchedule, PauseStatus, Run

from mlops_core.local_workspace.lease import acquire


def schedule(pause: PauseStatus) -> CronSchedule:
    return CronSchedule("0 0 3 * * ?", "UTC", pause)


def runs(client: WorkspaceClient, job_id: int) -> list[Run]:
    return list(client.jobs.list_runs(job_id=job_id))


def test_a_missed_time_fires_once_and_a_paused_one_never(tmp_path: Path) -> None:
    folder = tmp_path / ".mlops" / "local-workspace"
    with acquire(folder) as lease:
        client = WorkspaceClient(host=lease.host, token=lease.token)
        awake = client.jobs.create(name="awake", schedule=schedule(PauseStatus.UNPAUSED)).job_id
        paused = client.jobs.create(name="paused", schedule=schedule(PauseStatus.PAUSED)).job_id
        assert awake and paused
        until(lambda: next_times(folder))
    assert list(next_times(folder)) == [awake]
    three_days_ago = int((time.time() - 3 * 24 * 3600) * 1000)
    with sqlite3.connect(folder / "workspace.db") as database:
        database.execute("UPDATE schedule SET next_at = ?", (three_days_ago,))
    for _ in range(2):  # the second server has nothing to make up for
        with acquire(folder) as lease:
            client = WorkspaceClient(host=lease.host, token=lease.token)
            until(lambda: runs(client, awake))  # noqa: B023 - called at once
            assert len(runs(client, awake)) == 1
            assert runs(client, awake)[0].trigger.value == "PERIODIC"
            assert runs(client, paused) == []
    assert next_times(folder)[awake] > time.time() * 1000


def test_a_schedule_that_nobody_understands_is_refused(tmp_path: Path) -> None:
    with acquire(tmp_path / "data") as lease:
        client = WorkspaceClient(host=lease.host, token=lease.token)
        for cron, zone in (("0 3 * * *", "UTC"), ("0 0 3 * * ?", "Mars/Olympus")):
            with pytest.raises(InvalidParameterValue, match="Invalid schedule"):
                client.jobs.create(name="x", schedule=CronSchedule(cron, zone))


def next_times(folder: Path) -> dict[int, int]:
    with sqlite3.connect(folder / "workspace.db") as database:
        return dict(database.execute("SELECT job_id, next_at FROM schedule").fetchall())


def until(answer: object) -> None:
    assert callable(answer)
    deadline = time.monotonic() + 60
    while not answer():
        assert time.monotonic() < deadline
        Event().wait(0.1)
