"""Keeps a command to the branch that it was started on, while git is used beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import BranchError, MlopsError


class GitAtWork(MlopsError):
    """git is moving files, or has just done so; soon it will be known to which branch."""


@dataclass(frozen=True, slots=True)
class BranchGuard:
    """Knows whether the checkout's files are those of ``branch``.

    ``index`` is git's index of this checkout, None outside git.
    """

    branch: str
    read_branch: Callable[[], str]
    index: Path | None

    def check(self) -> int:
        """Raise BranchError on another branch or on none, GitAtWork while git moves files.

        Gives a number that is another one after git has moved files.
        """
        written_at = self._written_at()
        try:
            branch = self.read_branch()
        except BranchError as error:
            raise BranchError(f"{error.message}: {self._until}") from None
        if branch != self.branch:
            how = f"to watch {branch}, end this and start it again"
            raise BranchError(f"this checkout is on {branch} now: {self._until}; {how}")
        return written_at

    def check_since(self, written_at: int) -> None:
        """Check again, and that git has moved no files since: it moves them before HEAD."""
        if self.check() != written_at:
            raise GitAtWork(f"git has just written {self.index}")

    @property
    def _until(self) -> str:
        return f"nothing is sent until it is on {self.branch} again"

    def _written_at(self) -> int:
        if self.index is None:
            return 0
        lock = self.index.with_name(f"{self.index.name}.lock")
        if lock.exists():
            what = f"git is at work ({lock}): nothing is sent until it is done"
            raise GitAtWork(f"{what}; delete that file if no git runs")
        return self.index.stat().st_mtime_ns if self.index.exists() else 0
