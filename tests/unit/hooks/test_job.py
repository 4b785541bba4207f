"""A hook's job: its settings for each kind of compute, and when it needs an update."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_core.errors import ProjectError, UsageError
from mlops_core.hooks.job import Hook, Timing, is_as_wanted, merge_settings, plan_job
from mlops_core.hooks.launch import parse_cluster
from mlops_core.paths import WorkspacePath
from mlops_core.runs.compute import parse_compute

CLUSTER = {
    "spark_version": "15.4.x-cpu-ml-scala2.12",
    "node_type_id": "Standard_DS3_v2",
    "autoscale": {"min_workers": 1, "max_workers": 8},
    "spark_conf": {"a": "b"},
}
HOOK = Hook(
    kind="training",
    notebook="mlflow_training_hook",
    branch="feature/x",
    parameters={"project": "projects/Churn"},
    compute=parse_compute(CLUSTER, "here"),
)
PLACE = WorkspacePath("/Users/me/.mlops/hooks/abc")
WHEEL = WorkspacePath("/Users/me/.mlops/hooks/abc/mlops_core-0.1.0-py3-none-any.whl")
NIGHTLY = Timing("0 0 3 * * ?", "UTC").settings()


def planned(hook: Hook = HOOK) -> dict:
    return plan_job(hook, PLACE, wheel=WHEEL, schedule=NIGHTLY)


def test_the_job_runs_the_uploaded_copy_with_the_wheel() -> None:
    job = planned()
    (task,) = job["tasks"]
    assert task["notebook_task"]["notebook_path"] == f"{PLACE}/mlflow_training_hook"
    assert task["notebook_task"]["base_parameters"] == {"project": "projects/Churn"}
    assert task["libraries"] == [{"whl": f"/Workspace{WHEEL}"}]
    assert job["schedule"]["pause_status"] == "UNPAUSED"
    assert job["max_concurrent_runs"] == 1


def test_each_branch_has_a_job_of_its_own() -> None:
    names = {replace(HOOK, branch=branch).job_name for branch in ("master", "feature/x", "a-b")}
    assert len(names) == 3
    assert replace(HOOK, branch="master").job_name == "mlflow_training_hook-master"
    assert HOOK.tags["mlops_project"] == "Churn"
    assert HOOK.tags["mlops_branch"].startswith("feature-x-")


def test_the_hook_itself_waits_on_a_cluster_without_workers() -> None:
    (task,) = planned()["tasks"]
    cluster = task["new_cluster"]
    assert cluster["num_workers"] == 0
    assert "autoscale" not in cluster
    assert cluster["spark_conf"]["a"] == "b"
    assert cluster["spark_conf"]["spark.databricks.cluster.profile"] == "singleNode"


def test_an_existing_cluster_is_used_as_it_is() -> None:
    (task,) = planned(replace(HOOK, compute=parse_compute({"existing_cluster_id": "c1"}, "x")))[
        "tasks"
    ]
    assert task["existing_cluster_id"] == "c1"
    assert "new_cluster" not in task


def test_on_serverless_the_wheel_is_a_dependency_of_the_environment() -> None:
    spec = {"serverless": {"environment_version": "3"}}
    job = planned(replace(HOOK, compute=parse_compute(spec, "x")))
    (environment,) = job["environments"]
    assert environment["spec"] == {
        "environment_version": "3",
        "dependencies": [f"/Workspace{WHEEL}"],
    }
    assert job["tasks"][0]["environment_key"] == environment["environment_key"]
    assert "libraries" not in job["tasks"][0]


@pytest.mark.parametrize(
    ("wanted", "actual", "is_same"),
    [
        ({"a": 1}, {"a": 1, "added": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"t": [{"k": "x"}]}, {"t": [{"k": "x", "run_if": "ALL_SUCCESS"}]}, True),
        ({"t": [{"k": "x"}]}, {"t": [{"k": "x"}, {"k": "y"}]}, False),
        ({"t": [{"k": "x"}]}, {"t": "x"}, False),
        ({"a": {"b": 1}}, {"a": None}, False),
    ],
)
def test_defaults_that_the_service_adds_are_no_difference(
    wanted: object, actual: object, is_same: bool
) -> None:
    assert is_as_wanted(wanted, actual) is is_same


def test_what_operations_have_set_stays() -> None:
    actual = {"email_notifications": {"on_failure": ["x"]}, "tags": {"old": "1"}, "name": "n"}
    merged = merge_settings({"name": "n", "tags": {}}, actual)
    assert merged == {"name": "n", "tags": {}, "email_notifications": {"on_failure": ["x"]}}


def test_the_cluster_widget_takes_an_id_serverless_or_json() -> None:
    assert parse_cluster("") is None
    one = parse_cluster("0923-164208-meows279")
    assert one is not None and one.task == {"existing_cluster_id": "0923-164208-meows279"}
    other = parse_cluster("serverless")
    assert other is not None and other.kind == "serverless"
    third = parse_cluster('{"existing_cluster_id": "c"}')
    assert third is not None and third.task == {"existing_cluster_id": "c"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", UsageError, "no valid JSON"),
        ('{"serverless": {}}', ProjectError, "the widget cluster"),
    ],
)
def test_a_wrong_cluster_widget_is_named(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_cluster(text)
