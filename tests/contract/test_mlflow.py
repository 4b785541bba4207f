"""MLflow's own client works on the embedded workspace, from outside and from inside a run."""

import base64
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

TRAIN = """
import json, os, sys
import mlflow, mlflow.sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

name, model_name, out = sys.argv[1:]
features, labels = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(features, labels)
experiment = mlflow.set_experiment(name)
with mlflow.start_run() as run:
    mlflow.log_param("depth", 3)
    for step in range(3):
        mlflow.log_metric("loss", 1 - step / 10, step=step)
    mlflow.log_text("some words", "notes/words.txt")
    logged = mlflow.sklearn.log_model(
        model, name="model", registered_model_name=model_name, input_example=features.head(2),
        pip_requirements=["scikit-learn"],
    )
    table = features.assign(target=labels)
    mlflow.models.evaluate(
        logged.model_uri, table, targets="target", model_type="classifier",
        evaluator_config={"log_explainer": False},
    )
client = mlflow.MlflowClient()
version = client.search_model_versions(f"name='{model_name}'")[0]
loaded = mlflow.pyfunc.load_model(f"models:/{model_name}/{version.version}")
words = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/words.txt")
found = {
    "experiment_id": experiment.experiment_id,
    "run_id": run.info.run_id,
    "runs": len(mlflow.search_runs([experiment.experiment_id], "params.depth = '3'")),
    "steps": [metric.step for metric in client.get_metric_history(run.info.run_id, "loss")],
    "is_evaluated": "accuracy_score" in client.get_run(run.info.run_id).data.metrics,
    "words": words,
    "predictions": len(loaded.predict(features)),
    "version_of": version.run_id,
    "files": [one.path for one in client.list_artifacts(run.info.run_id)],
    "tags": client.get_run(run.info.run_id).data.tags,
}
with open(out, "w") as file:
    json.dump(found, file)
"""


def check(found: dict) -> None:
    assert found["runs"] == 1
    assert found["steps"] == [0, 1, 2]
    assert found["is_evaluated"]
    assert found["words"] == "some words"
    assert found["predictions"] == 150
    assert found["version_of"] == found["run_id"]
    assert "notes" in found["files"]


@pytest.fixture
def call(site):
    """One request to MLflow's public API."""

    def ask(method: str, route: str, body: object = None, **query: object):
        return site.ask(method, f"/api/2.0/mlflow/{route}", body, **query)

    return ask


