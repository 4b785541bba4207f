"""Which git branch this is, and what else git and the pipeline know about the code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mlops_core.errors import BranchError

# BUILD_SOURCEBRANCHNAME is not among them: it keeps the last part of the name only.
_VARIABLES = (
    "MLOPS_BRANCH",
    "SYSTEM_PULLREQUEST_SOURCEBRANCH",
    "BUILD_SOURCEBRANCH",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
)
_PULL_REQUEST = re.compile(r"(?:refs/pull/)?(\d+)/(?:merge|head)")
_HINT = "set MLOPS_BRANCH to the branch's name, or `git switch` to a branch"


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is checked out; ``is_dirty`` if files differ from it or are unknown to it."""

    sha: str
    is_dirty: bool


def current_branch(values: Mapping[str, str], folder: Path) -> str:
    """The branch that ``values`` (the environment's) name, else the one checked out at ``folder``.

    A pipeline's tag build counts as a branch of the tag's name. Raises BranchError when nothing
    tells the branch.
    """
    for variable in _VARIABLES:
        branch = _branch_of(values.get(variable, ""))
        if branch:
            return branch
    return _checked_out(folder)


def git_commit(folder: Path) -> Commit | None:
    """The commit checked out at ``folder``; None without git, a checkout or a first commit."""
    status = _git(folder, "--no-optional-locks", "status", "--porcelain=v2", "--branch")
    if status is None:
        return None
    lines = status.splitlines()
    sha = next((line[13:] for line in lines if line.startswith("# branch.oid ")), "")
    if not re.fullmatch(r"[0-9a-f]{40,64}", sha):
        return None
    return Commit(sha, is_dirty=any(not line.startswith("# ") for line in lines))


def git_index(folder: Path) -> Path | None:
    """git's index of the checkout at ``folder``; None without git or a checkout.

    While git changes files of the checkout, `index.lock` lies beside it.
    """
    found = _git(folder, "rev-parse", "--git-path", "index")
    return folder / found.removesuffix("\n") if found else None


def pull_request(values: Mapping[str, str]) -> str:
    """The number of the pull request that a pipeline builds, empty outside of one."""
    for variable in (
        "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER",  # a GitHub repository on Azure Pipelines
        "SYSTEM_PULLREQUEST_PULLREQUESTID",
        "CI_MERGE_REQUEST_IID",
    ):
        if values.get(variable):
            return values[variable]
    merge = _PULL_REQUEST.fullmatch(values.get("GITHUB_REF", ""))
    return merge[1] if merge else ""


def build_url(values: Mapping[str, str]) -> str:
    """Where the pipeline that runs this shows itself, empty outside of one."""
    collection = values.get("SYSTEM_COLLECTIONURI", "").rstrip("/")
    project, build = values.get("SYSTEM_TEAMPROJECT", ""), values.get("BUILD_BUILDID", "")
    if collection and project and build:
        return f"{collection}/{quote(project)}/_build/results?buildId={build}"
    server, repository = values.get("GITHUB_SERVER_URL", ""), values.get("GITHUB_REPOSITORY", "")
    if server and repository and values.get("GITHUB_RUN_ID"):
        return f"{server}/{repository}/actions/runs/{values['GITHUB_RUN_ID']}"
    return values.get("CI_JOB_URL", "")


def _branch_of(ref: str) -> str:
    """The branch or tag in a pipeline's variable; empty for the merge ref of a pull request."""
    if _PULL_REQUEST.fullmatch(ref):
        return ""
    return re.sub(r"^refs/(heads|tags)/", "", ref)


def _checked_out(folder: Path) -> str:
    head = _head(folder)
    branch = head.removeprefix("ref: refs/heads/")
    if branch == ".invalid":  # what git leaves in HEAD when refs are kept as a reftable
        branch = (_git(folder, "symbolic-ref", "--short", "HEAD") or "").strip()
    elif branch == head:
        branch = ""
    if not branch:
        raise BranchError(f"{folder} is on no branch (detached HEAD)", hint=_HINT)
    return branch


def _head(folder: Path) -> str:
    """HEAD as git wrote it, read without starting git (which takes longer than the rest)."""
    for above in (folder, *folder.parents):
        git = above / ".git"
        if git.is_dir():
            return _read(git / "HEAD")
        if git.is_file():  # a worktree or a submodule: the file tells where its folder is
            return _read(above / _read(git).removeprefix("gitdir: ") / "HEAD")
    raise BranchError(f"{folder} is no git checkout, so its branch is unknown", hint=_HINT)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise BranchError(f"cannot read {file}: {problem}", hint=_HINT) from None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, None if it is missing or refuses."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
