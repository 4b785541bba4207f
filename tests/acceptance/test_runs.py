"""Training and scoring through the triggers, as processes, against the embedded workspace."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from mlflow import MlflowClient
from mlflow.entities import Run

from mlops_core.local_workspace.lease import Lease

ROOT = Path(__file__).resolve().parents[2]
TRAIN = "mlflow_triggers/start_training_devops.py"
SCORE = "mlflow_triggers/start_scoring_devops.py"
CLUSTER = '{"existing_cluster_id": "0923-test"}'
FOREVER = "print('ready', flush=True)\nimport threading\nthreading.Event().wait()\n"


@pytest.fixture
def mlflow_client(served: Lease, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv("DATABRICKS_HOST", served.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", served.token)
    return MlflowClient("databricks", "databricks")


@pytest.fixture
def project(checkout):
    """Write a training project of one script; the keys say how it differs from the usual."""

    def write(script: str = "pass\n", *, mlproject: str = "", cluster: str = CLUSTER) -> None:
        folder = "projects/ExampleTrainingProject"
        usual = "name: Churn\nentry_points: {main: {command: python train.py}}\n"
        checkout.write(f"{folder}/MLProject", mlproject or usual)
        checkout.write(f"{folder}/train.py", script)
        checkout.write(f"{folder}/cluster.json", cluster)

    return write


@pytest.fixture
def last_run(mlflow_client: MlflowClient, checkout) -> Callable[[], Run]:
    """The newest MLflow run of the checkout's branch."""

    def find(kind: str = "training") -> Run:
        branch = checkout.git("branch", "--show-current").strip()
        (experiment,) = (
            each
            for each in mlflow_client.search_experiments(max_results=1000)
            if re.fullmatch(
                rf"/Shared/you@local/{branch.replace('/', '-')}-[0-9a-f]{{6}}/{kind}", each.name
            )
        )
        return mlflow_client.search_runs(
            [experiment.experiment_id], order_by=["attributes.start_time DESC"]
        )[0]

    return find


