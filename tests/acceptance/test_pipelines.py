"""Every script step of every pipeline file, in order, as the agent runs it.

A detached HEAD in a clone as deep as the file asks for, the service's own variables, a shell's
USER, and a Python that has nothing of the project until the file's own pip step has run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError

from mlops_core.local_workspace.lease import Lease, acquire
from mlops_core.naming import slug

ROOT = Path(__file__).resolve().parents[2]
FEATURE = "feature/agent"


@dataclass
class Said:
    """What one step printed, and how it ended."""

    command: str
    code: int
    out: str


@dataclass
class Agent:
    """A machine of a pipeline service, with one job's files and variables.

    ``variables`` are what macros and expressions know; ``environ`` is what every step gets.
    """

    folder: Path
    environ: dict[str, str]
    variables: Mapping[str, str]
    steps: list[Said] = field(default_factory=list)

    def run(self, command: str, environ: Mapping[str, object]) -> Said:
        told = {name: self.expand(str(value)) for name, value in environ.items()}
        done = subprocess.run(
            shlex.split(self.expand(command)),
            cwd=self.folder,
            env={**self.environ, **told},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        said = Said(command, done.returncode, done.stdout)
        self.steps.append(said)
        return said

    def expand(self, text: str) -> str:
        """Azure's `$(NAME)`, left alone when unknown; GitHub's `${{ … }}`, empty when unknown."""
        known = self.variables
        text = re.sub(r"\$\(([\w.]+)\)", lambda m: known.get(m[1], m[0]), text)
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda m: self._evaluate(m[1]), text)

    def _evaluate(self, expression: str) -> str:
        for choice in expression.split(" || "):
            values = [self._value(term) for term in choice.split(" && ")]
            if all(values):
                return values[-1]
        return ""

    def _value(self, term: str) -> str:
        quoted = re.fullmatch(r"'(.*)'", term)
        return quoted[1] if quoted else self.variables.get(term.partition(".")[2], "")


@pytest.fixture
def remote(project_remote: Path) -> Path:
    """This project as a repository with master and a feature branch."""
    git(project_remote, "branch", "--force", FEATURE)
    return project_remote


@pytest.fixture
def python(fresh_python: Path) -> Path:
    """The agent's Python."""
    return fresh_python


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lease]:
    """A workspace of the pipelines' own: they clean up in it."""
    with acquire(tmp_path_factory.mktemp("workspace") / ".mlops" / "local-workspace") as lease:
        yield lease


@pytest.fixture
def client(workspace: Lease) -> WorkspaceClient:
    return WorkspaceClient(host=workspace.host, token=workspace.token)


def check_out(remote: Path, folder: Path, branch: str, *, depth: int) -> None:
    """As both services do it: one commit, detached; with depth 0 every branch and all history."""
    git(remote, "clone", "--quiet", "--no-checkout", f"file://{remote}", str(folder))
    if depth:
        shutil.rmtree(folder)
        folder.mkdir()
        git(folder, "init", "--quiet")
        git(folder, "remote", "add", "origin", f"file://{remote}")
        sha = git(remote, "rev-parse", branch).strip()
        git(folder, "fetch", "--quiet", "--depth=1", "origin", sha)
    git(folder, "checkout", "--quiet", "--detach", git(remote, "rev-parse", branch).strip())


def machine(folder: Path, python: Path) -> dict[str, str]:
    """What any agent's shell has; no index is asked for anything."""
    home = folder.parent / f"{folder.name}-home"
    home.mkdir()
    return {
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "CI": "true",
    }


def run_azure(name: str, agent: Agent) -> list[Said]:
    """The script steps of one Azure file; a step runs after a failure only if it says so."""
    (job,) = yaml.safe_load((ROOT / ".azure_pipelines" / name).read_text())["jobs"]
    return run_steps(agent, job["steps"], "script", "condition", "succeededOrFailed()")


def run_github(name: str, agent: Agent) -> list[Said]:
    """The run steps of one GitHub file."""
    text = (ROOT / ".github" / "workflows" / name).read_text()
    (job,) = yaml.safe_load(text)["jobs"].values()
    agent.environ.update({key: agent.expand(str(value)) for key, value in job["env"].items()})
    return run_steps(agent, job["steps"], "run", "if", "success() || failure()")


def run_steps(
    agent: Agent, steps: list[dict[str, Any]], key: str, condition: str, always: str
) -> list[Said]:
    has_failed = False
    for step in steps:
        if key in step and (not has_failed or step.get(condition) == always):
            has_failed |= agent.run(step[key], step.get("env", {})).code != 0
    return agent.steps


