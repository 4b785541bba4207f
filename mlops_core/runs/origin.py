"""Who starts a run, from what code: it becomes the run's tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_core.branch import build_url, git_commit, pull_request


@dataclass(frozen=True, slots=True)
class Origin:
    """Who starts a run, from what; empty where nothing is known."""

    user: str
    branch: str = ""
    commit: str = ""
    is_dirty: bool = False
    pull_request: str = ""
    build_url: str = ""


def read_origin(user: str, branch: str, *, folder: Path, values: Mapping[str, str]) -> Origin:
    """What git says of ``folder``, and the pipeline by ``values``, the environment."""
    commit = git_commit(folder)
    return Origin(
        user=user,
        branch=branch,
        commit=commit.sha if commit else "",
        is_dirty=bool(commit and commit.is_dirty),
        pull_request=pull_request(values),
        build_url=build_url(values),
    )