def test_tracking_registry_and_artifacts_from_outside(site, home, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATABRICKS_HOST": site.host,
        "DATABRICKS_TOKEN": site.token,
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        [sys.executable, str(script), f"{home}/outside", "outside_model", "found.json"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to automatically resolve config" not in done.stderr
    check(json.loads((tmp_path / "found.json").read_text()))


def test_tracking_registry_and_artifacts_from_inside_a_run(site, home):
    root = site.data_folder / "root" / home.removeprefix("/")
    (root / "train.py").write_text(TRAIN)
    parameters = [f"{home}/inside", "inside_model", f"/Workspace{home}/found.json"]
    script = {"python_file": f"/Workspace{home}/train.py", "parameters": parameters}
    task = {"task_key": "a", "existing_cluster_id": "c", "spark_python_task": script}
    answer = site.ask("POST", "/api/2.1/jobs/runs/submit", {"tasks": [task]})
    run_id = answer.json["run_id"]
    deadline = time.monotonic() + 180
    while True:
        run = site.ask("GET", "/api/2.1/jobs/runs/get", run_id=run_id).json
        if "result_state" in run["state"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    task_id = run["tasks"][0]["run_id"]
    output = site.ask("GET", "/api/2.1/jobs/runs/get-output", run_id=task_id).json
    assert run["state"]["result_state"] == "SUCCESS", output["logs"]
    found = json.loads((root / "found.json").read_text())
    check(found)
    assert found["tags"]["mlflow.databricks.jobRunID"] == str(run_id)


def test_a_notebook_is_an_experiment_by_itself(site, home):
    source = "# Databricks notebook source\nimport mlflow\nrun = mlflow.start_run()\n"
    source += "dbutils.notebook.exit(run.info.experiment_id)\n"
    body = {"path": f"{home}/note", "format": "SOURCE", "language": "PYTHON"}
    body["content"] = base64.b64encode(source.encode()).decode()
    assert site.ask("POST", "/api/2.0/workspace/import", body).status == 200
    node = site.ask("GET", "/api/2.0/workspace/get-status", path=f"{home}/note").json
    task = {"task_key": "a", "notebook_task": {"notebook_path": f"{home}/note"}}
    run_id = site.ask("POST", "/api/2.1/jobs/runs/submit", {"tasks": [task]}).json["run_id"]
    deadline = time.monotonic() + 120
    while True:
        run = site.ask("GET", "/api/2.1/jobs/runs/get", run_id=run_id).json
        if "result_state" in run["state"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    task_id = run["tasks"][0]["run_id"]
    output = site.ask("GET", "/api/2.1/jobs/runs/get-output", run_id=task_id).json
    assert output["notebook_output"].get("result") == str(node["object_id"]), output


def test_an_experiment_needs_an_absolute_name_and_a_parent_folder(call, home):
    relative = call("POST", "experiments/create", {"name": "mine"})
    assert (relative.status, relative.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "must be an absolute path" in relative.json["message"]
    orphan = call("POST", "experiments/create", {"name": f"{home}/no/x"})
    assert (orphan.status, orphan.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert orphan.json["message"] == f"Parent directory {home}/no does not exist."
    folder = call("POST", "experiments/create", {"name": home})
    assert (folder.status, folder.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "to be an MLflow experiment or Databricks notebook, found" in folder.json["message"]


def test_an_experiment_is_an_object_of_the_tree(call, site, home):
    made = call("POST", "experiments/create", {"name": f"/Workspace{home}/x"}).json
    (node,) = site.ask("GET", "/api/2.0/workspace/list", path=home).json["objects"]
    assert (node["path"], node["object_type"]) == (f"{home}/x", "MLFLOW_EXPERIMENT")
    assert str(node["object_id"]) == made["experiment_id"]
    found = call("GET", "experiments/get-by-name", experiment_name=f"{home}/x").json["experiment"]
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    assert tags["mlflow.ownerEmail"] == "you@local"
    assert tags["mlflow.experimentType"] == "MLFLOW_EXPERIMENT"
    assert (
        call("GET", "experiments/get-by-name", experiment_name=f"/Workspace{home}/x").status == 404
    )
    again = call("POST", "experiments/create", {"name": f"{home}/x"})
    assert again.json["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_object_and_experiment_go_together(call, site, home):
    number = call("POST", "experiments/create", {"name": f"{home}/x"}).json["experiment_id"]
    assert call("POST", "experiments/delete", {"experiment_id": number}).status == 200
    assert site.ask("GET", "/api/2.0/workspace/list", path=home).json == {}
    second = call("POST", "experiments/create", {"name": f"{home}/x"}).json["experiment_id"]
    assert second != number
    renamed = {"experiment_id": second, "new_name": f"{home}/y"}
    assert call("POST", "experiments/update", renamed).status == 200
    (node,) = site.ask("GET", "/api/2.0/workspace/list", path=home).json["objects"]
    assert node["path"] == f"{home}/y"
    site.ask("POST", "/api/2.0/workspace/delete", {"path": home, "recursive": True})
    gone = call("GET", "experiments/get", experiment_id=second).json["experiment"]
    assert gone["lifecycle_stage"] == "deleted"


def test_there_is_no_experiment_0(call):
    assert call("GET", "experiments/get", experiment_id=0).status == 404
    every = {"max_results": 1000, "view_type": "ALL"}
    found = call("POST", "experiments/search", every).json.get("experiments", [])
    assert "0" not in {one["experiment_id"] for one in found}


def test_only_tracking_registry_and_artifacts_pass(site):
    for path in (
        "/get-artifact",
        "/api/2.0/mlflow-artifacts/artifacts/x",
        "/api/3.0/mlflow/gateway/secrets/list",
        "/ajax-api/2.0/mlflow/experiments/search",
        "/graphql",
    ):
        assert site.ask("GET", path).status in {404, 501}, path
    answer = site.ask("GET", "/api/2.0/mlflow/unity-catalog/registered-models/get")
    assert "MLFLOW_REGISTRY_URI=databricks" in answer.json["message"]


def test_the_pages_of_databricks_lead_to_mlflows(site):
    answer = site.ask("GET", "/ml/experiments/12/runs/34")
    assert answer.status == 307
    assert answer.headers["location"].startswith("/#/experiments/12/runs/34?")


def test_who_is_told_that_an_experiment_exists_finds_it(site, home):
    def ensure(name: str) -> str:
        created = site.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        if created.status == 200:
            return created.json["experiment_id"]
        assert created.json["error_code"] == "RESOURCE_ALREADY_EXISTS"
        url = "/api/2.0/mlflow/experiments/get-by-name"
        found = site.ask("GET", url, experiment_name=name)
        assert found.status == 200, found.json
        return found.json["experiment"]["experiment_id"]

    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            assert len(set(pool.map(ensure, [f"{home}/{number}"] * 4))) == 1
