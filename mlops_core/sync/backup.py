"""What a run replaces or deletes, on either side, is kept here first."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

from mlops_core.sync.ancestor import Scope
from mlops_core.sync.store import KEPT_SECONDS

HERE: Final = "here"
THERE: Final = "workspace"
ABOUT: Final = "about.json"


class Backup:
    """One run's folder of old contents; it comes into being with the first of them."""

    def __init__(self, state: Path, scope: Scope, now: float | None = None) -> None:
        self._folders = state / "backup"
        self._scope = scope
        self._now = time.time() if now is None else now
        self._lock = Lock()
        self._folder: Path | None = None

    @property
    def folder(self) -> Path | None:
        """Where this run's old contents are, if it has any."""
        return self._folder

    def keep(self, side: str, name: str, content: Path) -> None:
        """Keep a copy of ``content`` as the file ``name``; raises OSError if that fails."""
        with self._lock:
            folder = self._folder or self._make()
        kept = folder / side / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = folder / f"{uuid4().hex}.part"
        shutil.copyfile(content, scratch)
        scratch.replace(kept)

    def _make(self) -> Path:
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now))
        number = 1
        while True:
            folder = self._folders / (moment if number == 1 else f"{moment}-{number}")
            try:
                folder.mkdir(parents=True)
                break
            except FileExistsError:
                number += 1
        scope = self._scope
        about = {"version": 1, "workspace": scope.workspace_id, "target": scope.target}
        about["folder"] = scope.folder
        (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        self._folder = folder
        return folder


def prune_backups(state: Path, now: float | None = None) -> None:
    """Remove the backups that are older than thirty days."""
    oldest = (time.time() if now is None else now) - KEPT_SECONDS
    for folder in (state / "backup").glob("*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup as it lies on disk: where its contents came from."""

    folder: Path
    workspace_id: str
    target: str
    notebook_folder: str


def read_backup(folder: Path) -> Kept:
    """A backup's own account of itself; OSError, ValueError or KeyError if it is none."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if not isinstance(about, dict):
        raise ValueError(f"{folder / ABOUT} is no JSON object")
    names = ("workspace", "target", "folder")
    workspace, target, notebook_folder = (str(about[name]) for name in names)
    return Kept(folder, workspace, target, notebook_folder)
