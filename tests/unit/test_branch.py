import subprocess
from pathlib import Path

import pytest

from mlops_core.branch import build_url, current_branch, git_commit, pull_request
from mlops_core.errors import BranchError


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "feature/x")
    (folder / "a.py").write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"MLOPS_BRANCH": "mine", "GITHUB_REF_NAME": "theirs"}, "mine"),
        ({"BUILD_SOURCEBRANCH": "refs/heads/feature/y"}, "feature/y"),
        ({"BUILD_SOURCEBRANCH": "refs/tags/v1.0"}, "v1.0"),
        (
            {
                "BUILD_SOURCEBRANCH": "refs/pull/12/merge",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/y",
            },
            "feature/y",
        ),
        ({"BUILD_SOURCEBRANCHNAME": "y"}, "feature/x"),
        ({"BUILD_SOURCEBRANCH": "refs/pull/12/merge"}, "feature/x"),
        ({"GITHUB_HEAD_REF": "feature/y", "GITHUB_REF_NAME": "12/merge"}, "feature/y"),
        ({"GITHUB_REF_NAME": "main"}, "main"),
        ({"GITHUB_REF_NAME": "12/merge"}, "feature/x"),
        ({"CI_COMMIT_REF_NAME": "feature/z"}, "feature/z"),
        ({}, "feature/x"),
    ],
)
def test_a_pipeline_tells_the_branch_before_git_does(
    checkout: Path, values: dict[str, str], expected: str
) -> None:
    assert current_branch(values, checkout) == expected


def test_the_branch_is_found_from_a_folder_below(checkout: Path) -> None:
    (checkout / "deep" / "er").mkdir(parents=True)
    assert current_branch({}, checkout / "deep" / "er") == "feature/x"


def test_a_worktree_and_a_submodule_have_a_branch_of_their_own(checkout: Path) -> None:
    git(checkout, "worktree", "add", "-q", "-b", "side", "../tree")
    assert current_branch({}, checkout.parent / "tree") == "side"
    git(
        checkout, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(checkout), "sub"
    )
    assert current_branch({}, checkout / "sub") == "feature/x"


def test_a_branch_without_a_commit_has_a_name_and_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "fresh")
    assert current_branch({}, tmp_path) == "fresh"
    assert git_commit(tmp_path) is None


def test_a_detached_head_says_what_to_set(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--detach")
    with pytest.raises(BranchError, match="detached HEAD") as told:
        current_branch({}, checkout)
    assert "MLOPS_BRANCH" in told.value.hint
    assert told.value.exit_code == 2


def test_a_folder_without_git_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(BranchError, match="is no git checkout") as told:
        current_branch({}, tmp_path)
    assert "MLOPS_BRANCH" in told.value.hint
    assert git_commit(tmp_path) is None


def test_the_branch_needs_no_git_program_and_the_commit_does(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert current_branch({}, checkout) == "feature/x"
    assert git_commit(checkout) is None


def test_a_commit_is_dirty_with_a_changed_or_an_unknown_file(checkout: Path) -> None:
    commit = git_commit(checkout)
    assert commit is not None
    assert commit.sha == git(checkout, "rev-parse", "HEAD")
    assert not commit.is_dirty
    (checkout / "b.py").write_text("2\n")
    assert git_commit(checkout).is_dirty
    (checkout / "b.py").unlink()
    (checkout / "a.py").write_text("3\n")
    assert git_commit(checkout).is_dirty


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SYSTEM_PULLREQUEST_PULLREQUESTID": "7"}, "7"),
        (
            {"SYSTEM_PULLREQUEST_PULLREQUESTID": "9", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7"},
            "7",
        ),
        ({"GITHUB_REF": "refs/pull/7/merge"}, "7"),
        ({"GITHUB_REF": "refs/heads/main"}, ""),
        ({}, ""),
    ],
)
def test_the_pull_request_is_known_in_pipelines(values: dict[str, str], expected: str) -> None:
    assert pull_request(values) == expected


def test_the_build_has_an_address_in_pipelines() -> None:
    azure = {
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
        "SYSTEM_TEAMPROJECT": "My project",
        "BUILD_BUILDID": "5",
    }
    assert build_url(azure) == "https://dev.azure.com/org/My%20project/_build/results?buildId=5"
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/repo",
        "GITHUB_RUN_ID": "5",
    }
    assert build_url(github) == "https://github.com/org/repo/actions/runs/5"
    assert build_url({}) == ""
