"""The embedded workspace as its users meet it: started by scripts, by hand, and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from databricks.sdk import WorkspaceClient

PUSH = "databricks-sync/to_databricks.py"
PULL = "databricks-sync/from_databricks.py"
TRAIN = "mlflow_triggers/start_training_devops.py"

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "# Databricks notebook source\nprint({})\n"
DATA = Path(".mlops", "local-workspace")


@pytest.fixture
def local(make_checkout):
    """A checkout as a newcomer makes it: env.sample is its .env."""
    checkout = make_checkout("feature/local")
    checkout.write(".env", (ROOT / "env.sample").read_bytes())
    checkout.write("notebooks/a.py", NOTEBOOK.format(1))
    return checkout


def server_of(checkout) -> psutil.Process:
    told = json.loads((checkout.folder / DATA / "server.json").read_text(encoding="utf-8"))
    return psutil.Process(told["pid"])


def is_over(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in ``folder`` or was told of it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = (process.cwd(), *process.cmdline())
        except psutil.Error:
            continue  # it ended meanwhile, or is somebody else's
        if any(str(folder) in word for word in words):
            found.append(process)
    return found


@contextmanager
def limited(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill ``process`` at the end, or when it takes too long: then what is read of it ends."""
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        with process:
            yield process
            process.kill()
    finally:
        timer.cancel()
        process.kill()


@contextmanager
def watching(checkout) -> Iterator[subprocess.Popen[str]]:
    """A push that goes on, and so keeps the workspace up; its first round is done."""
    with limited(checkout.start(PUSH, "--watch")) as process:
        assert process.stdout.readline().startswith("created ")
        assert process.stdout.readline() == "1 created\n"
        yield process


def test_two_scripts_share_one_server_and_the_first_to_end_leaves_it(local) -> None:
    with watching(local) as watch:
        server = server_of(local)
        other = local.run(PULL)
        assert (other.code, other.out) == (0, "1 unchanged\n"), other.err
        assert server_of(local) == server
        assert server.is_running()
        local.write("notebooks/b.py", NOTEBOOK.format(2))
        assert watch.stdout.readline().startswith("created  notebooks/b.py -> ")
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=60)
        assert watch.returncode == 0, err
    assert is_over(server)
    assert processes_of(local.folder) == []


def test_two_pushes_at_once_both_succeed_and_the_state_survives(local) -> None:
    both = [local.start(PUSH), local.start(PUSH)]
    ends = [(*each.communicate(timeout=120), each.returncode) for each in both]
    assert [code for *_, code in ends] == [0, 0], ends
    assert sorted(out.splitlines()[-1] for out, *_ in ends) == ["1 created", "1 unchanged"]
    with suppress(psutil.NoSuchProcess):
        assert is_over(server_of(local))

    (local.folder / "notebooks" / "a.py").unlink()
    again = local.run(PULL)
    assert (again.code, again.out.splitlines()[-1]) == (3, "1 left"), again.err
    assert local.run(PUSH, NOTEBOOK_FOLDER="notebooks2").code == 2
    assert processes_of(local.folder) == []


def test_a_killed_server_is_told_in_the_middle_of_a_push(local) -> None:
    for number in range(300):
        local.write(f"notebooks/n{number}.py", NOTEBOOK.format(number))
    with limited(local.start(PUSH)) as push:
        assert push.stdout.readline().startswith("created ")
        server_of(local).kill()
        out, err = push.communicate(timeout=60)
    assert push.returncode == 1
    assert "Traceback" not in err
    assert "connection refused" in err
    assert "hint:  the embedded workspace has ended; run this command again" in err
    assert " failed" in out.splitlines()[-1]

    again = local.run(PUSH)
    assert again.code == 0, again.err
    assert local.run(PUSH).out == "301 unchanged\n"


