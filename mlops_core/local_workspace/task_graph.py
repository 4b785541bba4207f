"""Which task of a run comes when, which do not run at all, and what their ends add up to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlops_core.local_workspace.run_record import SUCCESS, RunRecord, RunStatus

_GOOD = {"SUCCESS", "EXCLUDED"}

_RUN_IF: Mapping[str, Callable[[list[bool]], bool]] = {
    "ALL_SUCCESS": all,
    "ALL_DONE": lambda _: True,
    "NONE_FAILED": all,
    "AT_LEAST_ONE_SUCCESS": any,
    "ALL_FAILED": lambda good: not any(good),
    "AT_LEAST_ONE_FAILED": lambda good: not all(good),
}


def depends_on(spec: Mapping[str, object]) -> list[str]:
    """The keys of the tasks that this one waits for."""
    given = spec.get("depends_on")
    entries = given if isinstance(given, list) else []
    return [str(one["task_key"]) for one in entries if isinstance(one, Mapping)]


def task_order(tasks: Sequence[RunRecord]) -> list[RunRecord]:
    """The tasks, each after those that it depends on; ValueError names a circle."""
    waiting = list(tasks)
    ordered: list[RunRecord] = []
    while waiting:
        known = {task.name for task in ordered}
        ready = [task for task in waiting if known.issuperset(depends_on(task.spec))]
        if not ready:
            raise ValueError(", ".join(task.name for task in waiting))
        ordered += ready
        waiting = [task for task in waiting if task not in ready]
    return ordered


def skipped_status(task: RunRecord, ended: Mapping[str, RunRecord]) -> RunStatus | None:
    """How the task ends without having run, None if it may run."""
    before = [ended[key].status for key in depends_on(task.spec)]
    good = [status.result in _GOOD for status in before]
    may_run = _RUN_IF.get(str(task.spec.get("run_if", "ALL_SUCCESS")), all)
    if not before or may_run(good):
        return None
    if any(status.result in {"CANCELED", "UPSTREAM_CANCELED"} for status in before):
        return RunStatus("TERMINATED", "UPSTREAM_CANCELED", "An upstream task was cancelled.")
    if all(good):
        return RunStatus("TERMINATED", "EXCLUDED", "The run_if condition was not met.")
    return RunStatus("TERMINATED", "UPSTREAM_FAILED", "An upstream task failed.", "SKIPPED")


def summary(tasks: Sequence[RunRecord]) -> RunStatus:
    """The run's end: a failed task makes it INTERNAL_ERROR with FAILED (databricks_api 7)."""
    failed = [task for task in tasks if task.status.result not in {*_GOOD, "UPSTREAM_FAILED"}]
    if not failed:
        return SUCCESS
    first = failed[0]
    message = f"Task {first.name} failed with message: {first.status.message}"
    if first.status.result != "FAILED":
        return first.status
    return RunStatus("INTERNAL_ERROR", "FAILED", message, first.status.code)