class Control:
    """Faults and switches of the embedded workspace."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    @contextmanager
    def switched(self, name: str, position: str) -> Iterator[None]:
        self._ask("PUT", "/local/switches", {name: position})
        try:
            yield
        finally:
            self._ask("PUT", "/local/switches", {name: "off"})

    @contextmanager
    def fault(self, **rule: object) -> Iterator[None]:
        self._ask("POST", "/local/faults", rule)
        try:
            yield
        finally:
            self._ask("DELETE", "/local/faults")

    def _ask(self, method: str, path: str, body: object = None) -> None:
        request = urllib.request.Request(
            self._lease.host + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._lease.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


@pytest.fixture
def control(served: Lease) -> Control:
    return Control(served)


def job_run_id(err: str) -> int:
    return int(re.search(r"^job run (\d+)", err, re.MULTILINE)[1])


def artifacts(client: MlflowClient, run: Run) -> set[str]:
    return {each.path for each in client.list_artifacts(run.info.run_id)}


def test_training_registers_a_model_and_scoring_uses_it(
    checkout, last_run, mlflow_client: MlflowClient, sdk: WorkspaceClient
) -> None:
    shutil.copytree(ROOT / "projects", checkout.folder / "projects")
    checkout.commit()
    before = checkout.run(SCORE)
    assert before.code == 1
    assert f"python {TRAIN}" in before.err

    trained = checkout.run(TRAIN, "-P", "epochs=20")
    assert trained.code == 0, trained.err
    model = re.search(r"^model (\S+) version 1$", trained.out, re.MULTILINE)[1]
    run = last_run()
    assert run.info.run_id in trained.out
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "20"
    assert run.data.metrics["accuracy_score"] > 0.9
    assert {"output.txt", "confusion_matrix.png", "roc_curve_plot.png"} <= artifacts(
        mlflow_client, run
    )
    assert mlflow_client.get_model_version(model, "1").run_id == run.info.run_id
    assert "  | epoch 20: loss" in trained.err

    scored = checkout.run(SCORE)
    assert scored.code == 0, scored.err
    assert f"model {model} version 1" in scored.out.splitlines()
    run = last_run("scoring")
    assert run.data.metrics["scored_rows"] == 114
    assert "predictions.csv" in artifacts(mlflow_client, run)
    assert checkout.git("status", "--porcelain") == ""

    again = checkout.run(TRAIN, "-P", "epochs=20")
    assert f"model {model} version 2" in again.out.splitlines()
    assert "project unchanged" in again.err
    (uploaded,) = {
        re.search(r"(/Users/you@local/\.mlops/projects/\S+)", each.err)[1]
        for each in (trained, again)
    }
    names = {each.path.removeprefix(uploaded) for each in sdk.workspace.list(uploaded)}
    assert names == {"/complete", "/driver_output.py", "/entry_point.py", "/project"}


def test_a_failed_run_shows_the_trace_with_the_checkouts_own_paths(
    checkout, project, last_run, mlflow_client: MlflowClient
) -> None:
    project("def main():\n    print('before')\n    raise ValueError('no rows')\n\n\nmain()\n")
    done = checkout.run(TRAIN)
    assert done.code == 1
    place = "projects/ExampleTrainingProject/train.py"
    assert f'  |   File "{place}", line 3, in main' in done.err.splitlines()
    assert f"error: ValueError: no rows ({place}:3)" in done.err.splitlines()
    assert "  | before" in done.err
    run = last_run()
    assert run.info.status == "FAILED"
    assert run.data.tags["mlops.reason"] == f"ValueError: no rows ({place}:3)"
    text = mlflow_client.download_artifacts(run.info.run_id, "output.txt")
    assert Path(text).read_text().startswith("before\nTraceback")


def test_a_run_that_registers_no_model_is_a_success_that_says_so(checkout, project) -> None:
    project()
    done = checkout.run(TRAIN)
    assert done.code == 0, done.err
    assert "no model was registered" in done.out


def test_every_run_is_tagged_with_where_it_comes_from(checkout, project, last_run) -> None:
    project()
    checkout.commit()
    checkout.write("new.txt", "not committed")
    done = checkout.run(
        TRAIN,
        BUILD_SOURCEBRANCH="refs/pull/17/merge",
        SYSTEM_PULLREQUEST_PULLREQUESTID="17",
        SYSTEM_COLLECTIONURI="https://dev.azure.com/acme/",
        SYSTEM_TEAMPROJECT="churn",
        BUILD_BUILDID="99",
    )
    assert done.code == 0, done.err
    branch = checkout.git("branch", "--show-current").strip()
    tags = last_run().data.tags
    assert tags["mlops.branch"] == branch
    assert tags["mlops.commit"] == checkout.git("rev-parse", "HEAD").strip()
    assert tags["mlops.dirty"] == "true"
    assert tags["mlops.pull_request"] == "17"
    assert tags["mlops.build_url"].startswith("https://dev.azure.com/acme/churn/")
    assert tags["mlops.user"] == "you@local"
    assert tags["mlops.compute"] == "existing cluster 0923-test"
    assert tags["mlflow.source.type"] == "PROJECT"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_cancel_the_run(
    checkout, project, last_run, sdk: WorkspaceClient, sign: signal.Signals
) -> None:
    project(FOREVER)
    with checkout.start(TRAIN) as process:
        said = [iter_until(process, "  | ready")]
        process.send_signal(sign)
        _, err = process.communicate(timeout=60)
    said.append(err)
    assert process.returncode == 130
    run = sdk.jobs.get_run(job_run_id("".join(said)))
    assert run.state.life_cycle_state.value == "TERMINATED"
    assert run.state.result_state.value == "CANCELED"
    assert last_run().info.status == "KILLED"
    assert "the run is cancelled" in err


def iter_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Everything that the process says up to the line ``wanted``: it is still running then."""
    said = []
    for line in process.stderr:
        said.append(line)
        if line.rstrip() == wanted:
            return "".join(said)
    raise AssertionError("".join(said))


