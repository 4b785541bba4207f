"""The files of the commit that is checked out, whatever lies about in the checkout."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_core.checkout import open_checkout
from mlops_core.errors import SyncError
from mlops_core.sync.tree import MAX_IN_MEMORY

_AS_COMMITTED: Final = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit and when it was made, in seconds."""

    sha: str
    committed_at: int


def read_commit(project: Path) -> CommitInfo:
    """The commit that is checked out; SyncError if there is none."""
    answer = run_git(project, "show", "--no-patch", "--format=%H %ct", "HEAD").decode()
    sha, _, committed_at = answer.strip().partition(" ")
    return CommitInfo(sha, int(committed_at))


def export_commit(project: Path, commit: CommitInfo, folders: Mapping[str, Path]) -> None:
    """Write the commit's files below each folder (as git names it) to another place.

    Only files: a symbolic link would lead out of the commit. Raises SyncError for a folder that
    the commit does not have.
    """
    for folder, target in folders.items():
        archive = target.with_name(target.name + ".tar")
        archive.parent.mkdir(parents=True, exist_ok=True)
        tree = f"{commit.sha}:{folder}" if folder not in {"", "."} else commit.sha
        try:
            run_git(project, *_AS_COMMITTED, "archive", "--format=tar", f"--output={archive}", tree)
        except SyncError as error:
            raise SyncError(
                f"commit {commit.sha[:10]} has no folder {folder}: {error.message}",
                hint="commit it, or set NOTEBOOK_FOLDER to the one that it has",
            ) from None
        with_crlf = _unpack(archive, target)
        archive.unlink()
        _undo_endings(project / folder, target, with_crlf)


def _unpack(archive: Path, target: Path) -> list[str]:
    """The files that have CRLF, but for the big ones, are what this gives."""
    with_crlf = []
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            file = target / member.name
            file.parent.mkdir(parents=True, exist_ok=True)
            with content, file.open("wb") as out:
                while block := content.read(1024 * 1024):
                    out.write(block)
            if member.size <= MAX_IN_MEMORY and b"\r\n" in file.read_bytes():
                with_crlf.append(member.name)
    return with_crlf


def _undo_endings(source: Path, target: Path, names: list[str]) -> None:
    """Give the line endings of the commit to what git has checked out with others."""
    for name, endings in open_checkout(source).line_endings(names).items():
        file = target / name
        file.write_bytes(endings.committed(file.read_bytes()))


def run_git(project: Path, *arguments: str) -> bytes:
    """What git prints; SyncError with its own reason if it fails."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=project,
            capture_output=True,
            check=True,
        ).stdout
    except FileNotFoundError:
        raise SyncError("there is no git here", hint="install git") from None
    except subprocess.CalledProcessError as error:
        said = _reason(error.stderr.decode(errors="replace"))
        raise SyncError(
            f"git says: {said}", hint="run this in a checkout that has a commit"
        ) from None


def _reason(said: str) -> str:
    """The line of git's complaint that tells why."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no message"]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return (fatal or lines)[0]
