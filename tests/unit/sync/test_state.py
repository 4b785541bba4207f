"""What `.mlops` holds: contents, bases, backups and conflicts."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from mlops_core.errors import SyncError, Unavailable
from mlops_core.notebooks.digest import Digest
from mlops_core.notebooks.formats import Form
from mlops_core.paths import WorkspacePath
from mlops_core.sync.ancestor import Base, Record, Scope, all_contents, load_base, save_base
from mlops_core.sync.backup import Backup, prune_backups, read_backup
from mlops_core.sync.conflicts import Conflicts
from mlops_core.sync.pair import local_rules, prepare_state
from mlops_core.sync.store import KEPT_SECONDS, Store
from mlops_core.sync.versions import find_versions, note_versions, read_versions
from mlops_core.workspace.model import ObjectInfo

SCOPE = Scope("123", WorkspacePath("/Users/u/b"), "notebooks")
PYTHON = Form("NOTEBOOK", "PYTHON", "SOURCE")
RECORD = Record(Digest("d"), PYTHON, "a.py", "c" * 64, 7, 99)


def info(**other):
    fields = {"kind": "NOTEBOOK", "object_id": 7, "language": "PYTHON", "modified_at": 99}
    return ObjectInfo(WorkspacePath("/Users/u/b/a"), **{**fields, **other})


def test_a_base_comes_back_as_it_was(tmp_path):
    base = Base(SCOPE, {"a": RECORD, "b": RECORD.unsettled()})
    save_base(tmp_path, base)
    assert load_base(tmp_path, SCOPE) == base
    assert base.digests() == {"a": "d", "b": "d"}
    assert all_contents(tmp_path) == {"c" * 64}
    assert [path.suffix for path in (tmp_path / "base").iterdir()] == [".json"]


def test_a_base_is_one_workspaces_and_one_folders(tmp_path):
    save_base(tmp_path, Base(SCOPE, {"a": RECORD}))
    for other in (
        Scope("124", SCOPE.target, SCOPE.folder),
        Scope("123", WorkspacePath("/Users/u/c"), SCOPE.folder),
        Scope("123", SCOPE.target, "other"),
    ):
        assert load_base(tmp_path, other).records == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"version": 2, "records": {}}', '{"version": 1, "records": {"a": {}}}'],
)
def test_a_base_that_cannot_be_read_is_named_and_kept(tmp_path, text):
    save_base(tmp_path, Base(SCOPE, {}))
    (path,) = (tmp_path / "base").iterdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SyncError, match="cannot be read") as raised:
        load_base(tmp_path, SCOPE)
    assert str(path) in raised.value.hint
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (info(), True),
        (info(modified_at=100), False),
        (info(object_id=8), False),
        (info(language="SQL"), False),
        (info(kind="FILE", language=None), False),
    ],
)
def test_a_record_knows_its_object(seen, expected):
    assert RECORD.is_seen_in(seen) is expected
    assert RECORD.seen(seen).modified_at == seen.modified_at
    assert not RECORD.unsettled().is_seen_in(seen)


def test_contents_are_kept_once_and_checked(tmp_path):
    store = Store(tmp_path / "contents")
    name = store.put(b"text")
    assert store.put(b"text") == name
    assert store.read(name) == b"text"
    store.path(name).write_bytes(b"other")
    assert store.read(name) is None
    assert store.read("0" * 64) is None
    store.put(b"text")
    assert store.read(name) == b"text"


def test_files_are_taken_in_whole(tmp_path):
    store = Store(tmp_path / "contents")
    with store.scratch() as scratch:
        scratch.write_bytes(b"large")
        name = store.adopt(scratch)
        assert not scratch.exists()
    store.path(name).write_bytes(b"")
    with store.scratch() as scratch:
        scratch.write_bytes(b"large")
        assert store.adopt(scratch) == name
    assert store.read(name) == b"large"


def test_nothing_half_written_stays(tmp_path):
    store = Store(tmp_path / "contents")
    name = store.put(b"text")
    store.path(name).unlink()
    store.path(name).parent.rmdir()
    store.path(name).parent.write_bytes(b"in the way")
    with pytest.raises(OSError):
        store.put(b"text")
    with store.scratch() as folder:
        folder.mkdir()
        (folder / "part").write_bytes(b"part")
    assert list((tmp_path / "contents" / "new").iterdir()) == []


def test_what_a_killed_run_was_writing_is_removed_a_day_later(tmp_path):
    store = Store(tmp_path / "contents")
    store.put(b"text")
    new = tmp_path / "contents" / "new"
    (new / "file").write_bytes(b"part")
    (new / "folder").mkdir()
    (new / "folder" / "ours").write_bytes(b"part")
    now = max(one.stat().st_mtime for one in new.iterdir())
    store.prune(frozenset(), now + 3600)
    assert {one.name for one in new.iterdir()} == {"file", "folder"}
    store.prune(frozenset(), now + 25 * 3600)
    assert list(new.iterdir()) == []


def test_contents_that_nobody_needs_stay_thirty_days(tmp_path):
    store = Store(tmp_path / "contents")
    needed, old, fresh = (store.put(text) for text in (b"needed", b"old", b"fresh"))
    now = store.path(fresh).stat().st_mtime + 10
    for name in (needed, old):
        os.utime(store.path(name), (now - KEPT_SECONDS - 60,) * 2)
    store.prune(frozenset({needed}), now)
    assert store.read(needed)
    assert store.read(fresh)
    assert store.read(old) is None
    os.utime(store.path(needed), (now - KEPT_SECONDS - 60,) * 2)
    store.touch([needed, "0" * 64])
    store.prune(frozenset(), now)
    assert store.read(needed)


def test_a_version_is_known_as_long_as_its_content_is_there(tmp_path):
    store = Store(tmp_path / "contents")
    old, gone, new = (store.put(text) for text in (b"old", b"gone", b"new"))
    note_versions(tmp_path, [("a.py", old), ("a.py", gone)], now=0)
    store.path(gone).unlink()
    note_versions(tmp_path, [("a.py", new)])
    assert [one.content for one, _ in find_versions(tmp_path, "a.py")] == [new, old]
    assert len(read_versions(tmp_path)) == 2


def test_a_backup_exists_once_something_is_in_it(tmp_path):
    content = tmp_path / "content"
    content.write_bytes(b"old")
    backup = Backup(tmp_path, SCOPE, now=0)
    assert backup.folder is None
    backup.keep("here", "d/a.py", content)
    assert backup.folder == tmp_path / "backup" / "19700101T000000Z"
    assert (backup.folder / "here" / "d" / "a.py").read_bytes() == b"old"
    kept = read_backup(backup.folder)
    assert (kept.workspace_id, kept.target, kept.notebook_folder) == (
        "123",
        "/Users/u/b",
        "notebooks",
    )
    second = Backup(tmp_path, SCOPE, now=0)
    second.keep("workspace", "a", content)
    assert second.folder != backup.folder
    prune_backups(tmp_path, now=backup.folder.stat().st_mtime + KEPT_SECONDS - 60)
    assert backup.folder.exists()
    prune_backups(tmp_path, now=backup.folder.stat().st_mtime + KEPT_SECONDS + 60)
    assert not backup.folder.exists()


def test_a_backup_tells_what_is_new_and_that_only_beside_what_is_old(tmp_path):
    content = tmp_path / "content"
    content.write_bytes(b"old")
    backup = Backup(tmp_path, SCOPE)
    backup.note_new("here", "new.py", "1")
    assert backup.folder is None
    backup.keep("conflicts", "c.py", content)
    assert backup.restorable is None
    backup.keep("workspace", "a.py", content)
    backup.note_new("workspace", "b", "2")
    backup.note_new("workspace", "c", "3")
    backup.note_new("workspace", "c", "")
    assert backup.restorable == backup.folder
    with (backup.folder / "new.jsonl").open("a", encoding="utf-8") as file:
        file.write('["here", "half')
    kept = read_backup(backup.folder)
    assert kept.new == {"here": {"new.py": "1"}, "workspace": {"b": "2"}}
    assert kept.names("workspace") == ["a.py"]


@pytest.mark.parametrize(
    ("error", "is_kept"), [(SyncError("no"), False), (OSError(), False), (Unavailable("?"), True)]
)
def test_what_was_refused_needs_no_backup(tmp_path, error, is_kept):
    content = tmp_path / "content"
    content.write_bytes(b"old")
    backup = Backup(tmp_path, SCOPE)
    with pytest.raises(type(error)), backup.keeping("here", "a.py", content):
        raise error
    assert (backup.restorable is not None) is is_kept
    assert [path.name for path in (tmp_path / "backup").glob("*/here/*")] == ["a.py"] * is_kept
    assert (backup.folder is not None) is is_kept


def test_a_conflict_is_written_once_and_what_it_replaces_is_kept(tmp_path):
    backup = Backup(tmp_path, SCOPE)
    conflicts = Conflicts(tmp_path, SCOPE, backup)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"1")
    path = conflicts.put("d/a", "d/a.py", theirs)
    assert path.read_bytes() == b"1"
    before = path.stat().st_mtime_ns
    conflicts.put("d/a", "d/a.py", theirs)
    assert (path.stat().st_mtime_ns, backup.folder) == (before, None)
    theirs.write_bytes(b"2")
    conflicts.put("d/a", "d/a.py", theirs)
    assert (backup.folder / "conflicts" / "d" / "a.py").read_bytes() == b"1"
    conflicts.settle({"a", "d"})
    assert path.exists()
    conflicts.settle({"d/a"})
    assert list(conflicts.folder.iterdir()) == []
    assert json.loads((tmp_path / "conflicts.json").read_text(encoding="utf-8"))["files"] == {}
    assert (backup.folder / "conflicts" / "d" / "a.py").read_bytes() == b"2"


def test_conflicts_of_two_targets_do_not_meet(tmp_path):
    other = Scope("123", WorkspacePath("/Users/u/other"), "notebooks")
    mine, yours = (Conflicts(tmp_path, one, Backup(tmp_path, one)) for one in (SCOPE, other))
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "yours").write_bytes(b"yours")
    path = mine.put("a", "a.py", tmp_path / "mine")
    assert path == tmp_path / "conflicts" / "a.py"
    second = yours.put("a", "a.py", tmp_path / "yours")
    assert (path.read_bytes(), second.read_bytes()) == (b"mine", b"yours")
    mine.settle({"a"})
    assert (path.exists(), mine.open(), yours.open()) == (False, {}, {"a": "a.py"})
    assert yours.put("a", "a.py", tmp_path / "yours") == second  # and not moved to the free name
    yours.settle({"a"})
    assert list((tmp_path / "conflicts").iterdir()) == []


def test_a_conflict_of_another_form_takes_the_place_of_the_old_one(tmp_path):
    conflicts = Conflicts(tmp_path, SCOPE, Backup(tmp_path, SCOPE))
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"1")
    old = conflicts.put("a", "a.py", theirs)
    new = conflicts.put("a", "a.sql", theirs)
    assert (old.exists(), new.exists(), conflicts.open()) == (False, True, {"a": "a.sql"})


def test_a_conflict_finds_a_place_beside_one_that_is_named_as_its_folder(tmp_path):
    conflicts = Conflicts(tmp_path, SCOPE, Backup(tmp_path, SCOPE))
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"1")
    conflicts.put("d", "d", theirs)
    assert conflicts.put("d/a", "d/a.py", theirs).read_bytes() == b"1"
    assert conflicts.open() == {"d": "d", "d/a": "d/a.py"}


@pytest.mark.parametrize("text", ["", "[]", '{"files": 1}', '{"files": {"a.py": {}}}'])
def test_conflicts_come_again_where_nothing_says_whose_they_are(tmp_path, text):
    conflicts = Conflicts(tmp_path, SCOPE, Backup(tmp_path, SCOPE))
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"1")
    path = conflicts.put("a", "a.py", theirs)
    (tmp_path / "conflicts.json").write_text(text, encoding="utf-8")
    assert conflicts.open() == {}
    assert conflicts.put("a", "a.py", theirs) == path
    assert conflicts.open() == {"a": "a.py"}


def test_the_state_folder_hides_itself_from_git(tmp_path):
    prepare_state(tmp_path / ".mlops")
    (tmp_path / ".mlops" / "base.json").write_text("{}", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    asked = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(asked, cwd=tmp_path, capture_output=True, check=True).stdout == b""


def test_the_state_folder_shows_whether_this_system_tells_cases_apart(tmp_path):
    prepare_state(tmp_path / ".mlops")
    (tmp_path / "a").touch()
    (tmp_path / "A").touch()
    are_two = sum(one.name in {"a", "A"} for one in tmp_path.iterdir()) == 2
    assert local_rules(tmp_path / ".mlops").is_case_sensitive == are_two
