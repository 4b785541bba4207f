"""What bad input gets: a message, a hint, the right exit code, and nothing changed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

PUSH = "databricks-sync/to_databricks.py"
PULL = "databricks-sync/from_databricks.py"
TRAIN = "mlflow_triggers/start_training_devops.py"
SCORE = "mlflow_triggers/start_scoring_devops.py"
SCRIPTS = (PUSH, PULL, TRAIN, SCORE)

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "dapi" + "5ec4e7" * 6
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"


@contextmanager
def nothing_changes(checkout, sdk: WorkspaceClient | None = None) -> Iterator[None]:
    """Neither a file of the checkout nor a folder of the workspace is another one after it."""
    before = files_of(checkout), folders_of(sdk)
    yield
    assert (files_of(checkout), folders_of(sdk)) == before


def files_of(checkout) -> dict[str, bytes]:
    found = [path for path in checkout.folder.rglob("*") if path.is_file()]
    paths = {path.relative_to(checkout.folder): path for path in found}
    hidden = (".git", ".mlops")
    return {
        str(name): path.read_bytes() for name, path in paths.items() if name.parts[0] not in hidden
    }


def folders_of(sdk: WorkspaceClient | None) -> set[str]:
    if sdk is None:
        return set()
    above = ["/Users/you@local", *(each.path for each in sdk.workspace.list("/Shared"))]
    return {each.path for folder in above for each in sdk.workspace.list(folder)}


@pytest.fixture
def work(checkout):
    """A checkout with a notebook and a training project that would run."""
    checkout.write("notebooks/a.py", NOTEBOOK)
    shutil.copytree(ROOT / "projects", checkout.folder / "projects")
    checkout.commit()
    return checkout


@pytest.fixture
def nowhere(make_checkout):
    """A checkout without any setting."""
    checkout = make_checkout("feature/nowhere")
    checkout.write("notebooks/a.py", NOTEBOOK)
    return checkout


# Settings


@pytest.mark.parametrize("script", SCRIPTS)
def test_missing_settings_are_one_message(nowhere, script: str) -> None:
    with nothing_changes(nowhere):
        done = nowhere.run(script)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: 2 settings:\n")
    assert "DATABRICKS_HOST=local" in done.err
    assert "DATABRICKS_TOKEN is not set" in done.err
    assert f"hint:  put that into {nowhere.folder / '.env'} (start from env.sample)" in done.err
    assert not (nowhere.folder / ".mlops").exists()


@pytest.mark.parametrize("script", [PUSH, TRAIN])
def test_wrong_settings_are_one_message_without_the_token(nowhere, script: str) -> None:
    wrong = {
        "DATABRICKS_HOST": "adb-1.2.azuredatabricks.net/?o=1 2",
        "DATABRICKS_TOKEN": f"{TOKEN} x",
        "NOTEBOOK_FOLDER": "../notebooks",
        "MODEL_NAME": "a/b",
        "MLOPS_RUN_TIMEOUT": "soon",
        "MLOPS_WORKERS": "0",
    }
    nowhere.write(".env", "".join(f"{name}={value}\n" for name, value in wrong.items()))
    with nothing_changes(nowhere):
        done = nowhere.run(script, MLOPS_WORKERS="65")
    assert done.code == 2
    told = [name for name in wrong if f"\n  {name}" in done.err]
    assert told == [name for name in wrong if name != "DATABRICKS_HOST"]  # its path is dropped
    assert "MLOPS_WORKERS=65: should be" in done.err
    assert "change MLOPS_WORKERS in the environment, which beats .env" in done.err
    assert TOKEN not in done.err


def test_the_triggers_ask_for_a_registry_before_anything_runs(work, sdk: WorkspaceClient) -> None:
    with nothing_changes(work, sdk):
        done = work.run(TRAIN, MLFLOW_REGISTRY_URI="")
    assert done.code == 2
    assert "MODEL_SCHEMA=catalog.schema" in done.err
    assert "MLFLOW_REGISTRY_URI=databricks" in done.err


@pytest.mark.parametrize(("script", "argument"), [(PULL, "notebooks"), (PUSH, "--force")])
def test_an_argument_that_is_not_known_is_a_usage_error(work, script: str, argument: str) -> None:
    with nothing_changes(work):
        done = work.run(script, argument)
    assert done.code == 2
    assert f"unrecognized arguments: {argument}" in done.err


# The host and the token


def test_a_host_that_refuses_or_never_answers_is_told_soon(work) -> None:
    """All at once: the patient ones take ten seconds each, on one that accepts and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        given = {"DATABRICKS_HOST": address, "DATABRICKS_TOKEN": TOKEN}
        with nothing_changes(work):
            patient = [
                work.start(PUSH, **given),
                work.start(TRAIN, **given),
                work.start(PULL, **{**given, "DATABRICKS_TOKEN": ""}),
            ]
            refused = work.run(PUSH, DATABRICKS_HOST="http://127.0.0.1:1")
            # Without the ten seconds, a request has five minutes.
            ends = [(*each.communicate(timeout=60), each.returncode) for each in patient]
    assert refused.code == 1
    assert "no answer from http://127.0.0.1:1: connection refused" in refused.err
    for _, err, code in ends:
        assert code == 1
        assert f"no answer from {address}: no answer in the time allowed" in err
        assert "hint:  check DATABRICKS_HOST" in err
        assert TOKEN not in err


