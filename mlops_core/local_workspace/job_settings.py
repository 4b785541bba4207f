"""A saved job's settings: what is refused, what is stored, what the service adds to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_core.local_workspace.replies import invalid
from mlops_core.local_workspace.run_request import given_tasks, list_field, whole_number
from mlops_core.local_workspace.schedules import BadSchedule, read_timetable

NAME_LIMIT = 4096
_MOST_TAGS = 25
_MOST_RUNS = 1000
_KEYED = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}
_TASK_FIELDS_OF_2_0 = ("spark_python_task", "notebook_task", "existing_cluster_id", "new_cluster")
_NOT_SETTINGS = ("job_id", "access_control_list", "idempotency_token")


def check_settings(body: Mapping[str, object]) -> dict[str, object]:
    """The settings to store; the older form with one task at the top level becomes `tasks`."""
    settings = {key: value for key, value in body.items() if key not in _NOT_SETTINGS}
    if len(str(settings.get("name", "")).encode()) > NAME_LIMIT:
        raise invalid(f"The job's name must have at most {NAME_LIMIT} bytes")
    tags = settings.get("tags")
    if isinstance(tags, Mapping) and len(tags) > _MOST_TAGS:
        raise invalid(f"A job may have at most {_MOST_TAGS} tags")
    if not 0 <= whole_number(settings, "max_concurrent_runs", 1) <= _MOST_RUNS:
        raise invalid(f"max_concurrent_runs must be between 0 and {_MOST_RUNS}")
    _check_schedule(settings)
    tasks = given_tasks(settings)
    if tasks:
        for name in (*_TASK_FIELDS_OF_2_0, "libraries"):
            settings.pop(name, None)
        settings["tasks"] = [dict(task) for task in tasks]
    return settings


def updated_settings(
    old: Mapping[str, object], new: Mapping[str, object], removed: Sequence[str]
) -> dict[str, object]:
    """``old`` with ``new`` on top: lists with keys are merged by key, the rest is replaced."""
    settings = {**old, **new}
    for name, key in _KEYED.items():
        if name in new and name in old:
            merged = {_key(one, key): one for one in list_field(old, name)}
            merged |= {_key(one, key): one for one in list_field(new, name)}
            settings[name] = list(merged.values())
    for field in removed:
        name, _, member = field.partition("/")
        if member and name in _KEYED:
            left = [one for one in list_field(settings, name) if _key(one, _KEYED[name]) != member]
            settings[name] = left
        else:
            settings.pop(field, None)
    return settings


def shown_settings(settings: Mapping[str, object], *, has_tasks: bool) -> dict[str, object]:
    """The settings as `get` shows them, with the defaults that the service adds."""
    shown: dict[str, object] = {
        "name": "Untitled",
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        **settings,
        "format": "MULTI_TASK",
    }
    schedule = settings.get("schedule")
    if isinstance(schedule, Mapping):
        shown["schedule"] = {"pause_status": "UNPAUSED", **schedule}
    if has_tasks:
        shown["tasks"] = [_shown_task(task) for task in list_field(settings, "tasks")]
    else:
        shown.pop("tasks", None)
    return shown


def _shown_task(task: object) -> object:
    if not isinstance(task, Mapping):
        return task
    shown = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}, **task}
    for kind in ("notebook_task", "spark_python_task"):
        inner = task.get(kind)
        if isinstance(inner, Mapping):
            shown[kind] = {"source": "WORKSPACE", **inner}
    return shown


def _check_schedule(settings: Mapping[str, object]) -> None:
    triggers = [name for name in ("schedule", "continuous", "trigger") if settings.get(name)]
    if len(triggers) > 1:
        raise invalid(f"A job can have only one of {', '.join(triggers)}")
    schedule = settings.get("schedule")
    if not schedule:
        return
    if not isinstance(schedule, Mapping):
        raise invalid("schedule is no object")
    for name in ("quartz_cron_expression", "timezone_id"):
        if not schedule.get(name):
            raise invalid(f"Missing required field: schedule.{name}")
    if schedule.get("pause_status", "PAUSED") not in {"PAUSED", "UNPAUSED"}:
        raise invalid("schedule.pause_status must be PAUSED or UNPAUSED")
    try:
        read_timetable(str(schedule["quartz_cron_expression"]), str(schedule["timezone_id"]))
    except BadSchedule as error:
        raise invalid(f"Invalid schedule: {error}") from None


def _key(entry: object, key: str) -> str:
    return str(entry.get(key)) if isinstance(entry, Mapping) else ""
