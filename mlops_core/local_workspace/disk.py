"""What lies on the disk under the workspace: real files, seen by runs as /Workspace."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from mlops_core.local_workspace.disk_names import DiskRules
from mlops_core.local_workspace.node import DIRECTORY, FILE


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder as the disk has it; ``modified_at`` in milliseconds."""

    kind: str
    size: int
    modified_at: int


def look(path: Path) -> Entry | None:
    """What is at ``path``; None for nothing, and for a link or a device: they are never shown."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    modified_at = found.st_mtime_ns // 1_000_000
    if stat.S_ISDIR(found.st_mode):
        return Entry(DIRECTORY, 0, modified_at)
    if stat.S_ISREG(found.st_mode):
        return Entry(FILE, found.st_size, modified_at)
    return None


def look_into(folder: Path) -> dict[str, Entry]:
    """Everything that ``look`` sees in a folder; empty if it is gone."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  # names only: half the time of iterdir
    except OSError:
        return {}
    seen = {name: look(folder / name) for name in names if _is_text(name)}
    return {name: entry for name, entry in seen.items() if entry}


def place(staged: Path, target: Path, now: int) -> None:
    """Move a complete file to its place in one step, with the server's time."""
    os.utime(staged, ns=(now * 1_000_000, now * 1_000_000))
    staged.replace(target)


def stage(content: bytes, folder: Path) -> Path:
    """Write a complete file beside the tree, to be placed later."""
    staged = folder / uuid4().hex
    staged.write_bytes(content)
    return staged


def discard(path: Path) -> None:
    """Delete a file or a folder; gone already is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def probe_rules(folder: Path) -> DiskRules:
    """Find out what the disk under ``folder`` can tell apart."""
    sample = folder / f"case-{uuid4().hex}"
    sample.touch()
    is_case_sensitive = not (folder / sample.name.upper()).exists()
    sample.unlink()
    return DiskRules(is_windows=sys.platform == "win32", is_case_sensitive=is_case_sensitive)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