def test_a_run_that_takes_too_long_is_cancelled(checkout, project, last_run, sdk) -> None:
    project(FOREVER)
    done = checkout.run(TRAIN, MLOPS_RUN_TIMEOUT="0.02")
    assert done.code == 1
    assert "longer than 0.02 minutes" in done.err
    assert "MLOPS_RUN_TIMEOUT" in done.err
    assert last_run().info.status == "KILLED"
    assert sdk.jobs.get_run(job_run_id(done.err)).state.result_state.value == "CANCELED"


def test_nobody_needs_to_wait(checkout, project, last_run, sdk, mlflow_client) -> None:
    project("import time\nprint('alone')\n")
    done = checkout.run(TRAIN, "--no-wait")
    assert done.code == 0, done.err
    assert "run submitted" in done.out
    run = sdk.jobs.wait_get_run_job_terminated_or_skipped(job_run_id(done.err))
    assert run.state.result_state.value == "SUCCESS"
    assert last_run().info.status == "FINISHED"
    assert "output.txt" in artifacts(mlflow_client, last_run())


TYPED = """\
name: Churn
entry_points:
  main: {command: python train.py}
  report:
    parameters:
      rows: {type: int, default: 3}
      model_name: string
      branch: {default: none}
      note: {default: x}
    command: "python train.py {rows} {model_name} {branch} {note}"
  shell:
    parameters: {note: {default: "a; b"}}
    command: "echo note {note} | tr a-z A-Z && echo run $MLFLOW_RUN_ID"
"""


def test_entry_points_parameters_and_names_that_the_launcher_fills(checkout, project) -> None:
    project("import sys\nprint(sys.argv[1:])\n", mlproject=TYPED)
    done = checkout.run(TRAIN, "-e", "report", "-P", "rows=5", "-P", "note=a 'b' $c")
    assert done.code == 0, done.err
    branch = checkout.git("branch", "--show-current").strip()
    line = next(line for line in done.err.splitlines() if line.startswith("  | ['5'"))
    rows, model, named, note = eval(line.removeprefix("  | "))  # the script printed a list
    assert model.startswith(branch.replace("/", "-"))
    assert (rows, named, note) == ("5", branch, "a 'b' $c")


def test_other_commands_go_through_the_shell(checkout, project, last_run) -> None:
    project(mlproject=TYPED)
    done = checkout.run(TRAIN, "-e", "shell", "--experiment", "trials")
    assert done.code == 0, done.err
    run = last_run("trials")
    assert "  | NOTE A; B" in done.err.splitlines()
    assert f"  | run {run.info.run_id}" in done.err.splitlines()


def test_steps_that_call_each_other_become_nested_runs(
    checkout, project, last_run, mlflow_client: MlflowClient
) -> None:
    mlproject = (
        "name: Steps\nentry_points:\n"
        "  main: {command: python train.py}\n"
        "  step: {parameters: {n: int}, command: 'python step.py {n}'}\n"
    )
    script = (
        "import mlflow\n"
        "with mlflow.start_run():\n"
        "    for n in (1, 2):\n"
        "        mlflow.run('.', 'step', parameters={'n': n}, env_manager='local')\n"
    )
    project(script, mlproject=mlproject)
    checkout.write(
        "projects/ExampleTrainingProject/step.py",
        "import sys, mlflow\nwith mlflow.start_run():\n"
        "    mlflow.log_metric('n', int(sys.argv[1]))\n",
    )
    done = checkout.run(TRAIN)
    assert done.code == 0, done.err
    runs = mlflow_client.search_runs([last_run().info.experiment_id])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    steps = [run for run in runs if run is not parent]
    assert sorted(run.data.metrics["n"] for run in steps) == [1, 2]
    assert {run.data.tags["mlflow.parentRunId"] for run in steps} == {parent.info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}


