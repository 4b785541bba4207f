"""The triggers without Databricks: MLflow's `local` backend, tracked in SQLite."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

ROOT = Path(__file__).resolve().parents[2]
TRAIN = "mlflow_triggers/start_training_devops.py"
SCORE = "mlflow_triggers/start_scoring_devops.py"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take it seconds to make."""
    file = tmp_path_factory.mktemp("tables") / "mlflow.db"
    MlflowClient(f"sqlite:///{file.as_posix()}").search_experiments()
    return file


@pytest.fixture
def uri(tmp_path: Path, tables: Path) -> str:
    (tmp_path / "tracking").mkdir()
    copy = shutil.copy(tables, tmp_path / "tracking")
    return f"sqlite:///{Path(copy).as_posix()}"


@pytest.fixture
def checkout(make_checkout, uri: str):
    return make_checkout("trial", MLFLOW_TRACKING_URI=uri)


@pytest.fixture
def client(uri: str) -> MlflowClient:
    return MlflowClient(uri)


def last_run(client: MlflowClient, kind: str = "training"):
    experiment = client.get_experiment_by_name(f"/Shared/someone/trial/{kind}")
    return client.search_runs([experiment.experiment_id])[0]


def put_project(checkout, script: str, mlproject: str = "") -> None:
    folder = "projects/ExampleTrainingProject"
    usual = "name: Churn\nentry_points: {main: {command: python train.py}}\n"
    checkout.write(f"{folder}/MLProject", mlproject or usual)
    checkout.write(f"{folder}/train.py", script)


def test_the_loop_needs_no_databricks_and_leaves_no_file_in_the_checkout(
    checkout, client: MlflowClient, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "projects", checkout.folder / "projects")
    checkout.commit()
    before = checkout.run(SCORE)
    assert before.code == 1
    assert f"python {TRAIN}" in before.err
    trained = checkout.run(TRAIN, "-P", "epochs=20")
    assert trained.code == 0, trained.err
    assert "model trial_model version 1" in trained.out.splitlines()
    assert "  | epoch 20: loss" in trained.err
    scored = checkout.run(SCORE)
    assert scored.code == 0, scored.err
    assert "model trial_model version 1" in scored.out.splitlines()
    run = last_run(client, "scoring")
    assert run.data.tags["mlops.branch"] == "trial"
    assert run.data.tags["mlops.compute"] == "this machine"
    names = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert names == {"predictions.csv", "output.txt"}
    assert checkout.git("status", "--porcelain", "--ignored") == ""
    assert (tmp_path / "tracking" / "mlruns").is_dir()


def test_a_database_in_the_checkout_keeps_its_artifacts_out_of_sight(checkout) -> None:
    put_project(checkout, "import mlflow\nmlflow.log_text('x', 'x.txt')\n")
    checkout.commit()
    done = checkout.run(TRAIN, MLFLOW_TRACKING_URI="sqlite:///mlflow.db")
    assert done.code == 0, done.err
    assert checkout.git("status", "--porcelain") == "?? mlflow.db\n"
    assert list((checkout.folder / ".mlops" / "mlruns").rglob("x.txt"))


def test_a_failed_run_ends_with_1_and_its_trace(checkout, client: MlflowClient) -> None:
    put_project(checkout, "raise ValueError('no rows')\n")
    done = checkout.run(TRAIN)
    assert done.code == 1
    assert "  | ValueError: no rows" in done.err.splitlines()
    assert last_run(client).info.status == "FAILED"


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "time-out"])
def test_whatever_the_run_started_ends_with_it(checkout, client: MlflowClient, how: str) -> None:
    mark = checkout.folder.name
    forever = f"import threading\nmark = {mark!r}\nthreading.Event().wait()\n"
    put_project(
        checkout,
        f"import os\nprint('ready')\n{forever}",
        "name: Churn\nentry_points: {main: {command: 'python train.py && true'}}\n",
    )
    environ = {"MLOPS_RUN_TIMEOUT": "0.2"} if how == "time-out" else {}
    with checkout.start(TRAIN, **environ) as process:
        said = next(line for line in process.stderr if line.rstrip() == "  | ready")
        below = psutil.Process(process.pid).children(recursive=True)
        assert said
        assert below
        if how != "time-out":
            process.send_signal(getattr(signal, how))
        _, err = process.communicate(timeout=60)
    assert process.returncode == (1 if how == "time-out" else 130), err
    assert last_run(client).info.status == "KILLED"
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not alive


def test_an_unknown_env_manager_is_a_usage_error(checkout) -> None:
    put_project(checkout, "pass\n")
    done = checkout.run(TRAIN, "--env-manager", "pipenv")
    assert done.code == 2
    assert "virtualenv" in done.err
