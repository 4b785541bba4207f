"""Which branch, user, workspace and folder the scripts take, as pipelines and people set them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient

from mlops_core.local_workspace.lease import Lease

PUSH = "databricks-sync/to_databricks.py"
PULL = "databricks-sync/from_databricks.py"
TRAIN = "mlflow_triggers/start_training_devops.py"

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"
HOME = "/Users/you@local"


def target_of(err: str) -> str:
    """The workspace folder that a sync names before any work."""
    return re.search(r" and (/\S+)$", err, re.MULTILINE)[1]


def banner_of(err: str) -> str:
    return next(line for line in err.splitlines() if line.startswith("Workspace "))


@pytest.fixture
def work(checkout):
    checkout.write("notebooks/a.py", NOTEBOOK)
    checkout.commit()
    return checkout


# Branch

AZURE = {
    "TF_BUILD": "True",
    "USER": "vsts",
    "BUILD_SOURCEBRANCH": "refs/heads/feature/azure",
    "BUILD_SOURCEBRANCHNAME": "azure",
    "SYSTEM_PULLREQUEST_SOURCEBRANCH": "$(System.PullRequest.SourceBranch)",
}
GITHUB = {
    "CI": "true",
    "USER": "runner",
    "GITHUB_HEAD_REF": "",
    "GITHUB_REF_NAME": "feature/github",
    "GITHUB_REF": "refs/heads/feature/github",
}
BRANCHES = {
    "azure": (AZURE, "feature/azure"),
    "azure pull request": (
        AZURE
        | {
            "BUILD_SOURCEBRANCH": "refs/pull/17/merge",
            "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/pull",
        },
        "feature/pull",
    ),
    "github": (GITHUB, "feature/github"),
    "github pull request": (
        GITHUB | {"GITHUB_HEAD_REF": "feature/pull", "GITHUB_REF_NAME": "17/merge"},
        "feature/pull",
    ),
    "gitlab": ({"CI_COMMIT_REF_NAME": "feature/gitlab"}, "feature/gitlab"),
    "said": (AZURE | {"MLOPS_BRANCH": "release 1.0"}, "release 1.0"),
}


@pytest.mark.parametrize("case", BRANCHES)
def test_a_pipeline_on_a_detached_head_has_its_branch_and_the_tokens_user(
    work, sdk: WorkspaceClient, case: str
) -> None:
    environ, branch = BRANCHES[case]
    work.git("checkout", "--quiet", "--detach")
    done = work.run(PUSH, **environ)
    assert done.code in {0, 3}, done.err  # another case was here already
    assert banner_of(done.err).endswith(
        f"as you@local (token from DATABRICKS_TOKEN), branch {branch}"
    )
    target = target_of(done.err)
    assert re.fullmatch(rf"{HOME}/{re.sub('[^a-z0-9]', '-', branch)}-[0-9a-f]{{6}}", target)
    assert {each.path for each in sdk.workspace.list(target)} == {f"{target}/a"}


def test_an_unpacked_archive_needs_only_the_branchs_name(work) -> None:
    shutil.rmtree(work.folder / ".git")
    branch = f"archive-{uuid4().hex[:6]}"
    done = work.run(PUSH, MLOPS_BRANCH=branch)
    assert done.code == 0, done.err
    assert target_of(done.err) == f"{HOME}/{branch}"
    assert done.out.splitlines()[-1] == "1 created"


# Login


@pytest.fixture
def without_token(work):
    """The same checkout, whose shell says nothing about a workspace."""
    told = {k: v for k, v in work.environ.items() if not k.startswith("DATABRICKS_")}
    return replace(work, environ=told)


def test_profiles_log_in_and_the_default_one_for_its_own_host_only(
    without_token, served: Lease
) -> None:
    (Path.home() / ".databrickscfg").write_text(
        "[DEFAULT]\n"
        f"host = {served.host}/\ntoken = {served.token}\n"
        "[work]\n"
        f"host = {served.host}\ntoken = {served.token}\n"
        "[other]\n"
        "host = https://adb-1.2.azuredatabricks.net\ntoken = dapi0123456789abcdef\n",
        encoding="utf-8",
    )
    without_token.write(".env", "DATABRICKS_CONFIG_PROFILE=work\n")
    named = without_token.run(PUSH)
    assert named.code == 0, named.err
    assert "as you@local (profile work), branch " in banner_of(named.err)

    without_token.write(".env", f"DATABRICKS_HOST={served.host}\n")
    default = without_token.run(PULL)
    assert default.code == 0, default.err
    assert "as you@local (profile DEFAULT), branch " in banner_of(default.err)

    without_token.write(".env", f"DATABRICKS_HOST={served.host}\nDATABRICKS_CONFIG_PROFILE=other\n")
    other = without_token.run(PUSH)
    assert other.code == 2
    assert "names other, which is for another host than DATABRICKS_HOST" in other.err
    without_token.write(".env", "DATABRICKS_CONFIG_PROFILE=none\n")
    none = without_token.run(PUSH)
    assert none.code == 2
    assert "names none, which is no profile of ~/.databrickscfg" in none.err
    for done in (named, default, other, none):
        assert served.token not in done.out + done.err
        assert "dapi0123456789abcdef" not in done.out + done.err


# User


def test_a_user_of_the_file_wins_and_the_shells_is_only_a_guess(work, sdk: WorkspaceClient) -> None:
    guessed = work.run(PUSH, USER="jane")
    assert guessed.code == 0, guessed.err
    assert target_of(guessed.err).startswith(f"{HOME}/")
    work.write(".env", "USER=jane@example.com\n")
    said = work.run(PUSH, USER="you@local")
    assert "as you@local for jane@example.com (" in banner_of(said.err)
    assert target_of(said.err).startswith("/Users/jane@example.com/")
    assert said.code == 1
    assert "\nhint:  " in said.err
    assert "jane@example.com" not in {each.path for each in sdk.workspace.list("/Users")}


# Folders


def test_the_environment_beats_the_file_unless_it_is_empty(work) -> None:
    work.write("notes/b.py", NOTEBOOK)
    work.write(".env", "NOTEBOOK_FOLDER=notes\nDATABRICKS_TOKEN=\n")
    assert "created  notes/b.py -> " in work.run(PUSH, NOTEBOOK_FOLDER="").out
    assert "created  notebooks/a.py -> " in work.run(PUSH, NOTEBOOK_FOLDER="notebooks").out


def run_at(folder: Path, work, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / script)],
        cwd=folder,
        env={**work.environ, **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_scripts_run_from_anywhere(work, served: Lease, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    work.write(".env", "MLOPS_WORKERS=3\nNOTEBOOK_FOLDER=notebooks\n")
    below = run_at(work.folder / "notebooks", work, PUSH)
    assert below.returncode == 0, below.stderr
    assert "created  notebooks/a.py -> " in below.stdout
    named = run_at(elsewhere, work, PUSH, PROJECT_FOLDER=str(work.folder))
    assert named.returncode == 0, named.stderr
    assert named.stdout == "1 unchanged\n"
    lost = run_at(elsewhere, work, PUSH)
    assert lost.returncode == 2
    assert "MLOPS_BRANCH" in lost.stderr
    assert list(elsewhere.iterdir()) == []


ODD = "my prøject (日本) & 100% #1 'so'"


@pytest.fixture
def odd_place(make_checkout: Callable):
    """A checkout in a folder whose name gives careless programs trouble."""
    plain = make_checkout("feature/größe")
    folder = plain.folder.with_name(ODD)
    plain.folder.rename(folder)
    project = "projects/ExampleTrainingProject"
    odd = replace(plain, folder=folder)
    odd.write("notebooks/größe 日本.py", NOTEBOOK)
    odd.write(f"{project}/MLProject", "entry_points: {main: {command: python train.py}}\n")
    odd.write(f"{project}/train.py", "import mlflow\nmlflow.log_text('ü', 'note.txt')\n")
    odd.write(f"{project}/cluster.json", '{"existing_cluster_id": "x"}')
    odd.commit()
    return odd


def test_a_checkout_with_spaces_and_every_alphabet_in_its_path(odd_place) -> None:
    odd_place.write(".env", "DATABRICKS_HOST=local\n")
    pushed = odd_place.run(PUSH)
    assert pushed.code == 0, pushed.err
    assert f"created  notebooks/größe 日本.py -> {target_of(pushed.err)}/größe 日本\n" in pushed.out
    shutil.rmtree(odd_place.folder / "notebooks")
    shutil.rmtree(odd_place.folder / ".mlops" / "base")
    assert odd_place.run(PULL).code == 0
    trained = odd_place.run(TRAIN)
    assert trained.code == 0, trained.err
    assert list((odd_place.folder / ".mlops" / "local-workspace").rglob("note.txt"))
    assert odd_place.git("status", "--porcelain", "--ignored") == "!! .env\n!! .mlops/\n"


def test_mlflow_alone_runs_a_project_in_such_a_path(odd_place) -> None:
    done = odd_place.run(TRAIN, MLFLOW_TRACKING_URI="sqlite:///.mlops/tracking.db")
    assert done.code == 0, done.err
    assert list((odd_place.folder / ".mlops" / "mlruns").rglob("note.txt"))
    assert odd_place.git("status", "--porcelain", "--ignored") == "!! .mlops/\n"
