from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops_core.errors import ProjectError
from mlops_core.paths import WorkspacePath
from mlops_core.runs.compute import parse_compute
from mlops_core.runs.dependencies import Dependencies
from mlops_core.runs.order import Order, plan_tags
from mlops_core.runs.origin import Origin
from mlops_core.runs.project import EntryPoint, Project
from mlops_core.runs.submission import Target, plan_submission
from mlops_core.runs.upload import Upload

ROOT = "/Users/a@b.c/.mlops/projects/Churn-1"
UPLOAD = Upload(WorkspacePath(ROOT), 3)
TARGET = Target("r1", "7", WorkspacePath("/Users/a@b.c/.mlops/runs/r1/output"))
CLUSTER = {"spark_version": "16.4.x", "node_type_id": "n", "num_workers": 1}


def order(command: str = "python train.py {n}", **changes: object) -> Order:
    point = EntryPoint("main", command)
    plain = Order(
        project=Project(Path("p"), Path("p/MLproject"), "Churn", {"main": point}),
        point=point,
        values={"n": "a b"},
        source="projects/Churn",
        origin=Origin("a@b.c", branch="feature/x"),
        experiment=WorkspacePath("/Shared/e"),
        compute=parse_compute(CLUSTER, "cluster.json"),
        registry_uri="databricks-uc",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a table of changes


def submission(given: Order) -> dict:
    return plan_submission(given, UPLOAD, TARGET, "token-1")


def test_one_python_task_on_a_job_cluster() -> None:
    body = submission(order())
    assert body["idempotency_token"] == "token-1"
    assert body["run_name"] == "Churn feature/x"
    (task,) = body["tasks"]
    assert task["new_cluster"] == CLUSTER
    assert "libraries" not in task
    python = task["spark_python_task"]
    assert python["python_file"] == f"/Workspace{ROOT}/entry_point.py"
    assert python["source"] == "WORKSPACE"
    words = python["parameters"]
    assert words[words.index("--project") + 1] == f"/Workspace{ROOT}/project"
    assert words[words.index("--output") + 1] == f"/Workspace{TARGET.output}"
    assert words[words.index("--registry-uri") + 1] == "databricks-uc"
    assert words[words.index("--python") + 1 :] == ["train.py", "a b"]


def test_a_command_for_the_shell_is_one_parameter() -> None:
    (task,) = submission(order("echo {n} | cat"))["tasks"]
    assert task["spark_python_task"]["parameters"][-2:] == ["--shell", "echo 'a b' | cat"]


def test_packages_and_wheels_become_libraries() -> None:
    wheels = ("./dist/a.whl", "/Workspace/Shared/b.whl")
    compute = parse_compute(
        {"existing_cluster_id": "x", "libraries": [{"maven": {"coordinates": "c"}}]}, "cluster.json"
    )
    given = order(compute=compute, dependencies=Dependencies(("numpy>=2",), wheels))
    (task,) = submission(given)["tasks"]
    assert task["existing_cluster_id"] == "x"
    assert task["libraries"] == [
        {"pypi": {"package": "numpy>=2"}},
        {"whl": f"/Workspace{ROOT}/project/dist/a.whl"},
        {"whl": "/Workspace/Shared/b.whl"},
        {"maven": {"coordinates": "c"}},
    ]


def test_serverless_has_an_environment_with_all_dependencies() -> None:
    compute = parse_compute(
        {"serverless": {"environment_version": "3", "dependencies": ["shap"]}}, "cluster.json"
    )
    body = submission(order(compute=compute, dependencies=Dependencies(("numpy>=2",), ("a.whl",))))
    (task,) = body["tasks"]
    (environment,) = body["environments"]
    assert task["environment_key"] == environment["environment_key"]
    assert not {"libraries", "new_cluster", "existing_cluster_id"} & task.keys()
    assert environment["spec"] == {
        "environment_version": "3",
        "dependencies": ["numpy>=2", f"/Workspace{ROOT}/project/a.whl", "shap"],
    }


def test_the_service_enforces_a_time_out_when_nobody_waits() -> None:
    assert "timeout_seconds" not in submission(order())
    alone = submission(order(timeout=1.5, is_waiting=False))["timeout_seconds"]
    assert alone == 90
    assert submission(order(timeout=1.5))["timeout_seconds"] > alone


def test_what_is_too_long_for_a_jobs_parameters_is_refused() -> None:
    with pytest.raises(ProjectError, match="too long"):
        submission(order(values={"n": "x" * 10_000}))


def test_tags_say_where_a_run_comes_from_and_leave_out_what_is_unknown() -> None:
    tags = plan_tags(order(tags={"mlflow.parentRunId": "r0"}), "databricks-jobs")
    assert tags["mlops.branch"] == "feature/x"
    assert tags["mlops.compute"] == "job cluster (n, 16.4.x)"
    assert tags["mlflow.parentRunId"] == "r0"
    assert not {"mlops.commit", "mlops.dirty", "mlops.pull_request"} & tags.keys()
