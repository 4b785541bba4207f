"""What a run replaces or deletes, on either side, is kept here first."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

from mlops_core.errors import MlopsError, Unavailable
from mlops_core.sync.ancestor import Scope
from mlops_core.sync.store import KEPT_SECONDS

HERE: Final = "here"
THERE: Final = "workspace"
ABOUT: Final = "about.json"
NEW: Final = "new.jsonl"


class Backup:
    """One run's folder of old contents; it comes into being with the first of them."""

    def __init__(self, state: Path, scope: Scope, now: float | None = None) -> None:
        self._folders = state / "backup"
        self._scope = scope
        self._now = time.time() if now is None else now
        self._lock = Lock()
        self._folder: Path | None = None
        self._kept: set[tuple[str, str]] = set()
        self._new: list[str] = []

    @property
    def folder(self) -> Path | None:
        """Where this run's old contents are, if it has any."""
        return self._folder

    @property
    def restorable(self) -> Path | None:
        """The same, if one of the two sides has lost anything to this run."""
        return self._folder if any(side in {HERE, THERE} for side, _ in self._kept) else None

    @contextmanager
    def keeping(self, side: str, name: str, content: Path) -> Iterator[None]:
        """Keep a copy of what the block replaces or deletes, and drop it should that be refused."""
        try:
            self.keep(side, name, content)
            yield
        except Unavailable:  # nobody knows whether it was done
            raise
        except (MlopsError, OSError):
            self.drop(side, name)
            raise

    def keep(self, side: str, name: str, content: Path) -> None:
        """Keep a copy of ``content`` as the file ``name``; raises OSError if that fails."""
        with self._lock:
            folder = self._folder or self._make()
            self._kept.add((side, name))
        kept = folder / side / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = folder / f"{uuid4().hex}.part"
        try:
            shutil.copyfile(content, scratch)
            scratch.replace(kept)
        finally:
            scratch.unlink(missing_ok=True)

    def note_new(self, side: str, name: str, mark: str) -> None:
        """Note, before it is done, what the run makes anew; ``mark`` tells its content.

        An empty mark: it was not made after all.
        """
        line = json.dumps([side, name, mark]) + "\n"
        with self._lock:
            self._new.append(line)
            if self._folder:
                _append(self._folder / NEW, line)

    def drop(self, side: str, name: str) -> None:
        """Forget a copy again: what it is of has neither been replaced nor deleted."""
        with self._lock:
            self._kept.discard((side, name))
            if self._folder:
                (self._folder / side / name).unlink(missing_ok=True)
            if self._folder and not self._kept:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _make(self) -> Path:
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now))
        number = 1
        self._folders.mkdir(parents=True, exist_ok=True)
        while True:
            folder = self._folders / (moment if number == 1 else f"{moment}-{number}")
            try:
                folder.mkdir()
                break
            except FileExistsError:
                number += 1
        scope = self._scope
        about = {"version": 1, "workspace": scope.workspace_id, "target": scope.target}
        about["folder"] = scope.folder
        (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        _append(folder / NEW, "".join(self._new))
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
    """A backup as it lies on disk: where its contents came from.

    ``new`` is, by side and name, what the run made that was not there before, with the mark of
    its content: here a file and its SHA-256, in the workspace a path and its digest.
    """

    folder: Path
    workspace_id: str
    target: str
    notebook_folder: str
    new: Mapping[str, Mapping[str, str]]

    def has(self, side: str) -> bool:
        """Whether the run changed this side."""
        return bool(self.new[side] or self.names(side))

    def names(self, side: str) -> list[str]:
        """The files of one side that are kept."""
        top = self.folder / side
        return sorted(p.relative_to(top).as_posix() for p in top.rglob("*") if p.is_file())


def read_backup(folder: Path) -> Kept:
    """A backup's own account of itself; OSError, ValueError or KeyError if it is none."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if not isinstance(about, dict):
        raise ValueError(f"{folder / ABOUT} is no JSON object")
    names = ("workspace", "target", "folder")
    workspace, target, notebook_folder = (str(about[name]) for name in names)
    return Kept(folder, workspace, target, notebook_folder, _read_new(folder / NEW))


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8", newline="\n") as out:
        out.write(text)


def _read_new(file: Path) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {HERE: {}, THERE: {}}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for line in lines:
        try:
            side, name, mark = json.loads(line)
            found[str(side)][str(name)] = str(mark)
        except (ValueError, KeyError):  # a run that was killed while it wrote
            continue
    return {side: {k: mark for k, mark in marks.items() if mark} for side, marks in found.items()}