BAD = {
    "no such entry point": ({}, ["-e", "trian"], "no entry point 'trian'"),
    "no such parameter": ({}, ["-P", "rows=5"], "rows: no such parameter"),
    "no such project": ({}, ["projects/None"], "there is no project folder"),
    "no such file": ({}, ["--cluster", "none.json"], "none.json"),
    "wrong cluster": ({"cluster": '{"num_workers": 1}'}, [], "missing spark_version"),
    "wrong mlproject": ({"mlproject": "entry_points: {}"}, [], "MLProject: entry_points"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_before_anything_is_created(
    checkout, project, sdk: WorkspaceClient, case: str
) -> None:
    content, arguments, said = BAD[case]
    project(**content)
    done = checkout.run(TRAIN, *arguments)
    assert done.code == 1
    assert said in done.err
    assert "\nhint:" in done.err
    branch = checkout.git("branch", "--show-current").strip().replace("/", "-")
    there = [each.path for each in sdk.workspace.list("/Shared/you@local")] if shared(sdk) else []
    assert not [path for path in there if branch in path]


def shared(sdk: WorkspaceClient) -> bool:
    return "/Shared/you@local" in {each.path for each in sdk.workspace.list("/Shared")}


def test_a_usage_error_ends_with_2(checkout, project) -> None:
    project()
    assert checkout.run(TRAIN, "-P", "rows").code == 2
    assert checkout.run(TRAIN, "--rows").code == 2


def test_a_cluster_that_is_not_there_fails_with_the_services_words(
    checkout, project, last_run
) -> None:
    project(cluster='{"existing_cluster_id": "missing-1"}')
    done = checkout.run(TRAIN)
    assert done.code == 1
    assert "missing-1" in done.err
    assert "does not exist" in done.err
    assert last_run().info.status == "FAILED"
    assert "missing-1" in last_run().data.tags["mlops.reason"]


@pytest.mark.parametrize("switch", ["policy", "quota"])
def test_policies_and_quotas_that_refuse_are_quoted(
    checkout, project, last_run, control, switch: str
) -> None:
    project(cluster='{"spark_version": "16.4.x", "node_type_id": "n", "num_workers": 1}')
    with control.switched(switch, "on"):
        done = checkout.run(TRAIN)
    assert done.code == 1
    assert "\nhint:" in done.err
    assert last_run().info.status == "FAILED"
    assert last_run().data.tags["mlops.reason"] in done.err


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_submit_whose_answer_is_lost_starts_one_run(
    checkout, project, sdk: WorkspaceClient, control, kind: str
) -> None:
    project()
    before = {run.run_id for run in sdk.jobs.list_runs()}
    with control.fault(kind=kind, method="POST", path="jobs/runs/submit", times=1):
        done = checkout.run(TRAIN)
    assert done.code == 0, done.err
    assert {run.run_id for run in sdk.jobs.list_runs()} - before == {job_run_id(done.err)}


def test_libraries_and_serverless_environments_reach_the_job(
    checkout, project, sdk: WorkspaceClient
) -> None:
    mlproject = "conda_env: env.yaml\nentry_points: {main: {command: python train.py}}\n"
    checkout.write("projects/ExampleTrainingProject/env.yaml", "dependencies: [pip, requests>=2]\n")
    serverless = {"serverless": {"environment_version": "3", "dependencies": ["pydantic"]}}
    project(mlproject=mlproject, cluster=json.dumps(serverless))
    done = checkout.run(TRAIN)
    assert done.code == 0, done.err
    project(mlproject=mlproject, cluster=CLUSTER)
    on_cluster = checkout.run(TRAIN)
    assert on_cluster.code == 0, on_cluster.err
    run = sdk.jobs.get_run(job_run_id(on_cluster.err))
    (task,) = run.tasks
    assert [library.pypi.package for library in task.libraries] == ["requests>=2"]


def test_the_trigger_imports_neither_mlflow_nor_databricks_sdk(checkout, project) -> None:
    project()
    watched = (
        "import sys, runpy\n"
        f"sys.argv = [{str(ROOT / TRAIN)!r}]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as stop: assert stop.code == 0, stop\n"
        "print('loaded', sorted({'mlflow', 'databricks.sdk', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched],
        cwd=checkout.folder,
        env=dict(checkout.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "loaded []", done.stderr


def test_the_same_project_runs_on_this_machine_with_backend_local(
    checkout, project, last_run
) -> None:
    project("import mlflow\nmlflow.log_metric('m', 1)\nprint('here')\n", cluster="{}")
    done = checkout.run(TRAIN, "--backend", "local")
    assert done.code == 0, done.err
    assert "  | here" in done.err.splitlines()
    assert last_run().data.tags["mlops.compute"] == "this machine"
    assert last_run().data.metrics == {"m": 1}


def test_another_backend_of_mlflow_is_reached(checkout, project) -> None:
    project(cluster='{"spark_version": "16.4.x", "node_type_id": "n", "num_workers": 1}')
    done = checkout.run(TRAIN, "--backend", "databricks")
    assert done.code == 1
    assert "handing over to MLflow's project backend databricks" in done.err
    assert "DBFS" in done.err or "dbfs" in done.err


def test_a_project_in_a_git_repository_is_cloned(checkout, project, tmp_path: Path) -> None:
    project("print('from git')\n")
    checkout.commit()
    uri = checkout.folder.as_uri()
    done = checkout.run(TRAIN, f"{uri}#projects/ExampleTrainingProject")
    assert done.code == 0, done.err
    assert "  | from git" in done.err.splitlines()
    gone = checkout.run(TRAIN, (tmp_path / "none").as_uri())
    assert gone.code == 1
    assert "cannot be cloned" in gone.err


@pytest.mark.parametrize(
    ("life_cycle", "result", "status"),
    [
        ("SKIPPED", None, "FAILED"),
        ("INTERNAL_ERROR", None, "FAILED"),
        ("TERMINATED", "UPSTREAM_FAILED", "FAILED"),
        ("TERMINATED", "TIMEDOUT", "KILLED"),
        ("TERMINATED", "SUCCESS_WITH_FAILURES", "FAILED"),
        ("TERMINATED", "A_STATE_OF_THE_FUTURE", "FAILED"),
    ],
)
def test_whatever_is_not_success_ends_with_1_and_the_services_words(
    checkout, project, last_run, control, life_cycle: str, result: str | None, status: str
) -> None:
    project()
    state = {"life_cycle_state": life_cycle, "state_message": "said by the service"}
    state |= {"result_state": result} if result else {}
    answer = {"run_id": 1, "state": state, "run_page_url": "http://h", "tasks": []}
    with control.fault(kind="status", status=200, path="jobs/runs/get", body=answer):
        done = checkout.run(TRAIN)
    assert done.code == 1
    assert "said by the service" in done.err
    assert life_cycle in done.err
    assert last_run().info.status == status


def test_a_second_ctrl_c_leaves_at_once_and_says_that_the_run_may_go_on(
    checkout, project, control
) -> None:
    project(FOREVER)
    with (
        control.fault(kind="slow", path="jobs/runs/cancel", seconds=60),
        checkout.start(TRAIN) as process,
    ):
        iter_until(process, "  | ready")
        process.send_signal(signal.SIGINT)
        iter_until(process, "interrupted: cancelling the run; again to leave at once")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(r"the run may go on: http://\S+/jobs/\d+/runs/\d+", err)


def test_no_right_to_the_experiments_folder_is_said_with_a_way_out(
    checkout, project, control
) -> None:
    project()
    denied = {"error_code": "PERMISSION_DENIED", "message": "you@local may not write there"}
    with control.fault(kind="status", status=403, path="experiments/create", body=denied):
        done = checkout.run(TRAIN)
    assert done.code == 1
    assert "you@local may not write there" in done.err
    assert "--experiment /Users/you@local/training" in done.err


def test_an_upload_that_breaks_off_is_never_used(checkout, project, control) -> None:
    project(f"print({checkout.folder.name!r})\n")
    denied = {"error_code": "PERMISSION_DENIED", "message": "enough for now"}
    with control.fault(kind="status", status=403, path="workspace/import", after=2, body=denied):
        done = checkout.run(TRAIN)
    assert done.code == 1
    assert "enough for now" in done.err
    again = checkout.run(TRAIN)
    assert again.code == 0, again.err
    assert "project uploaded" in again.err


def test_two_triggers_at_once_do_not_collide(checkout, project) -> None:
    project(f"print({checkout.folder.name!r})\n")
    with checkout.start(TRAIN) as first, checkout.start(TRAIN) as second:
        said = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert len({job_run_id(err) for _, err in said}) == 2