def test_mlflows_own_server_that_is_not_there_is_told_soon(nowhere) -> None:
    shutil.copytree(ROOT / "projects", nowhere.folder / "projects")
    uri = "http://me:geheim@127.0.0.1:1"
    with nothing_changes(nowhere):
        done = nowhere.run(TRAIN, MLFLOW_TRACKING_URI=uri)
    assert done.code == 1
    assert "no answer from http://127.0.0.1:1: connection refused" in done.err
    assert "hint:  check MLFLOW_TRACKING_URI" in done.err
    assert "geheim" not in done.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_refused_token_is_told_with_where_it_is_from(
    work, served, sdk: WorkspaceClient, script: str
) -> None:
    with nothing_changes(work, sdk):
        done = work.run(script, DATABRICKS_TOKEN=TOKEN)
    assert done.code == 1
    assert "refused the login (token from DATABRICKS_TOKEN)" in done.err
    page = f"{served.host}/settings/user/developer/access-tokens"
    assert f"hint:  make a new token at {page} and set DATABRICKS_TOKEN to it" in done.err


@pytest.fixture
def login_page() -> Iterator[str]:
    """A host that answers every request with a page for people."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><html><body>Sign in</body></html>")

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what fails."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("script", [PULL, SCORE])
def test_a_login_page_instead_of_json_is_no_traceback(work, login_page: str, script: str) -> None:
    with nothing_changes(work):
        done = work.run(script, DATABRICKS_HOST=login_page)
    assert done.code == 1
    assert "error: " in done.err
    assert "hint:  make a new token at" in done.err
    assert "<html" not in done.err


# Folder and branch


def test_a_pull_without_the_workspace_folder_names_the_push(work, sdk: WorkspaceClient) -> None:
    with nothing_changes(work, sdk):
        done = work.run(PULL, MLOPS_BRANCH="none-such")
    assert done.code == 1
    assert "there is no folder /Users/you@local/none-such in the workspace" in done.err
    assert f"hint:  to create it: python {PUSH}" in done.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_a_branch_it_is_said_what_to_set(work, sdk: WorkspaceClient, script: str) -> None:
    work.git("checkout", "--quiet", "--detach")
    with nothing_changes(work, sdk):
        detached = work.run(script)
    assert detached.code == 2
    assert "is on no branch (detached HEAD)" in detached.err
    assert "hint:  set MLOPS_BRANCH to the branch's name" in detached.err
    shutil.rmtree(work.folder / ".git")
    with nothing_changes(work, sdk):
        archive = work.run(script)
    assert archive.code == 2
    assert "is no git checkout" in archive.err
    assert "hint:  set MLOPS_BRANCH" in archive.err


def test_a_push_needs_something_to_send_and_a_pull_does_not(work, sdk: WorkspaceClient) -> None:
    with nothing_changes(work, sdk):
        missing = work.run(PUSH, NOTEBOOK_FOLDER="nix")
        (work.folder / "empty").mkdir()
        empty = work.run(PUSH, NOTEBOOK_FOLDER="empty")
    assert (missing.code, empty.code) == (2, 1)
    assert f"NOTEBOOK_FOLDER: there is no folder {work.folder / 'nix'}" in missing.err
    assert f"hint:  set NOTEBOOK_FOLDER in {work.folder / '.env'}" in missing.err
    assert f"NOTEBOOK_FOLDER: nothing in {work.folder / 'empty'} can be sent" in empty.err
    assert "hint:  put a notebook there" in empty.err

    assert work.run(PUSH).code == 0
    pulled = work.run(PULL, NOTEBOOK_FOLDER="new/notebooks")
    assert pulled.code == 0, pulled.err
    assert work.read("new/notebooks/a.py") == NOTEBOOK


@pytest.mark.parametrize("script", [PUSH, PULL])
@pytest.mark.parametrize(
    ("folder", "reason"), [("README.md", "is no folder"), (".git/info", "is never sent")]
)
def test_a_notebook_folder_that_cannot_be_one(work, sdk, script, folder, reason) -> None:
    work.write("README.md", "# Work\n")
    with nothing_changes(work, sdk):
        done = work.run(script, NOTEBOOK_FOLDER=folder)
    assert done.code == 2
    assert f"NOTEBOOK_FOLDER: {work.folder / folder} {reason}" in done.err
    assert "hint:  set NOTEBOOK_FOLDER" in done.err


def test_a_file_in_the_place_of_the_state(work, sdk: WorkspaceClient) -> None:
    work.write(".mlops", "mine\n")
    with nothing_changes(work, sdk):
        done = work.run(PUSH)
    assert done.code == 1
    assert f"{work.folder / '.mlops'} is no folder" in done.err
    assert "hint:  move it away" in done.err


def test_a_checkout_without_git_is_not_sent(work, sdk: WorkspaceClient) -> None:
    """What git ignores would travel."""
    with nothing_changes(work, sdk):
        done = work.run(PUSH, PATH=str(work.folder), MLOPS_BRANCH="b")
    assert done.code == 1
    assert f"there is no git here to read the checkout {work.folder}" in done.err
    assert "hint:  install git" in done.err


def test_the_file_with_the_token_stays_here(work, sdk: WorkspaceClient) -> None:
    work.write(".gitignore", "")
    done = work.run(PUSH, NOTEBOOK_FOLDER=".")
    assert done.code == 0, done.err
    assert ".gitignore" in done.out
    assert ".env" not in done.out


# Files with errors in them


@pytest.mark.parametrize("content", ['{"cells": [', "[]", '{"cells": 3}', b"\xff\xfe\x00"])
def test_an_invalid_notebook_is_named_and_the_others_are_sent(
    work, sdk: WorkspaceClient, content: str | bytes
) -> None:
    work.write("notebooks/broken.ipynb", content)
    done = work.run(PUSH)
    assert done.code == 1
    assert "error: broken.ipynb: no valid Jupyter notebook: " in done.err
    assert "hint:  open and save it in Jupyter" in done.err
    assert done.out.splitlines()[-1] == "1 created, 1 failed"
    (folder,) = {line.split(" -> ")[1].rpartition("/")[0] for line in done.out.splitlines()[:-1]}
    assert {each.path for each in sdk.workspace.list(folder)} == {f"{folder}/a"}
    with nothing_changes(work, sdk):
        again = work.run(PUSH, "--overwrite")
    assert again.code == 1
    assert again.out.splitlines()[-1] == "1 failed, 1 unchanged"


FOLDER = "projects/ExampleTrainingProject"
POINTS = "entry_points: {main: {command: python train.py, parameters: {rows: {type: flot}}}}"
ERRORS = {
    "mlproject no yaml": ("MLProject", "name: [", "is no valid YAML"),
    "mlproject type": ("MLProject", POINTS, "entry_points.main.parameters.rows: 'flot' is no type"),
    "cluster no json": ("cluster.json", '{"new_cluster": ', "is no valid JSON"),
    "cluster type": (
        "cluster.json",
        json.dumps({"new_cluster": {"spark_version": 3, "node_type_id": "x", "num_workers": 0}}),
        "new_cluster.spark_version",
    ),
    "cluster key": ("cluster.json", "{}", "expected a cluster spec"),
    "no cluster": ("cluster.json", None, "cluster.json"),
    "no mlproject": ("MLProject", None, "no MLproject file"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_project_with_an_error_names_file_and_key(work, sdk: WorkspaceClient, case: str) -> None:
    name, content, said = ERRORS[case]
    (work.folder / FOLDER / name).unlink()
    if content is not None:
        work.write(f"{FOLDER}/{name}", content)
    with nothing_changes(work, sdk):
        done = work.run(TRAIN)
    assert done.code == 1
    assert str(work.folder / FOLDER) in done.err
    assert said in done.err
    assert "\nhint:  " in done.err


# Secrets

DEBUG = """
import logging, runpy, sys
logging.basicConfig(level=logging.DEBUG)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
BUG = """
import sys
from mlops_core.cli import main, sync
from mlops_core.workspace.client import WorkspaceClient

def me(client):
    headers = client.http._authorize()
    raise RuntimeError(f"cannot send {headers}")

WorkspaceClient.me = me
sys.exit(main.run(sync.PUSH, []))
"""


@pytest.mark.parametrize("script", [PULL, TRAIN])
def test_the_log_of_everything_has_no_token(work, served, script: str) -> None:
    work.write(f"{FOLDER}/train.py", "print('ran')\n")
    assert work.run(PUSH).code == 0
    code = [sys.executable, "-c", DEBUG, str(ROOT / script)]
    done = subprocess.run(
        code, cwd=work.folder, env=work.environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "DEBUG:mlops_core.workspace.http:" in done.stderr
    assert served.token not in done.stdout + done.stderr


def test_the_report_of_a_bug_has_no_token(work, served, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    environ = {**work.environ, "TMPDIR": str(reports), "TEMP": str(reports)}
    done = subprocess.run(
        [sys.executable, "-c", BUG], cwd=work.folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 70
    (report,) = reports.glob("mlops-bug-*.txt")
    assert str(report) in done.stderr
    text = report.read_text(encoding="utf-8")
    assert "RuntimeError: cannot send {'Authorization': 'Bearer [token]'}" in text
    assert served.token not in text + done.stderr
