"""Runs in the words of the Jobs API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_core.local_workspace.run_record import RunRecord, RunStatus

_CLIENT_ERRORS = {
    "CANCELED", "USER_CANCELED", "RUN_EXECUTION_ERROR", "LIBRARY_INSTALLATION_ERROR",
    "RESOURCE_NOT_FOUND", "INVALID_RUN_CONFIGURATION", "MAX_CONCURRENT_RUNS_EXCEEDED", "SKIPPED",
}  # fmt: skip
_TASK_FIELDS = (
    "spark_python_task", "notebook_task", "new_cluster", "existing_cluster_id", "job_cluster_key",
    "environment_key", "libraries", "depends_on",
)  # fmt: skip


def run_reply(
    run: RunRecord, tasks: Sequence[RunRecord], site: Mapping[str, str]
) -> dict[str, object]:
    """The answer of `runs/get` in 2.1 and later; ``site`` has `host`, `user` and `org`."""
    return {
        **_common(run, site),
        "creator_user_name": site["user"],
        "run_name": run.name,
        "run_type": run.run_type,
        "trigger": run.trigger,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "format": "MULTI_TASK",
        "tasks": [_task(run, task, site) for task in tasks],
        **run.spec,
    }


def single_reply(
    run: RunRecord, tasks: Sequence[RunRecord], site: Mapping[str, str]
) -> dict[str, object]:
    """The answer of `runs/get` in 2.0, which knows one task at the top level."""
    reply = run_reply(run, tasks, site)
    reply |= {"format": "SINGLE_TASK" if len(tasks) == 1 else "MULTI_TASK"}
    if len(tasks) == 1:
        only = tasks[0].spec
        reply["task"] = {key: only[key] for key in _TASK_FIELDS[:2] if key in only}
        reply["cluster_spec"] = {key: only[key] for key in _TASK_FIELDS[2:4] if key in only}
    return reply


def state_reply(status: RunStatus) -> dict[str, object]:
    """The older `state`."""
    state: dict[str, object] = {"life_cycle_state": status.life_cycle}
    if status.result:
        state["result_state"] = status.result
    return state | {
        "state_message": status.message,
        "user_cancelled_or_timedout": status.result in {"CANCELED", "TIMEDOUT"},
    }


def status_reply(status: RunStatus) -> dict[str, object]:
    """The newer `status`."""
    if not status.is_over:
        return {"state": status.life_cycle}
    code = status.code or "SKIPPED"
    kind = "CLIENT_ERROR" if code in _CLIENT_ERRORS else "INTERNAL_ERROR"
    details = {
        "code": code,
        "type": "SUCCESS" if code == "SUCCESS" else kind,
        "message": status.message,
    }
    return {"state": "TERMINATED", "termination_details": details}


def page_url(run: RunRecord, run_id: int, site: Mapping[str, str]) -> str:
    """Where the browser finds the run."""
    return f"{site['host']}/jobs/{run.job_id}/runs/{run_id}?o={site['org']}"


def _common(record: RunRecord, site: Mapping[str, str]) -> dict[str, object]:
    ended = record.ended_at or 0
    return {
        "job_id": record.job_id,
        "run_id": record.run_id,
        "state": state_reply(record.status),
        "status": status_reply(record.status),
        "start_time": record.started_at,
        "end_time": ended,
        "setup_duration": 0,
        "execution_duration": max(0, ended - record.started_at),
        "cleanup_duration": 0,
        "run_page_url": page_url(record, record.run_id, site),
    }


def _task(run: RunRecord, task: RunRecord, site: Mapping[str, str]) -> dict[str, object]:
    common = _common(task, site)
    del common["job_id"]
    return {
        **common,
        "task_key": task.name,
        "attempt_number": 0,
        "run_if": str(task.spec.get("run_if", "ALL_SUCCESS")),
        "cluster_instance": {
            "cluster_id": task.spec.get("existing_cluster_id", f"local-{run.run_id}")
        },
        **{key: task.spec[key] for key in _TASK_FIELDS if key in task.spec},
    }
