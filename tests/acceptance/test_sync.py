"""`to_databricks.py` and `from_databricks.py` as a user types them, judged by databricks-sdk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

from mlops_core.local_workspace.lease import Lease
from mlops_core.naming import slug

PUSH, PULL = "databricks-sync/to_databricks.py", "databricks-sync/from_databricks.py"
HEADER = "# Databricks notebook source\n"
CELL = "\n\n# COMMAND ----------\n\n"


@pytest.fixture
def target(checkout, served: Lease) -> str:
    """The branch's folder in the workspace."""
    return f"/Users/{served.user}/{slug(checkout.git('branch', '--show-current').strip())}"


@pytest.fixture
def faults(served: Lease) -> Iterator[Callable[..., None]]:
    """Make the workspace fail, as long as the test lasts."""

    def send(method: str, body: dict[str, object] | None = None) -> None:
        request = urllib.request.Request(
            f"{served.host}/local/faults",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {served.token}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()

    yield lambda **rule: send("POST", rule) if rule else send("DELETE")
    send("DELETE")


def edit(sdk: WorkspaceClient, path: str, text: str) -> None:
    sdk.workspace.upload(
        path, text.encode(), format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )


def source(sdk: WorkspaceClient, path: str) -> str:
    return sdk.workspace.download(path, format=ExportFormat.SOURCE).read().decode()


def test_a_day_of_two_way_work(checkout, sdk, target):
    checkout.write("notebooks/a.py", f"{HEADER}one{CELL}two\n")
    checkout.write("notebooks/sub/q.sql", "-- Databricks notebook source\r\nSELECT 1\r\n")
    checkout.write("notebooks/module.py", "x = 1\n")
    checkout.commit()

    first = checkout.run(PUSH)
    assert first.code == 0, first.err
    *created, summary = first.out.splitlines()
    assert sorted(created) == [
        f"created  notebooks/a.py -> {target}/a",
        f"created  notebooks/module.py -> {target}/module.py",
        f"created  notebooks/sub/q.sql -> {target}/sub/q",
    ]
    assert summary == "3 created"
    seen = {one.path: one.object_type.value for one in sdk.workspace.list(target, recursive=True)}
    assert seen == {
        f"{target}/a": "NOTEBOOK",
        f"{target}/module.py": "FILE",
        f"{target}/sub/q": "NOTEBOOK",
    }
    assert checkout.run(PUSH).out == "3 unchanged\n"

    edit(sdk, f"{target}/a", f"{HEADER}one{CELL}two in the browser")
    pulled = checkout.run(PULL)
    assert pulled.code == 0
    assert pulled.out.splitlines()[:2] == [
        f"written  {target}/a -> notebooks/a.py (changed in the workspace)",
        "1 written, 2 unchanged",
    ]
    assert checkout.git("status", "--porcelain") == " M notebooks/a.py\n"
    assert checkout.read("notebooks/a.py") == f"{HEADER}one{CELL}two in the browser\n"

    command = pulled.out.splitlines()[-1].partition("python ")[2].split()
    restoring = [sys.executable, *command]
    subprocess.run(restoring, cwd=checkout.folder, env=checkout.environ, check=True)
    assert checkout.git("status", "--porcelain") == ""


def test_a_changed_notebook_is_left_and_the_hint_says_how_to_send_it(checkout, sdk, target):
    checkout.write("notebooks/a.py", f"{HEADER}one\n")
    checkout.run(PUSH)
    checkout.write("notebooks/a.py", f"{HEADER}two\n")
    left = checkout.run(PUSH)
    assert left.code == 3
    assert left.out == "left     notebooks/a.py (changed here)\n1 left\n"
    assert "python databricks-sync/to_databricks.py --overwrite" in left.err
    sent = checkout.run(PUSH, "--overwrite")
    assert sent.code == 0
    assert sent.out.splitlines()[:2] == [
        f"replaced notebooks/a.py -> {target}/a (changed here)",
        "1 replaced",
    ]
    assert "two" in source(sdk, f"{target}/a")


def test_a_dry_run_says_what_would_happen_and_does_nothing(checkout, sdk, target):
    checkout.write("notebooks/a.py", f"{HEADER}one\n")
    dry = checkout.run(PUSH, "--dry-run")
    assert dry.code == 0
    assert dry.out == f"create   notebooks/a.py -> {target}/a\nwould be: 1 created\n"
    assert list(sdk.workspace.list(target.rpartition("/")[0])) is not None
    assert checkout.run(PUSH).code == 0
    checkout.write("notebooks/a.py", f"{HEADER}two\n")
    assert checkout.run(PUSH, "--dry-run").code == 3
    dry = checkout.run(PUSH, "--dry-run", "--overwrite")
    assert dry.code == 0
    assert dry.out.startswith("replace  notebooks/a.py")
    assert "one" in source(sdk, f"{target}/a")


def test_from_databricks_takes_no_arguments(checkout):
    done = checkout.run(PULL, "--overwrite")
    assert done.code == 2
    assert "unrecognized arguments" in done.err


@pytest.mark.parametrize("options", [(), ("--watch",)])
def test_nothing_to_push_is_told(checkout, options):
    done = checkout.run(PUSH, *options)
    assert done.code == 2
    assert "NOTEBOOK_FOLDER: there is no folder" in done.err
    assert "hint:" in done.err


def test_a_pull_of_a_branch_that_was_never_pushed_is_told(checkout, target):
    done = checkout.run(PULL)
    assert done.code == 1
    assert f"there is no folder {target} in the workspace" in done.err
    assert "to_databricks.py" in done.err


def test_failures_are_listed_at_the_end_and_the_rest_is_done(checkout, sdk, target, faults):
    checkout.write("notebooks/good.py", f"{HEADER}one\n")
    checkout.write("notebooks/broken.ipynb", "{")
    checkout.write("notebooks/twin.py", f"{HEADER}one\n")
    checkout.write("notebooks/twin.sql", "-- Databricks notebook source\n")
    done = checkout.run(PUSH)
    assert done.code == 1
    assert done.out.splitlines()[-1] == "1 created, 2 failed"
    assert "broken.ipynb: no valid Jupyter notebook" in done.err
    assert "twin.py and twin.sql would both be twin in the workspace" in done.err
    assert "one" in source(sdk, f"{target}/good")


def test_a_token_that_is_refused_midway_is_told(checkout, faults):
    checkout.write("notebooks/a.py", f"{HEADER}one\n")
    faults(kind="status", status=401, path="workspace/import", body={"error_code": "x"})
    done = checkout.run(PUSH)
    assert done.code == 1
    assert "1 of 1 objects were not done" in done.err


def test_two_syncs_of_one_checkout_do_not_meet(checkout):
    for number in range(5):
        checkout.write(f"notebooks/n{number}.py", f"{HEADER}{number}\n")
    running = [checkout.start(PUSH) for _ in range(2)]
    answers = [one.communicate(timeout=120) for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert sorted(out.splitlines()[-1] for out, _ in answers) == ["5 created", "5 unchanged"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_ctrl_c_ends_a_push_and_the_next_one_goes_on(checkout, faults):
    for number in range(30):
        checkout.write(f"notebooks/n{number}.py", f"{HEADER}{number}\n")
    faults(kind="slow", seconds=60, path="workspace/import", after=5)
    pushing = checkout.start(PUSH, MLOPS_WORKERS="2")
    assert pushing.stdout is not None
    assert pushing.stdout.readline().startswith("created")
    pushing.send_signal(signal.SIGINT)
    _, err = pushing.communicate(timeout=60)
    assert pushing.returncode == 130
    assert "interrupted" in err
    faults()
    again = checkout.run(PUSH)
    assert again.code == 0
    counts = [int(part.split()[0]) for part in again.out.splitlines()[-1].split(", ")]
    assert sum(counts) == 30


def test_watching_and_a_dry_run_exclude_each_other(checkout):
    done = checkout.run(PUSH, "--watch", "--dry-run")
    assert done.code == 2
    assert "argument --dry-run: not allowed with argument --watch" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_push_that_is_cut_off_tells_what_it_did_and_how_to_take_it_back(
    checkout, sdk, target, faults, name
):
    for number in range(8):
        checkout.write(f"notebooks/n{number}.py", f"{HEADER}{number}\n")
    assert checkout.run(PUSH).code == 0
    for number in range(8):
        checkout.write(f"notebooks/n{number}.py", f"{HEADER}new {number}\n")
    faults(kind="slow", seconds=60, path="workspace/import", after=3)
    pushing = checkout.start(PUSH, "--overwrite", MLOPS_WORKERS="1")
    assert pushing.stdout is not None
    for _ in range(3):
        assert pushing.stdout.readline().startswith("replaced")
    pushing.send_signal(getattr(signal, name))
    out, err = pushing.communicate(timeout=60)
    assert (pushing.returncode, err.splitlines()[-1]) == (130, "interrupted")
    assert out.splitlines()[0] == "so far: 3 replaced"
    *words, backup = out.splitlines()[1].split()
    assert " ".join(words) == "to get back what was replaced: python -m mlops_core.cli.restore"
    faults()
    back = checkout.run("mlops_core/cli/restore.py", backup)
    assert back.code == 0, back.err
    texts = {source(sdk, f"{target}/n{number}") for number in range(8)}
    assert texts == {f"{HEADER}{number}\n" for number in range(8)}


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_watching_sends_what_changes_and_ends_cleanly(checkout, sdk, target):
    checkout.write("notebooks/a.py", f"{HEADER}one\n")
    watching = checkout.start(PUSH, "--watch", "--overwrite")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("created")
        assert watching.stdout.readline() == "1 created\n"
        checkout.write("notebooks/a.py", f"{HEADER}two\n")
        assert watching.stdout.readline().startswith("replaced notebooks/a.py")
        assert "two" in source(sdk, f"{target}/a")
    finally:
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert "no longer watching" in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_watching_waits_for_its_branch_and_its_folder_to_come_back(checkout, sdk, target):
    branch = checkout.git("branch", "--show-current").strip()
    checkout.git("branch", "bare")
    checkout.write("notebooks/a.py", f"{HEADER}one\n")
    checkout.commit()
    watching = checkout.start(PUSH, "--watch", "--overwrite")
    try:
        assert watching.stdout is not None and watching.stderr is not None
        assert watching.stdout.readline().startswith("created")
        assert watching.stdout.readline() == "1 created\n"
        checkout.git("switch", "--quiet", "bare")
        assert not (checkout.folder / "notebooks").exists()
        while not (said := watching.stderr.readline()).startswith("this checkout"):
            assert said, "it has ended"
        assert said.startswith(
            f"this checkout is on bare now: nothing is sent until it is on {branch}"
        )
        checkout.git("switch", "--quiet", branch)
        assert watching.stdout.readline() == "1 unchanged\n"
        checkout.write("notebooks/a.py", f"{HEADER}two\n")
        while "replaced" not in (line := watching.stdout.readline()):
            assert line == "1 unchanged\n"
        assert "two" in source(sdk, f"{target}/a")
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=60)
    assert watching.returncode == 0
