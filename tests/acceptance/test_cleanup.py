"""`clean_branch.py`: everything that a branch left goes, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError

from mlops_core.naming import model_name, slug

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "databricks-sync/clean_branch.py"
SMALL = "name: Small\nentry_points:\n  main:\n    command: python train.py\n"
TRAIN = """import mlflow
class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Model(), registered_model_name="{model}",
                            pip_requirements=["mlflow"])
"""
HEADER = "# Databricks notebook source\n"


def is_there(sdk: WorkspaceClient, path: str) -> bool:
    try:
        sdk.workspace.get_status(path)
    except DatabricksError:
        return False
    return True


def fill(checkout: Any, *, model: str) -> None:
    """Notebooks, a run with a model, and a job of the checkout's branch."""
    checkout.write("notebooks/one.py", HEADER + "print(1)\n")
    for name in ("ExampleTrainingProject", "ExampleScoringProject"):
        cluster = (ROOT / "projects" / name / "cluster.json").read_text()
        checkout.write(f"projects/{name}/MLProject", SMALL)
        checkout.write(f"projects/{name}/cluster.json", cluster)
        checkout.write(f"projects/{name}/train.py", TRAIN.replace("{model}", model))
    shutil.copytree(ROOT / "mlflow_hooks", checkout.folder / "mlflow_hooks")
    checkout.commit("Fill")
    for script, *options in (
        ("databricks-sync/to_databricks.py",),
        ("mlflow_triggers/start_training_devops.py",),
        ("mlflow_hooks/mlflow_training_hook.py", "--cron", "0 0 3 * * ?", "--pause"),
    ):
        done = checkout.run(script, *options)
        assert done.code == 0, done.err


def model_of(sdk: WorkspaceClient, name: str) -> bool:
    try:
        sdk.model_registry.get_latest_versions(name)
    except DatabricksError:
        return False
    return True


def test_a_branch_is_listed_and_then_removed_with_its_notebooks_kept(
    checkout: Any, make_checkout: Callable[..., Any], sdk: WorkspaceClient
) -> None:
    branch = checkout.git("branch", "--show-current").strip()
    dry = checkout.run(SCRIPT, branch)
    assert (dry.code, dry.out) == (0, "nothing to remove\n")
    model = model_name(branch)
    fill(checkout, model=model)
    listed = checkout.run(SCRIPT, branch)
    assert listed.code == 0
    kinds = [line.split()[1] for line in listed.out.splitlines()[:-1]]
    assert sorted(set(kinds)) == ["experiments", "job", "model", "notebooks", "upload"]
    assert kinds.count("upload") == 3  # the run's output, the project, the job's code
    assert listed.out.splitlines()[-1] == f"{len(kinds)} to remove: run this again with --yes"
    paths = [
        word
        for line in listed.out.splitlines()
        for word in line.split()
        if word.startswith(("/Users/", "/Shared/"))
    ]
    assert len(paths) == 5
    assert all(is_there(sdk, path) for path in paths)
    assert model_of(sdk, model)
    removed = checkout.run(SCRIPT, branch, "--yes")
    assert removed.code == 0, removed.err
    assert removed.out.splitlines()[-1] == f"{len(kinds)} removed"
    assert not any(is_there(sdk, path) for path in paths)
    assert not model_of(sdk, model)
    assert [job for job in sdk.jobs.list() if branch.replace("/", "-") in job.settings.name] == []
    (kept,) = checkout.folder.glob(".mlops/backup/*/workspace/one.py")
    assert kept.read_text() == HEADER + "print(1)\n"
    assert checkout.run(SCRIPT, branch, "--yes").out == "nothing to remove\n"


def test_a_model_with_versions_of_others_stays(checkout: Any, sdk: WorkspaceClient) -> None:
    branch = checkout.git("branch", "--show-current").strip()
    model = model_name(branch)
    sdk.model_registry.create_model(model)
    sdk.model_registry.create_model_version(model, source="s3://bucket/other")
    done = checkout.run(SCRIPT, branch, "--yes")
    assert done.code == 0, done.err
    assert f"model {model} (1 of its 1 versions are of somebody else's runs): left" in done.out
    assert model_of(sdk, model)


@pytest.mark.parametrize("branch", ["master", "main"])
def test_masters_are_never_removed(checkout: Any, branch: str) -> None:
    done = checkout.run(SCRIPT, branch, "--yes")
    assert done.code == 2
    assert f"what {branch} has in the workspace is never removed" in done.err


def test_no_branch_is_a_usage_error(checkout: Any) -> None:
    assert checkout.run(SCRIPT, "--yes").code == 2
    assert checkout.run(SCRIPT, "x", "--merged").code == 2


@pytest.fixture
def clone(make_checkout: Callable[..., Any], checkout: Any, tmp_path: Path) -> tuple[Any, Any]:
    """A remote with master, `alive` and `gone/soon`, and a full clone of it on master."""
    remote = make_checkout("master", **checkout.environ)
    for branch in ("alive", "gone/soon"):
        remote.git("branch", branch)
    folder = tmp_path / "clone"
    remote.git("clone", "--quiet", f"file://{remote.folder}", str(folder))
    return remote, type(remote)(folder, remote.environ)


