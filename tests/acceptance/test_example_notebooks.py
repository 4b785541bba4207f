"""The example notebooks arrive as what they are, and those in Python run in the workspace."""

from __future__ import annotations

import shutil

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask

from mlops_core.naming import slug

PYTHON = ("explore", "correlated", "branch_results")


@pytest.fixture
def pushed(checkout, request: pytest.FixtureRequest) -> str:
    """The folder in the workspace that holds the example notebooks."""
    source = request.config.rootpath / "notebooks"
    shutil.copytree(source, checkout.folder / "notebooks", dirs_exist_ok=True)
    done = checkout.run("databricks-sync/to_databricks.py")
    assert done.code == 0, done.err
    return f"/Users/you@local/{slug(checkout.git('branch', '--show-current').strip())}"


def test_each_is_what_it_says(pushed: str, sdk: WorkspaceClient) -> None:
    found = {
        one.path.removeprefix(f"{pushed}/"): one.language.value if one.language else None
        for one in sdk.workspace.list(pushed)
        if one.path
    }
    assert found == {
        "explore": "PYTHON",
        "correlated": "PYTHON",
        "branch_results": "PYTHON",
        "scored": "SQL",
        "large": "SCALA",
        "spread": "R",
        "tumours.py": None,
        "README.md": None,
    }


@pytest.mark.parametrize("name", PYTHON)
def test_those_in_python_run(name: str, pushed: str, sdk: WorkspaceClient) -> None:
    task = SubmitTask(task_key=name, notebook_task=NotebookTask(notebook_path=f"{pushed}/{name}"))
    run = sdk.jobs.submit(tasks=[task]).result()
    assert run.state and run.state.result_state is RunResultState.SUCCESS, run.state
