"""Files of the checkout are changed only if they still are what the run saw, to the last moment."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_core.errors import SyncError
from mlops_core.paths import WorkspacePath
from mlops_core.sync.ancestor import Scope
from mlops_core.sync.backup import HERE, Backup
from mlops_core.sync.store import Store
from mlops_core.sync.tree import LocalFile, read_file
from mlops_core.sync.worktree import Worktree

Saves = Callable[[str], None]
SCOPE = Scope("workspace", WorkspacePath("/Users/me/branch"), "here")


@pytest.fixture
def worktree(tmp_path: Path) -> Worktree:
    """A folder with the file `a`, whose new content is to be `content`."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a").write_bytes(b"seen")
    (tmp_path / "content").write_bytes(b"pulled")
    state = tmp_path / ".mlops"
    return Worktree(tmp_path / "here", Store(state / "contents"), Backup(state, SCOPE))


@pytest.fixture
def saves_during(worktree: Worktree, monkeypatch: pytest.MonkeyPatch) -> Saves:
    """An editor saves `a` right after it, or its new content, was copied into this folder."""
    copy = shutil.copyfile

    def during(folder: str) -> None:
        def copy_and_save(source: Path, target: Path) -> None:
            copy(source, target)
            if folder in target.parts:
                (worktree.folder / "a").write_bytes(b"saved just now")

        monkeypatch.setattr(shutil, "copyfile", copy_and_save)

    return during


def seen(worktree: Worktree) -> LocalFile:
    return read_file(worktree.folder, "a")


@pytest.mark.parametrize("moment", ["new", "backup"])
def test_what_an_editor_saves_while_a_pull_writes_stays(
    worktree: Worktree, saves_during: Saves, moment: str
) -> None:
    file = seen(worktree)
    saves_during(moment)
    with pytest.raises(SyncError, match="a has changed meanwhile"):
        worktree.write("a", worktree.folder.parent / "content", file)
    assert (worktree.folder / "a").read_bytes() == b"saved just now"
    assert worktree.backup.folder is None


def test_what_an_editor_saves_while_a_pull_deletes_stays(
    worktree: Worktree, saves_during: Saves
) -> None:
    file = seen(worktree)
    saves_during("backup")
    with pytest.raises(SyncError, match="a has changed meanwhile"):
        worktree.delete(file)
    assert (worktree.folder / "a").read_bytes() == b"saved just now"


@pytest.mark.parametrize("moment", ["new", "backup"])
def test_what_is_put_back_replaces_nothing_that_is_not_kept(
    worktree: Worktree, saves_during: Saves, moment: str
) -> None:
    saves_during(moment)
    try:
        worktree.put_back("a", worktree.folder.parent / "content")
    except SyncError:
        assert (worktree.folder / "a").read_bytes() == b"saved just now"
    else:
        kept = worktree.backup.folder
        assert kept
        assert (kept / HERE / "a").read_bytes() == b"saved just now"


def test_a_file_that_has_just_appeared_is_not_replaced(
    worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (worktree.folder / "a").unlink()
    link = os.link

    def appears(source: Path, target: Path) -> None:
        target.write_bytes(b"saved just now")
        link(source, target)

    monkeypatch.setattr(os, "link", appears)
    with pytest.raises(SyncError, match="a has changed meanwhile"):
        worktree.write("a", worktree.folder.parent / "content", None)
    assert (worktree.folder / "a").read_bytes() == b"saved just now"


def test_a_new_file_is_written_where_there_are_no_links(
    worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    worktree.write("sub/new", worktree.folder.parent / "content", None)
    assert (worktree.folder / "sub" / "new").read_bytes() == b"pulled"
    assert [one.name for one in (worktree.store.folder / "new").iterdir()] == []
