"""Jobs and runs of one embedded workspace, put together."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from mlops_core.local_workspace.dbfs_routes import dbfs_router
from mlops_core.local_workspace.job_record import JobRecords
from mlops_core.local_workspace.jobs_routes import JobsApi, jobs_router
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_page import run_page_router
from mlops_core.local_workspace.run_record import RunRecords
from mlops_core.local_workspace.runs_routes import RunsApi, runs_router
from mlops_core.local_workspace.scheduler import Scheduler
from mlops_core.local_workspace.services import Services
from mlops_core.local_workspace.task_launch import Launcher


@dataclass(frozen=True, slots=True)
class JobsPart:
    """What the application includes: the routes, and what begins and ends with the server."""

    router: APIRouter
    engine: RunEngine
    scheduler: Scheduler

    def shutdown(self) -> None:
        """Start nothing more, and end every run."""
        self.scheduler.shutdown()
        self.engine.shutdown()


def open_jobs(services: Services) -> JobsPart:
    """Jobs and runs as they were when the server ended; what was active then is marked so."""
    records, jobs = RunRecords(services.database), JobRecords(services.database)
    records.prepare()
    jobs.prepare()
    launcher = Launcher(
        tree=services.tree,
        folder=services.data_folder / "runs",
        address=services.address,
        user=services.user,
        workspace_id=services.workspace_id,
    )
    engine = RunEngine(records, launcher)
    engine.recover()
    scheduler = Scheduler(services.database, jobs, engine)
    scheduler.prepare()

    def site() -> dict[str, str]:
        host, _ = services.address()
        return {"host": host, "user": services.user, "org": services.workspace_id}

    runs = RunsApi(engine, site, services.switches)
    router = APIRouter()
    api = JobsApi(engine, jobs, services.switches, services.user, on_change=scheduler.wake)
    router.include_router(jobs_router(api))
    router.include_router(runs_router(runs))
    router.include_router(run_page_router(engine))
    router.include_router(dbfs_router())
    return JobsPart(router, engine, scheduler)
