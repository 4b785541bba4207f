from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_core.errors import ProjectError
from mlops_core.runs.compute import (
    EXISTING_CLUSTER,
    JOB_CLUSTER,
    SERVERLESS,
    load_compute,
    parse_compute,
)

SPEC = {"spark_version": "16.4.x", "node_type_id": "Standard_DS3_v2", "num_workers": 2}
EXAMPLES = Path(__file__).parents[3] / "projects"


def test_a_bare_spec_is_a_job_cluster_and_unknown_keys_pass_through() -> None:
    spec = {**SPEC, "azure_attributes": {"availability": "SPOT"}, "some_new_key": [1]}
    compute = parse_compute(spec, "cluster.json")
    assert compute.kind == JOB_CLUSTER
    assert compute.task == {"new_cluster": spec}
    assert "Standard_DS3_v2" in compute.title


def test_new_cluster_with_libraries() -> None:
    libraries = [{"pypi": {"package": "shap"}}]
    compute = parse_compute({"new_cluster": SPEC, "libraries": libraries}, "cluster.json")
    assert compute.task == {"new_cluster": SPEC}
    assert compute.libraries == tuple(libraries)


def test_an_existing_cluster() -> None:
    compute = parse_compute({"existing_cluster_id": "0923-abc"}, "cluster.json")
    assert compute.kind == EXISTING_CLUSTER
    assert compute.task == {"existing_cluster_id": "0923-abc"}


def test_serverless() -> None:
    compute = parse_compute(
        {"serverless": {"environment_version": "3", "dependencies": ["shap"]}}, "cluster.json"
    )
    assert compute.kind == SERVERLESS
    assert compute.task == {}
    assert compute.environment == {"environment_version": "3", "dependencies": ["shap"]}


@pytest.mark.parametrize(
    "spec",
    [
        {"spark_version": "16.4.x", "instance_pool_id": "p", "num_workers": 0},
        {
            "spark_version": "16.4.x",
            "node_type_id": "n",
            "autoscale": {"min_workers": 1, "max_workers": 2},
        },
        {"policy_id": "p"},
    ],
)
def test_pools_autoscaling_and_policies_are_enough(spec: dict[str, object]) -> None:
    assert parse_compute({"new_cluster": spec}, "cluster.json").task == {"new_cluster": spec}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "expected a cluster spec"),
        ([], "expected a cluster spec"),
        ({"num_workers": 1}, "missing spark_version"),
        ({"new_cluster": {"spark_version": "x"}}, "new_cluster.node_type_id"),
        ({"new_cluster": {**SPEC, "num_workers": "2"}}, "new_cluster.num_workers: "),
        ({"new_cluster": {**SPEC, "num_workers": -1}}, "new_cluster.num_workers: "),
        ({"new_cluster": SPEC, "existing_cluster_id": "x"}, "new_cluster and existing_cluster_id"),
        ({"existing_cluster_id": ""}, "existing_cluster_id: "),
        ({"serverless": {}}, "serverless.environment_version: is missing"),
        ({"new_cluster": None}, "nothing given"),
        ({"serverless": {"dependencies": []}}, "serverless.environment_version: is missing"),
        (
            {"serverless": {"environment_version": "2"}, "libraries": [{"whl": "x"}]},
            "libraries do not",
        ),
        ({"existing_cluster_id": "x", "cluster": 1}, "cluster: is not a key"),
        ({"existing_cluster_id": "x", "libraries": {}}, "libraries: "),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(content: object, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        parse_compute(content, "p/cluster.json")
    assert caught.value.message.startswith("p/cluster.json: ")
    assert said in caught.value.message
    assert caught.value.hint


def test_a_missing_file_and_one_that_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="on what to run"):
        load_compute(tmp_path / "cluster.json")
    (tmp_path / "cluster.json").write_text("{")
    with pytest.raises(ProjectError, match="no valid JSON"):
        load_compute(tmp_path / "cluster.json")


def test_the_examples_name_a_job_cluster() -> None:
    files = sorted(EXAMPLES.glob("*/cluster.json"))
    assert len(files) == 2
    for file in files:
        compute = load_compute(file)
        assert compute.kind == JOB_CLUSTER
        assert compute.task["new_cluster"] == json.loads(file.read_text())["new_cluster"]
