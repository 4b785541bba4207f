"""`report.py` after real runs: this branch beside master, and what a failure leaves."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_core.local_workspace.lease import Lease

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "mlflow_triggers/report.py"
TRAINING = "mlflow_triggers/start_training_devops.py"
PROJECT = "projects/ExampleTrainingProject"
MLPROJECT = "name: Small\nentry_points:\n  main:\n    command: python train.py\n"
TRAIN = """import mlflow
with mlflow.start_run():
    mlflow.log_metrics({{"accuracy": {accuracy}, "log_loss": {loss}}})
"""


@pytest.fixture
def small(make_checkout: Callable[..., Any], served: Lease) -> Callable[..., Any]:
    """Make a checkout whose training only logs two metrics."""

    def make(branch: str, *, accuracy: float, loss: float) -> Any:
        checkout = make_checkout(
            branch,
            DATABRICKS_HOST=served.host,
            DATABRICKS_TOKEN=served.token,
            MLFLOW_REGISTRY_URI="databricks",
        )
        checkout.write(f"{PROJECT}/MLProject", MLPROJECT)
        cluster = (ROOT / PROJECT / "cluster.json").read_text()
        checkout.write(f"{PROJECT}/cluster.json", cluster)
        checkout.write(f"{PROJECT}/train.py", TRAIN.format(accuracy=accuracy, loss=loss))
        checkout.commit()
        return checkout

    return make


def test_a_branch_stands_beside_masters_newest_run(small: Callable[..., Any]) -> None:
    master = small("master", accuracy=0.9, loss=0.25)
    assert master.run(TRAINING).code == 0
    sha = master.git("rev-parse", "HEAD").strip()
    branch = small("feature/better", accuracy=0.95, loss=0.5)
    assert branch.run(TRAINING).code == 0
    summary = branch.folder.parent / "summary.md"
    done = branch.run(SCRIPT, GITHUB_STEP_SUMMARY=str(summary))
    assert done.code == 0, done.err
    assert "# Pipelines of `feature/better`" in done.out
    assert "| accuracy | 0.95 | 0.9 | +0.05 | better |" in done.out
    assert "| log_loss | 0.5 | 0.25 | +0.25 | worse |" in done.out
    assert sha[:10] in done.out
    assert "## Scoring: did not run" in done.out
    assert summary.read_text().strip() == done.out.strip()


def test_only_runs_of_this_commit_count(small: Callable[..., Any]) -> None:
    branch = small("feature/older", accuracy=0.9, loss=0.1)
    assert branch.run(TRAINING).code == 0
    branch.write("README.md", "more\n")
    branch.commit()
    assert "## Training: did not run" in branch.run(SCRIPT).out


def test_a_failure_is_explained_and_counts_as_a_failed_test(small: Callable[..., Any]) -> None:
    branch = small("feature/fails", accuracy=0, loss=0)
    branch.write(f"{PROJECT}/train.py", "print('half way')\nraise ValueError('no data <today>')\n")
    branch.commit()
    assert branch.run(TRAINING).code == 1
    done = branch.run(SCRIPT, "--junit", "results.xml", "--markdown", "report.md", TF_BUILD="True")
    assert done.code == 0, done.err
    report = (branch.folder / "report.md").read_text()
    assert "## Training: failed" in report
    assert "- reason: ValueError: no data <today>" in report
    assert "half way" in report
    assert f"##vso[task.uploadsummary]{branch.folder / 'report.md'}" in done.out
    training, scoring = ET.parse(branch.folder / "results.xml").getroot()
    assert "no data <today>" in training[0].attrib["message"]
    assert "half way" in (training[0].text or "")
    assert scoring[0].attrib["message"] == "there is no run of this commit"


def test_a_place_that_cannot_be_written_is_a_usage_error(small: Callable[..., Any]) -> None:
    branch = small("feature/nowhere", accuracy=0, loss=0)
    done = branch.run(SCRIPT, "--markdown", "no/such/folder.md")
    assert done.code == 2
    assert "cannot write no/such/folder.md" in done.err


def test_without_a_workspace_it_says_what_to_set(make_checkout: Callable[..., Any]) -> None:
    done = make_checkout("x", MLFLOW_TRACKING_URI="sqlite:///x.db").run(SCRIPT)
    assert done.code == 2
    assert "the report reads a workspace" in done.err
