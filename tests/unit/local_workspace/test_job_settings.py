import pytest

from mlops_core.local_workspace.job_settings import (
    check_settings,
    shown_settings,
    updated_settings,
)
from mlops_core.local_workspace.replies import ApiError

TASK = {"task_key": "a", "notebook_task": {"notebook_path": "/n"}}
CRON = {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC"}


def test_the_older_form_becomes_tasks():
    settings = check_settings({"name": "n", "notebook_task": {"notebook_path": "/n"}})
    assert settings == {
        "name": "n",
        "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": "/n"}}],
    }


def test_a_job_without_anything_is_accepted():
    assert check_settings({}) == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": {"timezone_id": "UTC"}}, "schedule.quartz_cron_expression"),
        ({"schedule": {"quartz_cron_expression": "0 0 3 * * ?"}}, "schedule.timezone_id"),
        ({"schedule": {**CRON, "pause_status": "MAYBE"}}, "PAUSED or UNPAUSED"),
        ({"schedule": CRON, "continuous": {"x": 1}}, "only one of schedule, continuous"),
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs"),
        ({"tags": {str(n): "" for n in range(26)}}, "at most 25 tags"),
        ({"name": "x" * 4097}, "4096"),
    ],
)
def test_refused(settings, message):
    with pytest.raises(ApiError, match=message):
        check_settings(settings)


def test_an_update_merges_tasks_by_key_and_replaces_the_rest():
    old = {"tasks": [TASK, {"task_key": "b"}], "tags": {"x": "1"}, "timeout_seconds": 5}
    new = {"tasks": [{"task_key": "b", "run_if": "ALL_DONE"}], "tags": {"y": "2"}}
    assert updated_settings(old, new, ["timeout_seconds", "tasks/a"]) == {
        "tasks": [{"task_key": "b", "run_if": "ALL_DONE"}],
        "tags": {"y": "2"},
    }


def test_get_adds_the_defaults_of_the_service():
    shown = shown_settings({"tasks": [TASK], "schedule": CRON}, has_tasks=True)
    assert shown["format"] == "MULTI_TASK"
    assert shown["schedule"] == {"pause_status": "UNPAUSED", **CRON}
    assert shown["tasks"][0]["notebook_task"] == {"source": "WORKSPACE", "notebook_path": "/n"}
    assert "tasks" not in shown_settings({"tasks": [TASK]}, has_tasks=False)
