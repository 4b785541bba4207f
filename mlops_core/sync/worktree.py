"""Changes files of the checkout, each only if it still is what the plan saw, and whole or not."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import SyncError
from mlops_core.notebooks.digest import Digest, file_digest
from mlops_core.sync.backup import HERE, Backup
from mlops_core.sync.names import parents
from mlops_core.sync.store import Store, sha256_of
from mlops_core.sync.tree import MAX_IN_MEMORY, LocalFile


@dataclass(frozen=True, slots=True)
class Worktree:
    """The checkout's folder, and where the old content of what it loses is kept.

    ``executable`` are the files that get the executable bit when they are made anew.
    """

    folder: Path
    store: Store
    backup: Backup
    executable: frozenset[str] = frozenset()

    def write(self, local: str, content: Path, expected: LocalFile | None) -> None:
        """Give the file ``local`` this content; ``expected`` is what it replaces, if anything.

        Raises SyncError, and changes nothing, if something else is there.
        """
        self._check_way(local)
        with self._copied(content) as scratch:
            if expected is None or expected.local != local:
                self._check_room(local)
                self._put_new(local, scratch)
            else:
                self._put_over(local, scratch, expected)

    def put_back(self, local: str, content: Path) -> None:
        """Give the file ``local`` this content, whatever is there; that is kept."""
        self._check_way(local)
        target = self.folder / local
        with self._copied(content) as scratch:
            _remove_if_empty(target)
            if target.is_symlink() or target.is_dir():
                raise SyncError(f"{local} is no file here any more", hint="move it away")
            if target.exists():
                self._put_over(local, scratch)
            else:
                self._put_new(local, scratch)

    @contextmanager
    def _copied(self, content: Path) -> Iterator[Path]:
        """A copy to put in place at once: before what is there is looked at, for it takes time."""
        with self.store.scratch() as scratch:
            shutil.copyfile(content, scratch)
            yield scratch

    def _put_new(self, local: str, scratch: Path) -> None:
        target = self.folder / local
        self.backup.note_new(HERE, local, sha256_of(scratch))
        if local in self.executable:
            mode = scratch.stat().st_mode
            scratch.chmod(mode | (mode & 0o444) >> 2)  # whoever may read it
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(scratch, target)  # unlike a rename, it never replaces anything
        except FileExistsError:
            self.backup.note_new(HERE, local, "")
            raise _changed(local) from None
        except OSError:  # another file system, or one without links
            _replace(scratch, target)

    def _put_over(self, local: str, scratch: Path, expected: LocalFile | None = None) -> None:
        target = self.folder / local
        with self._keeping(local, expected):
            shutil.copymode(target, scratch)
            _replace(scratch, target)

    def delete(self, file: LocalFile) -> None:
        """Delete a file, and the folders that this leaves empty."""
        self._check_way(file.local)
        self.set_aside(file.local, file)

    def set_aside(self, local: str, expected: LocalFile | None = None) -> None:
        """Delete a file, whatever it holds, and the folders that this leaves empty."""
        with self._keeping(local, expected):
            (self.folder / local).unlink()
        for above in parents(local):
            try:
                (self.folder / above).rmdir()
            except OSError:  # not empty
                return

    @contextmanager
    def _keeping(self, local: str, expected: LocalFile | None) -> Iterator[None]:
        """Keep what the block replaces or deletes; SyncError if it was saved while it was kept."""
        target = self.folder / local
        seen = _stamp(target)
        if expected:
            self.check(expected)
        with self.backup.keeping(HERE, local, target):
            if _stamp(target) != seen:
                raise _changed(local)
            yield

    def check(self, file: LocalFile) -> None:
        """SyncError if the file is no longer what it was when this run looked at it."""
        path = self.folder / file.local
        try:
            digest = self._digest(file, path)
        except OSError:
            digest = None
        if digest != file.identity.digest:
            raise _changed(file.local)

    def _digest(self, file: LocalFile, path: Path) -> Digest:
        if not file.identity.form.is_notebook and file.size > MAX_IN_MEMORY:
            return file_digest(sha256_of(path))
        return file.identify(path.read_bytes()).digest

    def _check_room(self, local: str) -> None:
        target = self.folder / local
        _remove_if_empty(target)  # to git there is no such folder
        if target.is_symlink() or target.exists():
            raise SyncError(
                f"{local} is there already, and git does not count it",
                hint="move it away, or stop ignoring it",
            )

    def _check_way(self, local: str) -> None:
        for above in parents(local):
            folder = self.folder / above
            if folder.is_symlink():
                raise SyncError(f"{local}: {above} is a symbolic link, and they are not followed")
            if folder.exists() and not folder.is_dir():
                raise SyncError(f"{local}: {above} is a file here", hint=f"rename {above}")


def _changed(local: str) -> SyncError:
    return SyncError(f"{local} has changed meanwhile", hint="run this again")


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder in which there are folders at most."""
    if folder.is_symlink() or not folder.is_dir():
        return
    below = sorted(folder.rglob("*"), reverse=True)
    if all(one.is_dir() and not one.is_symlink() for one in below):
        for one in (*below, folder):
            one.rmdir()


def _replace(scratch: Path, target: Path) -> None:
    try:
        scratch.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise SyncError(f"{target} cannot be written: {error.strerror}") from error
        beside = target.with_name(f".{scratch.name}")
        try:
            shutil.copy(scratch, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