def azure_agent(
    remote: Path, folder: Path, python: Path, workspace: Lease, *, name: str, branch: str
) -> Agent:
    text = (ROOT / ".azure_pipelines" / name).read_text()
    depth = int(re.search(r'fetchDepth: "(\d)"', text)[1])  # type: ignore[index]  # it is there
    check_out(remote, folder, branch, depth=depth)
    is_pull_request = branch != "master"
    group = {"DATABRICKS_HOST": workspace.host, "MLFLOW_REGISTRY_URI": "databricks"}
    system = {
        "TF_BUILD": "True",
        "USER": "vsts",
        "BUILD_SOURCEBRANCH": "refs/pull/7/merge" if is_pull_request else "refs/heads/master",
        "BUILD_SOURCEBRANCHNAME": "merge" if is_pull_request else "master",
        "BUILD_BUILDID": "42",
        "SYSTEM_TEAMPROJECT": "mlops",
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/example/",
        "MLOPS_RUN_TIMEOUT": "60",
    }
    if is_pull_request:
        system["SYSTEM_PULLREQUEST_SOURCEBRANCH"] = f"refs/heads/{branch}"
        system["SYSTEM_PULLREQUEST_PULLREQUESTID"] = "7"
    environ = {**machine(folder, python), **system, **group}
    return Agent(folder, environ, {**group, "DATABRICKS_TOKEN": workspace.token})


def github_agent(
    remote: Path, folder: Path, python: Path, known: Mapping[str, str], *, name: str, branch: str
) -> Agent:
    text = (ROOT / ".github" / "workflows" / name).read_text()
    check_out(remote, folder, branch, depth=0 if "fetch-depth: 0" in text else 1)
    is_pull_request = branch != "master"
    system = {
        "GITHUB_ACTIONS": "true",
        "USER": "runner",
        "GITHUB_REF": "refs/pull/7/merge" if is_pull_request else "refs/heads/master",
        "GITHUB_REF_NAME": "7/merge" if is_pull_request else "master",
        "GITHUB_HEAD_REF": branch if is_pull_request else "",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "example/mlops",
        "GITHUB_RUN_ID": "42",
        "GITHUB_STEP_SUMMARY": str(folder.parent / "summary.md"),
    }
    return Agent(folder, {**machine(folder, python), **system}, known)


def all_succeeded(steps: list[Said]) -> None:
    for step in steps:
        assert step.code == 0, f"{step.command}\n{step.out}"
    assert len(steps) >= 3


