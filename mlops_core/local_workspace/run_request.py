"""Reads what clients send to the Jobs API; what is wrong with it is said as the service would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.local_workspace.replies import ApiError, invalid

_KINDS = ("spark_python_task", "notebook_task")
_UNSUPPORTED = (
    "spark_jar_task", "spark_submit_task", "pipeline_task", "python_wheel_task", "sql_task",
    "dbt_task", "run_job_task", "condition_task", "for_each_task", "shell_command_task",
    "clean_rooms_notebook_task", "dashboard_task", "power_bi_task", "gen_ai_compute_task",
)  # fmt: skip
_COMPUTE = ("new_cluster", "existing_cluster_id", "job_cluster_key", "environment_key")
_TASK_FIELDS = (*_KINDS, *_UNSUPPORTED, *_COMPUTE, "libraries")
_PATH_OF = {"spark_python_task": "python_file", "notebook_task": "notebook_path"}

TOKEN_LIMIT = 64


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A checked request for a run: its tasks, and what they share."""

    tasks: tuple[Mapping[str, object], ...]
    name: str = "Untitled"
    token: str | None = None
    timeout: int = 0
    spec: Mapping[str, object] = field(default_factory=dict)


def parse_submit(body: Mapping[str, object]) -> RunRequest:
    """The request of `runs/submit`, in the form of 2.0 (one task at the top level) or later."""
    tasks = given_tasks(body)
    if not tasks:
        raise invalid("Missing required field: tasks")
    return RunRequest(
        tasks=tuple(tasks),
        name=str(body.get("run_name") or "Untitled"),
        token=parse_token(body),
        timeout=whole_number(body, "timeout_seconds", 0),
        spec={"environments": list_field(body, "environments")},
    )


def given_tasks(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The checked tasks of a run or a job; the older API has a single one at the top level."""
    tasks = list_field(body, "tasks")
    if not tasks and any(kind in body for kind in (*_KINDS, *_UNSUPPORTED)):
        tasks = [{"task_key": "main", **{key: body[key] for key in _TASK_FIELDS if key in body}}]
    checked = [_check_task(task, body) for task in tasks]
    _check_keys(checked)
    return checked


def parse_token(body: Mapping[str, object]) -> str | None:
    """The idempotency token, None without one."""
    token = body.get("idempotency_token")
    if token and len(str(token)) > TOKEN_LIMIT:
        raise invalid(f"idempotency_token must be at most {TOKEN_LIMIT} characters long")
    return str(token) if token else None


def number_field(body: Mapping[str, object], name: str) -> int:
    """A required whole number, which clients also send as text."""
    if body.get(name) in (None, ""):
        raise invalid(f"Missing required field: {name}")
    return whole_number(body, name, 0)


def whole_number(body: Mapping[str, object], name: str, default: int) -> int:
    """A whole number, which clients also send as text."""
    value = body.get(name)
    if value in (None, ""):
        return default
    try:
        return int(str(value))
    except ValueError:
        raise ApiError(400, "MALFORMED_REQUEST", f"{name} is no whole number: {value!r}") from None


def list_field(body: Mapping[str, object], name: str) -> list[object]:
    """A list, empty when it is not there."""
    value = body.get(name) or []
    if not isinstance(value, list):
        raise ApiError(400, "MALFORMED_REQUEST", f"{name} is no list")
    return value


def _check_task(task: object, body: Mapping[str, object]) -> Mapping[str, object]:
    if not isinstance(task, Mapping) or not task.get("task_key"):
        raise invalid("Missing required field: tasks.task_key")
    key = str(task["task_key"])
    other = [kind for kind in _UNSUPPORTED if kind in task]
    if other:
        raise invalid(
            f"Task {key} has a {other[0]}; the embedded workspace runs {' and '.join(_KINDS)} only"
        )
    kinds = [kind for kind in _KINDS if kind in task]
    if len(kinds) != 1:
        raise invalid(f"Task {key} must have exactly one of {', '.join(_KINDS)}")
    _check_path(key, kinds[0], task[kinds[0]])
    _check_compute(key, task, body)
    return task


def _check_path(key: str, kind: str, task: object) -> None:
    path = task.get(_PATH_OF[kind]) if isinstance(task, Mapping) else None
    if not isinstance(path, str) or not path:
        raise invalid(f"Missing required field: {kind}.{_PATH_OF[kind]} (task {key})")
    is_remote = kind == "spark_python_task" and ":/" in path
    if not path.startswith("/") and not is_remote:
        raise invalid(f"{path} of task {key} is no absolute workspace path")


def _check_compute(key: str, task: Mapping[str, object], body: Mapping[str, object]) -> None:
    given = [name for name in _COMPUTE if task.get(name)]
    if not given and "notebook_task" not in task:
        raise invalid(f"Task {key} must have one of {', '.join(_COMPUTE)}")
    if len(given) > 1:
        raise invalid(f"Task {key} must have only one of {', '.join(given)}")
    cluster = str(task.get("existing_cluster_id", ""))
    if cluster.startswith("missing-"):
        raise invalid(f"Cluster {cluster} does not exist")
    for name, plural in (("job_cluster_key", "job_clusters"), ("environment_key", "environments")):
        known = [one.get(name) for one in list_field(body, plural) if isinstance(one, Mapping)]
        if task.get(name) and task[name] not in known:
            raise invalid(f"Task {key} names the {name} {task[name]}, which {plural} does not have")


def _check_keys(tasks: list[Mapping[str, object]]) -> None:
    keys = [str(task["task_key"]) for task in tasks]
    if len(set(keys)) < len(keys):
        raise invalid(f"Duplicate task_key in {', '.join(keys)}")
    for task in tasks:
        for dependency in list_field(task, "depends_on"):
            other = dependency.get("task_key") if isinstance(dependency, Mapping) else None
            if other not in keys or other == task["task_key"]:
                raise invalid(f"Task {task['task_key']} depends on {other}, which is no other task")
