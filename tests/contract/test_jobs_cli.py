"""`databricks jobs` and `databricks runs` of databricks-cli 0.18 work on the embedded workspace."""

import json
import time

import pytest

OVER = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


@pytest.fixture
def task(site, home):
    (site.data_folder / "root" / home.removeprefix("/") / "hello.py").write_text("print('hello')\n")
    python_file = {"python_file": f"/Workspace{home}/hello.py"}
    return {"task_key": "main", "existing_cluster_id": "c", "spark_python_task": python_file}


def ended(databricks, run_id: int) -> dict:
    deadline = time.monotonic() + 60
    while True:
        run = json.loads(databricks("runs", "get", "--run-id", run_id, "--version", "2.1"))
        if run["state"]["life_cycle_state"] in OVER:
            return run
        assert time.monotonic() < deadline


def test_a_job_is_created_run_and_deleted(databricks, task):
    settings = json.dumps({"name": "of the cli", "tasks": [task]})
    created = databricks("jobs", "create", "--json", settings, "--version", "2.1")
    job_id = json.loads(created)["job_id"]
    assert f"{job_id}  of the cli" in databricks("jobs", "list", "--version", "2.1")
    started = databricks("jobs", "run-now", "--job-id", job_id, "--version", "2.1")
    run = ended(databricks, json.loads(started)["run_id"])
    assert run["state"]["result_state"] == "SUCCESS"
    output = databricks(
        "runs", "get-output", "--run-id", run["tasks"][0]["run_id"], "--version", "2.1"
    )
    assert json.loads(output)["logs"] == "hello\n"
    databricks("jobs", "delete", "--job-id", job_id, "--version", "2.1")
    assert str(job_id) not in databricks("jobs", "list", "--version", "2.1")


def test_the_single_task_form_of_2_0(databricks, task):
    del task["task_key"]
    body = json.dumps({"run_name": "old", **task})
    run_id = json.loads(databricks("runs", "submit", "--json", body, "--version", "2.0"))["run_id"]
    assert ended(databricks, run_id)["state"]["result_state"] == "SUCCESS"
    output = databricks("runs", "get-output", "--run-id", run_id, "--version", "2.0")
    assert json.loads(output)["logs"] == "hello\n"
    assert "old" in databricks("runs", "list", "--version", "2.0")