def kinds(client: WorkspaceClient, root: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in client.workspace.list(root):
        kind = one.object_type.value if one.object_type else "?"
        assert one.path
        found |= kinds(client, one.path) if kind == "DIRECTORY" else {one.path: kind}
    return found


def expected(folder: Path, listed: str, target: str) -> dict[str, str]:
    """What the files of a folder are in the workspace, told by their own first lines."""
    found = {}
    for name in git(folder, "ls-files", listed).splitlines():
        path = f"{target}/{name.removeprefix(listed + '/')}"
        content = (folder / name).read_text()
        is_script = re.match(r"(#|//|--) Databricks notebook source\n", content)
        if is_script or name.endswith(".ipynb"):
            found[path.rpartition(".")[0]] = "NOTEBOOK"
        else:
            found[path] = "FILE"
    assert found
    return found


def test_azure_pull_request_trains_scores_and_reports(
    remote: Path, tmp_path: Path, python: Path, workspace: Lease, client: WorkspaceClient
) -> None:
    name = "mlops_run_pipelines_pr.yml"
    agent = azure_agent(remote, tmp_path / "w", python, workspace, name=name, branch=FEATURE)
    steps = run_azure(name, agent)
    all_succeeded(steps)
    assert f"branch {FEATURE}" in steps[1].out
    report = (agent.folder / "mlops-report.md").read_text()
    assert f"# Pipelines of `{FEATURE}`" in report
    assert "## Training: finished" in report and "## Scoring: finished" in report
    assert f"model `{slug(FEATURE)}_model` version 1" in report
    assert "No run of master has finished yet" in report
    assert f"##vso[task.uploadsummary]{agent.folder / 'mlops-report.md'}" in steps[-1].out
    suite = ET.parse(agent.folder / "mlops-results.xml").getroot()
    assert suite.attrib == {"name": "mlops", "tests": "2", "failures": "0"}
    experiment = f"/Shared/you@local/{slug(FEATURE)}/training"
    found = client.experiments.get_by_name(experiment).experiment
    (run,) = client.experiments.search_runs(experiment_ids=[found.experiment_id])
    tags = {tag.key: tag.value for tag in run.data.tags}
    assert tags["mlops.pull_request"] == "7"
    assert tags["mlops.build_url"].endswith("/mlops/_build/results?buildId=42")
    assert not any(workspace.token in step.out for step in steps)


def test_a_pull_request_whose_training_fails_reports_why(
    remote: Path, tmp_path: Path, python: Path, workspace: Lease
) -> None:
    name = "mlops_run_pipelines_pr.yml"
    git(remote, "branch", "--force", "feature/broken", "master")
    agent = azure_agent(
        remote, tmp_path / "w", python, workspace, name=name, branch="feature/broken"
    )
    train = agent.folder / "projects" / "ExampleTrainingProject" / "train.py"
    train.write_text("print('so far, so good')\nraise ValueError('out of luck')\n")
    steps = run_azure(name, agent)
    assert [step.code for step in steps] == [0, 1, 0]
    assert "report.py" in steps[-1].command
    report = (agent.folder / "mlops-report.md").read_text()
    assert "## Training: failed" in report
    assert "so far, so good" in report
    assert "ValueError: out of luck" in report
    assert "## Scoring: did not run" in report
    suite = ET.parse(agent.folder / "mlops-results.xml").getroot()
    assert suite.attrib["failures"] == "2"


def test_github_pull_request_from_a_fork_runs_on_local(
    remote: Path, tmp_path: Path, python: Path
) -> None:
    name = "mlops_run_pipelines_pr.yml"
    agent = github_agent(remote, tmp_path / "w", python, {}, name=name, branch=FEATURE)
    steps = run_github(name, agent)
    all_succeeded(steps)
    assert "Workspace local as you@local" in steps[1].out
    assert "## Scoring: finished" in (tmp_path / "summary.md").read_text()
    assert (agent.folder / "mlops-results.xml").is_file()


@pytest.mark.parametrize("service", ["azure", "github"])
def test_master_is_mirrored_and_gone_branches_are_cleaned(
    service: str, remote: Path, tmp_path: Path, python: Path, workspace: Lease,
    client: WorkspaceClient,
) -> None:  # fmt: skip
    for branch in ("gone", FEATURE):
        client.workspace.mkdirs(f"/Shared/you@local/{slug(branch)}")
        try:
            client.experiments.create_experiment(f"/Shared/you@local/{slug(branch)}/scoring")
        except DatabricksError as error:
            assert "exist" in str(error)
    name = "mlops_sync_notebooks_master.yaml"
    steps = run_service(service, remote, tmp_path, python=python, workspace=workspace, name=name)
    all_succeeded(steps)
    wanted = expected(tmp_path / "w", "notebooks", "/Shared/master")
    assert kinds(client, "/Shared/master") == wanted
    assert "gone: experiments /Shared/you@local/gone" in steps[-1].out
    there = {one.path for one in client.workspace.list("/Shared/you@local")}
    assert f"/Shared/you@local/{slug(FEATURE)}" in there
    assert "/Shared/you@local/gone" not in there


@pytest.mark.parametrize("service", ["azure", "github"])
def test_hooks_are_mirrored_and_scheduled_jobs_renewed(
    service: str, remote: Path, tmp_path: Path, python: Path, workspace: Lease,
    client: WorkspaceClient,
) -> None:  # fmt: skip
    name = "mlops_sync_hooks_master.yml"
    steps = run_service(service, remote, tmp_path, python=python, workspace=workspace, name=name)
    all_succeeded(steps)
    folder, target = tmp_path / "w", "/Shared/mlflow_hooks"
    wanted = expected(folder, "mlflow_hooks", target)
    wanted |= expected(folder, "projects", f"{target}/projects")
    assert kinds(client, target) == wanted
    assert all("nothing to do" in step.out for step in steps[-2:])


def run_service(
    service: str, remote: Path, tmp_path: Path, *, python: Path, workspace: Lease, name: str
) -> list[Said]:
    folder = tmp_path / "w"
    if service == "azure":
        agent = azure_agent(remote, folder, python, workspace, name=name, branch="master")
        return run_azure(name, agent)
    known = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": workspace.token}
    known["MLFLOW_REGISTRY_URI"] = "databricks"
    agent = github_agent(remote, folder, python, known, name=name, branch="master")
    return run_github(name, agent)
