"""`mlflow run -b databricks-jobs`, from MLflow's own command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "Churn"
    folder.mkdir()
    (folder / "MLproject").write_text(
        "name: Churn\n"
        "entry_points: {main: {parameters: {n: int}, command: 'python train.py {n}'}}\n"
    )
    (folder / "train.py").write_text(
        "import sys, mlflow\n"
        "n = int(sys.argv[1])\n"
        "with mlflow.start_run():\n"
        "    mlflow.log_metric('half', 1 / n)\n"
        "print('n is', n)\n"
    )
    (folder / "cluster.json").write_text('{"existing_cluster_id": "0923-test"}')
    return folder


@pytest.fixture
def mlflow_run(site, project: Path):
    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {
            "DATABRICKS_HOST": site.host,
            "DATABRICKS_TOKEN": site.token,
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks",
            "MLOPS_BRANCH": f"b-{uuid4().hex[:8]}",
        }
        return subprocess.run(
            [sys.executable, "-m", "mlflow", "run", ".", "-b", "databricks-jobs", *arguments],
            cwd=project,
            env={**os.environ, **given, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def tracking(site, monkeypatch: pytest.MonkeyPatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("DATABRICKS_HOST", site.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", site.token)
    return MlflowClient("databricks", "databricks")


def test_it_runs_in_the_branchs_experiment(mlflow_run, tracking) -> None:
    branch = f"b-{uuid4().hex[:8]}"
    done = mlflow_run("-P", "n=4", MLOPS_BRANCH=branch)
    assert done.returncode == 0, done.stderr
    assert "  | n is 4" in done.stderr
    experiment = tracking.get_experiment_by_name(f"/Shared/you@local/{branch}/training")
    (run,) = tracking.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"half": 0.25}
    assert run.data.tags["mlflow.project.backend"] == "databricks-jobs"
    assert run.data.tags["mlops.branch"] == branch


def test_it_runs_in_the_experiment_and_on_the_compute_that_mlflow_is_told(
    mlflow_run, tracking, home: str, sdk, tmp_path: Path
) -> None:
    spec = tmp_path / "serverless.json"
    spec.write_text(json.dumps({"serverless": {"environment_version": "3"}}))
    name = f"{home}/trial"
    done = mlflow_run("-P", "n=4", "--experiment-name", name, "--backend-config", str(spec))
    assert done.returncode == 0, done.stderr
    (run,) = tracking.search_runs([tracking.get_experiment_by_name(name).experiment_id])
    assert run.data.tags["mlops.compute"] == "serverless (environment 3)"


def test_a_run_that_fails_ends_the_command_with_1(mlflow_run) -> None:
    done = mlflow_run("-P", "n=0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "./train.py" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["-P", "n=four"], {}, "'four' is no int"),
        (
            ["-P", "n=4"],
            {"MLFLOW_TRACKING_URI": "sqlite:///m.db"},
            "MLFLOW_TRACKING_URI=databricks",
        ),
        (["-P", "n=4"], {"MLFLOW_REGISTRY_URI": ""}, "MLFLOW_REGISTRY_URI=databricks"),
        (["-P", "n=4", "--backend-config", '{"num_workers": 1}'], {}, "missing spark_version"),
    ],
)
def test_what_is_wrong_is_said(mlflow_run, arguments: list[str], environ: dict, said: str) -> None:
    done = mlflow_run(*arguments, **environ)
    assert done.returncode == 1
    assert said in done.stderr


def test_mlflow_run_in_a_program_waits_and_nests(project: Path, tracking, home) -> None:
    (project / "steps.py").write_text(
        "import mlflow\n"
        f"mlflow.set_experiment('{home}/steps')\n"
        "with mlflow.start_run() as parent:\n"
        "    run = mlflow.run('.', parameters={'n': 2}, backend='databricks-jobs')\n"
        "    assert run.get_status() == 'FINISHED', run.get_status()\n"
        "    print(parent.info.run_id, run.run_id)\n"
    )
    environ = {**os.environ, "MLFLOW_TRACKING_URI": "databricks", "MLOPS_BRANCH": "steps"}
    program = subprocess.run(
        [sys.executable, "steps.py"],
        cwd=project,
        env={**environ, "MLFLOW_REGISTRY_URI": "databricks"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    parent, child = (
        program.stdout.split()[-2:]
        if "🏃" not in program.stdout
        else next(line.split() for line in program.stdout.splitlines() if len(line.split()) == 2)
    )
    assert tracking.get_run(child).data.tags["mlflow.parentRunId"] == parent