def test_a_killed_server_is_told_in_the_middle_of_a_run_and_ends_it(local) -> None:
    folder = "projects/ExampleTrainingProject"
    local.write(f"{folder}/MLProject", "entry_points: {main: {command: python train.py}}\n")
    local.write(f"{folder}/cluster.json", '{"existing_cluster_id": "x"}')
    forever = "print('ready', flush=True)\nimport threading\nthreading.Event().wait()\n"
    local.write(f"{folder}/train.py", forever)
    with limited(local.start(TRAIN)) as training:
        for line in training.stderr:
            if line.endswith("| ready\n"):
                break
        server = server_of(local)
        started = server.children(recursive=True)
        assert started
        server.kill()
        _, err = training.communicate(timeout=60)
    assert training.returncode == 1
    assert "Traceback" not in err
    assert "hint:  the embedded workspace has ended; run this command again" in err
    _, left = psutil.wait_procs(started, timeout=30)
    assert [process for process in left if not is_over(process)] == []


# By hand


@pytest.fixture
def serve(tmp_path: Path, make_checkout: Callable) -> Iterator[Callable]:
    """Start it in an empty folder without git; gives the process and the lines it prints."""
    folder = tmp_path / "empty"
    folder.mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
        command = [sys.executable, "-m", "mlops_core.local_workspace", *arguments]
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, [process.stdout.readline().rstrip("\n") for _ in range(7)]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_its_lines_are_ready_to_paste_and_mlflow_and_the_scripts_follow_them(
    serve: Callable, make_checkout: Callable, tmp_path: Path
) -> None:
    process, lines = serve()
    exports = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
    environ = dict(line.split("=", 1) for line in exports)
    assert list(environ) == [
        "DATABRICKS_HOST",
        "DATABRICKS_TOKEN",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
    ]
    assert lines[:4] == [f"export {line}" for line in exports]  # nothing that a shell must quote
    assert f"{environ['DATABRICKS_HOST']}/login?once=" in lines[5]

    checkout = make_checkout("feature/pasted", **environ)
    checkout.write("notebooks/a.py", NOTEBOOK.format(1))
    pushed = checkout.run(PUSH)
    assert pushed.code == 0, pushed.err
    sdk = WorkspaceClient(host=environ["DATABRICKS_HOST"], token=environ["DATABRICKS_TOKEN"])
    sdk.workspace.mkdirs("/Shared/team")
    mlflow = [sys.executable, "-m", "mlflow", "experiments"]
    both = {**os.environ, **environ}
    create = [*mlflow, "create", "-n", "/Shared/team/trial"]
    created = subprocess.run(create, cwd=tmp_path, env=both, capture_output=True, text=True)
    assert created.returncode == 0, created.stderr
    assert [each.path for each in sdk.workspace.list("/Shared/team")] == ["/Shared/team/trial"]

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert processes_of(tmp_path / "empty") == []
    assert [path.name for path in (tmp_path / "empty").iterdir()] == [".mlops"]

    again, same = serve()
    assert same[:4] == lines[:4]  # port, token and all, so that a second paste is not needed
    assert checkout.run(PUSH).out == "1 unchanged\n"
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)
    assert processes_of(tmp_path / "empty") == []


def test_a_script_of_the_same_folder_uses_the_one_started_by_hand(serve: Callable, local) -> None:
    data = local.folder / DATA
    process, lines = serve("--data", str(data))
    pushed = local.run(PUSH)
    assert pushed.code == 0, pushed.err
    assert "starting the embedded workspace" not in pushed.err
    assert process.poll() is None
    host, token = (line.split("=", 1)[1] for line in lines[:2])
    sdk = WorkspaceClient(host=host, token=token)
    assert sdk.current_user.me().user_name == "you@local"
    assert token not in pushed.out + pushed.err


def test_a_data_folder_that_is_served_already_is_told(serve: Callable, local) -> None:
    data = str(local.folder / DATA)
    serve("--data", data)
    command = [sys.executable, "-m", "mlops_core.local_workspace", "--data", data]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode in {1, 2}
    assert second.stderr.startswith("error: ")
    assert "hint:" in second.stderr
