"""Which branches there are still."""

from __future__ import annotations

import json
from pathlib import Path

from mlops_core.errors import BranchError, SyncError
from mlops_core.sync.commit import run_git

_ALL = "refs/heads/*"


def known_branches(folder: Path, *, is_fetched: bool) -> frozenset[str]:
    """The branches of the remote `origin` and of this clone.

    With ``is_fetched`` the remote's are those that were fetched, which must be all: a pipeline
    has no credentials for git after its checkout. Raises BranchError rather than guess: whatever
    is not among them will be removed.
    """
    remote = _fetched(folder) if is_fetched else _asked(folder)
    if not remote:
        raise BranchError("the remote origin has no branches", hint="look at: git remote -v")
    return remote | frozenset(_refs(folder, "refs/heads/"))


def pushed_slugs(state: Path, workspace_id: str, home: str) -> frozenset[str]:
    """The branches whose notebooks this clone has synced with a folder right below ``home``."""
    found = set()
    for file in (state / "base").glob("*.json"):
        try:
            base = json.loads(file.read_text(encoding="utf-8"))
            workspace, target = str(base["workspace"]), str(base["target"])
        except (ValueError, KeyError, TypeError):
            continue
        above, _, slug = target.rpartition("/")
        if workspace == workspace_id and above == home:
            found.add(slug)
    return frozenset(found)


def _asked(folder: Path) -> frozenset[str]:
    lines = _git(folder, "ls-remote", "--heads", "origin").splitlines()
    return frozenset(line.partition("\trefs/heads/")[2] for line in lines)


def _fetched(folder: Path) -> frozenset[str]:
    refspecs = _git(folder, "config", "--get-all", "remote.origin.fetch")
    is_shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
    if _ALL not in refspecs or is_shallow:
        raise BranchError(
            "this clone does not have all branches of origin",
            hint="fetch all of them in the checkout step (fetchDepth or fetch-depth 0)",
        )
    return frozenset(_refs(folder, "refs/remotes/origin/")) - {"HEAD"}


def _refs(folder: Path, prefix: str) -> list[str]:
    lines = _git(folder, "for-each-ref", "--format=%(refname)", prefix).splitlines()
    return [line.removeprefix(prefix) for line in lines]


def _git(folder: Path, *arguments: str) -> str:
    try:
        return run_git(folder, *arguments).decode()
    except SyncError as error:
        raise BranchError(
            f"the branches of origin are not known: {error.message}",
            hint="name the branches instead: python databricks-sync/clean_branch.py BRANCH",
        ) from None
