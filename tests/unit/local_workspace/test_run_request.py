import pytest

from mlops_core.local_workspace.replies import ApiError
from mlops_core.local_workspace.run_request import parse_submit

SCRIPT = {"spark_python_task": {"python_file": "/Workspace/x.py"}}
TASK = {"task_key": "a", "existing_cluster_id": "c", **SCRIPT}


def test_the_form_of_2_0_becomes_one_task():
    request = parse_submit({"run_name": "r", "existing_cluster_id": "c", **SCRIPT})
    assert request.tasks == ({"task_key": "main", "existing_cluster_id": "c", **SCRIPT},)
    assert (request.name, request.token, request.timeout) == ("r", None, 0)


def test_a_notebook_needs_no_compute():
    parse_submit({"tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/n"}}]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": []}, "Missing required field: tasks"),
        ({"tasks": [{**TASK, "task_key": ""}]}, "Missing required field: tasks.task_key"),
        ({"tasks": [TASK, TASK]}, "Duplicate task_key in a, a"),
        ({"tasks": [{**SCRIPT, "task_key": "a"}]}, "must have one of new_cluster"),
        ({"tasks": [{**TASK, "new_cluster": {"x": 1}}]}, "must have only one of"),
        ({"tasks": [{**TASK, "existing_cluster_id": "missing-7"}]}, "Cluster missing-7 does not"),
        ({"tasks": [{**TASK, "sql_task": {}}]}, "Task a has a sql_task"),
        ({"tasks": [{**TASK, "notebook_task": {}}]}, "must have exactly one of"),
        ({"tasks": [{**TASK, "spark_python_task": {}}]}, "spark_python_task.python_file"),
        ({"tasks": [{**TASK, "spark_python_task": {"python_file": "x.py"}}]}, "no absolute"),
        ({"tasks": [{**TASK, "depends_on": [{"task_key": "b"}]}]}, "depends on b"),
        ({"tasks": [{"task_key": "a", "job_cluster_key": "j", **SCRIPT}]}, "job_cluster_key j"),
        ({"tasks": [{"task_key": "a", "environment_key": "e", **SCRIPT}]}, "environment_key e"),
        ({"tasks": "x"}, "tasks is no list"),
        ({"tasks": [TASK], "timeout_seconds": "soon"}, "no whole number"),
        ({"tasks": [TASK], "idempotency_token": "x" * 65}, "at most 64"),
    ],
)
def test_refused(change, message):
    with pytest.raises(ApiError, match=message) as refusal:
        parse_submit(change)
    assert refusal.value.status == 400
