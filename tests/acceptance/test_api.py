"""`import mlops_core` in a program, against the embedded workspace."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from databricks.sdk import WorkspaceClient

import mlops_core
from mlops_core.naming import slug

PROGRAM = """
import json
from concurrent.futures import ThreadPoolExecutor
import mlops_core

branch = mlops_core.current_branch()
target = mlops_core.notebook_folder()
with ThreadPoolExecutor(2) as pool:  # one waits for the other
    both = pool.map(lambda _: mlops_core.import_notebooks("notebooks", target), range(2))
    sent, again = sorted(both, key=lambda report: report.unchanged)
back = mlops_core.export_notebooks(target, "copy")
try:
    mlops_core.require_version()
except mlops_core.MlopsError as error:
    missing = [error.message, error.hint]
print(json.dumps({
    "branch": branch,
    "target": target,
    "experiment": mlops_core.experiment_path("scoring"),
    "model": mlops_core.model_name(),
    "version": mlops_core.latest_version(),
    "missing": missing,
    "me": mlops_core.connect().me(),
    "sent": sent.summary,
    "again": again.summary,
    "back": back.summary,
}))
"""


def test_a_program_can_do_what_the_scripts_do(checkout, sdk: WorkspaceClient) -> None:
    checkout.write("notebooks/a.py", "# Databricks notebook source\nprint(1)\n")
    checkout.write("notebooks/lib/b.py", "ONE = 1\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=checkout.folder,
        env=checkout.environ,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    branch = checkout.git("branch", "--show-current").strip()
    target = f"/Users/you@local/{slug(branch)}"
    assert told == {
        "branch": branch,
        "target": target,
        "experiment": f"/Shared/you@local/{slug(branch)}/scoring",
        "model": f"{slug(branch)}_model",
        "version": None,
        "missing": [
            f"there is no registered model {slug(branch)}_model",
            "train one first: python mlflow_triggers/start_training_devops.py",
        ],
        "me": "you@local",
        "sent": "2 created",
        "again": "2 unchanged",
        "back": "2 written",
    }
    assert {found.path for found in sdk.workspace.list(target)} == {f"{target}/a", f"{target}/lib"}
    assert checkout.read("copy/a.py") == checkout.read("notebooks/a.py")
    assert checkout.read("copy/lib/b.py") == "ONE = 1\n"


LAUNCH = """
import mlops_core

outcome = mlops_core.launch("projects/small", parameters={"word": "hello"})
print(outcome.status, outcome.metrics, outcome.experiment)
"""


def test_a_program_can_launch_a_project(checkout) -> None:
    command = "python main.py {word}"
    checkout.write(
        "projects/small/MLproject",
        "name: small\nentry_points:\n  main:\n"
        f"    parameters: {{word: string}}\n    command: {command}\n",
    )
    checkout.write("projects/small/cluster.json", '{"existing_cluster_id": "1234-567890-abc"}')
    checkout.write(
        "projects/small/main.py",
        "import sys, mlflow\n"
        "with mlflow.start_run(): mlflow.log_metric('letters', len(sys.argv[1]))\n",
    )
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH],
        cwd=checkout.folder,
        env=checkout.environ,
        capture_output=True,
        text=True,
    )
    branch = slug(checkout.git("branch", "--show-current").strip())
    experiment = f"/Shared/you@local/{branch}/training"
    assert (done.stdout, done.stderr) == (f"FINISHED {{'letters': 5.0}} {experiment}\n", "")


def test_every_public_name_is_there_and_explained() -> None:
    assert len(mlops_core.__all__) > 15
    for name in mlops_core.__all__:
        assert getattr(mlops_core, name).__doc__, name


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = mlops_core.nothing