@pytest.mark.parametrize("options", [("--merged",), ("--merged", "--fetched")])
def test_merged_cleans_only_branches_that_are_gone_from_the_remote(
    clone: tuple[Any, Any], sdk: WorkspaceClient, options: tuple[str, ...]
) -> None:
    remote, ours = clone
    slugs = {branch: slug(branch) for branch in ("master", "alive", "gone/soon")}
    for name in slugs.values():
        sdk.workspace.mkdirs(f"/Shared/you@local/{name}")
        try:
            sdk.experiments.create_experiment(f"/Shared/you@local/{name}/training")
        except DatabricksError as error:
            assert "exist" in str(error)
    before = ours.run(SCRIPT, *options)
    assert slugs["gone/soon"] not in before.out
    remote.git("branch", "--quiet", "-D", "gone/soon")
    ours.git("fetch", "--quiet", "--prune")
    done = ours.run(SCRIPT, *options, "--yes")
    assert done.code == 0, done.err
    assert f"{slugs['gone/soon']}: experiments" in done.out
    assert not is_there(sdk, f"/Shared/you@local/{slugs['gone/soon']}")
    for branch in ("master", "alive"):
        assert is_there(sdk, f"/Shared/you@local/{slugs[branch]}/training")


def test_merged_finds_branches_of_which_there_are_only_notebooks(
    clone: tuple[Any, Any], sdk: WorkspaceClient
) -> None:
    _, ours = clone
    ours.git("switch", "--quiet", "--create", "only/notebooks")
    ours.write("notebooks/one.py", HEADER + "print(1)\n")
    ours.commit()
    assert ours.run("databricks-sync/to_databricks.py").code == 0
    ours.git("switch", "--quiet", "master")
    name = slug("only/notebooks")
    assert name not in ours.run(SCRIPT, "--merged").out
    ours.git("branch", "--quiet", "-D", "only/notebooks")
    done = ours.run(SCRIPT, "--merged", "--yes")
    assert done.code == 0, done.err
    assert f"{name}: notebooks /Users/you@local/{name}" in done.out
    assert not is_there(sdk, f"/Users/you@local/{name}")


def test_a_clone_that_does_not_have_every_branch_is_not_trusted(
    clone: tuple[Any, Any], tmp_path: Path
) -> None:
    remote, _ = clone
    folder = tmp_path / "shallow"
    remote.git("clone", "--quiet", "--depth=1", f"file://{remote.folder}", str(folder))
    shallow = type(remote)(folder, remote.environ)
    done = shallow.run(SCRIPT, "--merged", "--fetched", "--yes")
    assert done.code == 2
    assert "this clone does not have all branches of origin" in done.err


def test_in_a_pipeline_notebooks_are_kept_in_the_workspace(
    checkout: Any, sdk: WorkspaceClient
) -> None:
    branch = checkout.git("branch", "--show-current").strip()
    checkout.write("notebooks/one.py", HEADER + "print(1)\n")
    checkout.commit()
    assert checkout.run("databricks-sync/to_databricks.py").code == 0
    done = checkout.run(SCRIPT, branch, "--yes", TF_BUILD="True")
    assert done.code == 0, done.err
    place = done.out.split("notebooks kept in ")[1].splitlines()[0]
    assert place.startswith("/Users/you@local/.mlops/trash/")
    assert sdk.workspace.get_status(f"{place}/one").object_type.value == "NOTEBOOK"


def test_what_fails_is_listed_and_a_second_run_finishes(
    checkout: Any, sdk: WorkspaceClient
) -> None:
    branch = checkout.git("branch", "--show-current").strip()
    for number in range(30):
        checkout.write(f"notebooks/n{number:02}.py", f"{HEADER}print({number})\n")
    checkout.commit()
    assert checkout.run("databricks-sync/to_databricks.py").code == 0
    folder = f"/Users/you@local/{slug(branch)}"
    for kind, path, status in (("status", "/export", 503), ("status", "/delete", 403)):
        fault = {"kind": kind, "path": path, "status": status, "times": 1}
        sdk.api_client.do("POST", "/local/faults", body=fault)
    failed = checkout.run(SCRIPT, branch, "--yes")
    sdk.api_client.do("DELETE", "/local/faults")
    assert failed.code == 1
    assert failed.out.splitlines()[-1] == "0 removed, 1 failed"
    assert is_there(sdk, f"{folder}/n29")
    with checkout.start(SCRIPT, branch, "--yes") as process:
        for line in process.stdout:
            if line.startswith(f"{branch}: notebooks"):
                process.kill()
        process.communicate()
    done = checkout.run(SCRIPT, branch, "--yes")
    assert done.code == 0, done.err
    assert not is_there(sdk, folder)
    kept = {file.read_text() for file in checkout.folder.glob(".mlops/backup/*/workspace/*.py")}
    assert kept == {f"{HEADER}print({number})\n" for number in range(30)}
