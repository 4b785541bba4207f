"""Starts runs: of a request that is not saved, and of saved jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlops_core.local_workspace.job_record import JobRecord
from mlops_core.local_workspace.replies import invalid
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_record import RunRecord, RunStatus
from mlops_core.local_workspace.run_request import RunRequest, given_tasks, whole_number
from mlops_core.local_workspace.task_graph import task_order

_TOO_MANY = RunStatus(
    "SKIPPED",
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "The job has as many runs as max_concurrent_runs allows.",
    "MAX_CONCURRENT_RUNS_EXCEEDED",
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a `run-now` gives a job for this one time."""

    notebook: Mapping[str, object]
    python: list[object] | None
    job: Mapping[str, object]


def start_submitted(engine: RunEngine, request: RunRequest) -> RunRecord:
    """A new run, or the one that this idempotency token has started before."""
    if known := known_run(engine, request.token):
        return known
    run = RunRecord(
        run_id=engine.records.next_number(),
        job_id=engine.records.next_number(),
        name=request.name,
        started_at=engine.now(),
        token=request.token,
        timeout=request.timeout,
        spec=request.spec,
    )
    return _begin(engine, run, request.tasks)


def start_job(
    engine: RunEngine, job: JobRecord, given: Parameters, *, token: str | None, trigger: str
) -> RunRecord:
    """A run of a saved job; SKIPPED at once when the job has as many as it may have."""
    if known := known_run(engine, token):
        return known
    settings = job.settings
    run = RunRecord(
        run_id=engine.records.next_number(),
        job_id=job.job_id,
        name=job.name,
        started_at=engine.now(),
        token=token,
        run_type="JOB_RUN",
        trigger=trigger,
        timeout=whole_number(settings, "timeout_seconds", 0),
        spec={"environments": settings.get("environments", [])},
    )
    tasks = [_with_parameters(task, settings, given) for task in given_tasks(settings)]
    if len(engine.records.active(job.job_id)) >= whole_number(settings, "max_concurrent_runs", 1):
        skipped = replace(run, status=_TOO_MANY, ended_at=run.started_at)
        engine.records.save(skipped)
        return skipped
    return _begin(engine, run, tasks)


def known_run(engine: RunEngine, token: str | None) -> RunRecord | None:
    """The run of this idempotency token; an error if that run was deleted."""
    known = engine.records.with_token(token) if token else None
    if known and known.is_deleted:
        raise invalid(f"The run of idempotency_token {token} was deleted")
    return known


def _begin(
    engine: RunEngine,
    run: RunRecord,
    tasks: tuple[Mapping[str, object], ...] | list[dict[str, object]],
) -> RunRecord:
    records = [
        RunRecord(
            run_id=engine.records.next_number(),
            parent_id=run.run_id,
            job_id=run.job_id,
            name=str(task["task_key"]),
            started_at=run.started_at,
            run_type=run.run_type,
            timeout=whole_number(task, "timeout_seconds", 0),
            spec=task,
        )
        for task in tasks
    ]
    try:
        task_order(records)
    except ValueError as error:
        raise invalid(f"The tasks depend on each other in a circle: {error}") from None
    engine.start(run, records)
    return run


def _with_parameters(
    task: Mapping[str, object], settings: Mapping[str, object], given: Parameters
) -> dict[str, object]:
    changed = dict(task)
    notebook, python = task.get("notebook_task"), task.get("spark_python_task")
    if isinstance(notebook, Mapping):
        own = notebook.get("base_parameters") or {}
        values = {**own, **_job_parameters(settings), **given.notebook, **given.job}
        changed["notebook_task"] = {**notebook, "base_parameters": values}
    if isinstance(python, Mapping) and given.python is not None:
        changed["spark_python_task"] = {**python, "parameters": given.python}
    return changed


def _job_parameters(settings: Mapping[str, object]) -> dict[str, object]:
    declared = settings.get("parameters")
    entries = declared if isinstance(declared, list) else []
    return {str(one["name"]): one.get("default", "") for one in entries if isinstance(one, Mapping)}
