"""What taking a run back promises, in-process over real HTTP."""

from __future__ import annotations

import os
import random
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_core.errors import DONE, FAILED, LEFT, SyncError
from mlops_core.paths import WorkspacePath
from mlops_core.sync.restore import find_backup, restore
from mlops_core.sync.tree import read_workspace

PYTHON = b"# Databricks notebook source\n"
SQL = b"-- Databricks notebook source\nSELECT 1\n"
R = b"# Databricks notebook source\nx <- 1\n"


def notebook(text: str) -> bytes:
    return PYTHON + text.encode() + b"\n"


def told(report) -> dict[str, str]:
    return {one.local.rpartition("/")[2]: one.action.value for one in report.results}


def hints(report) -> list[str]:
    return [failed.error.message for failed in report.failures]


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    for name in ("one", "two", "three", "four", "five"):
        clone.write(f"{name}.py", notebook(name))
    return clone


@pytest.fixture
def objects(clone, healthy):
    """What the workspace holds: path to type, language and content."""

    def look() -> dict[str, tuple[str, str, bytes]]:
        found = read_workspace(clone.pair.files, clone.pair.target).objects
        return {
            path: (
                one.kind,
                one.language or "",
                healthy.read(one.path, "SOURCE" if one.kind == "NOTEBOOK" else "AUTO"),
            )
            for path, one in found.items()
        }

    return look


@pytest.fixture
def gone(clone):
    """Deletes an object of the workspace."""
    return lambda path: clone.pair.files.delete(WorkspacePath(f"{clone.pair.target}/{path}"))


def files_here(clone) -> dict[str, bytes]:
    top = clone.folder / "notebooks"
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


def take_back(clone, report):
    assert report.backup is not None
    return restore(clone.pair, find_backup(clone.pair.state, report.backup.name))


def assert_accepted(clone) -> None:
    """Neither direction has anything to refuse."""
    for report in (clone.pull(), clone.push(), clone.push(overwrite=True), clone.pull()):
        assert hints(report) == []
        assert report.exit_code != FAILED
    assert clone.push().results == ()


# -- a push


def test_types_that_were_swapped_are_swapped_back(clone, objects):
    clone.write("m.py", b"x = 1\n")
    clone.write("n.py", notebook("n"))
    clone.push()
    before = objects()
    clone.write("n.py", b"x = 1\n")
    clone.write("m.py", notebook("n"))
    pushed = clone.push(overwrite=True)
    after = objects()
    back = take_back(clone, pushed)
    assert (hints(back), back.exit_code) == ([], DONE)
    assert objects() == before
    assert hints(take_back(clone, back)) == []
    assert objects() == after
    assert_accepted(clone)


def test_a_folder_and_a_notebook_of_one_name_change_back(clone, objects):
    clone.write("a.py", notebook("a"))
    clone.write("b/x.py", notebook("x"))
    clone.write("b/d/y.csv", b"1\n")
    clone.push()
    before = objects()
    (clone.folder / "notebooks/a.py").unlink()
    shutil.rmtree(clone.folder / "notebooks/b")
    clone.write("a/d/x.py", notebook("x"))
    clone.write("b.py", notebook("b"))
    pushed = clone.push(overwrite=True)
    back = take_back(clone, pushed)
    assert (hints(back), back.exit_code) == ([], DONE)
    assert objects() == before
    pulled = clone.pull()
    assert hints(pulled) == []
    assert clone.read("a.py") == notebook("a")
    assert not (clone.folder / "notebooks/b.py").exists()
    assert_accepted(clone)


def test_what_a_push_created_goes_again_and_is_new_here_as_before(clone, objects, healthy):
    clone.push()
    before = objects()
    clone.write("one.py", notebook("mine"))
    clone.write("sub/new.py", notebook("new"))
    pushed = clone.push(overwrite=True)
    back = take_back(clone, pushed)
    assert told(back) == {"one.py": "replaced", "new": "deleted"}
    assert objects() == before
    assert told(clone.pull()) == {"one.py": "written", "new.py": "kept"}
    assert clone.read("sub/new.py") == notebook("new")
    assert told(clone.push()) == {"new.py": "created"}


def test_what_was_changed_since_it_was_created_stays(clone, objects, there):
    clone.push()
    clone.write("one.py", notebook("mine"))
    clone.write("new.py", notebook("new"))
    pushed = clone.push(overwrite=True)
    there("new", notebook("theirs"))
    assert told(take_back(clone, pushed)) == {"one.py": "replaced", "new": "kept"}
    assert objects()["new"][2] == notebook("theirs")


def test_what_somebody_made_in_the_place_of_a_notebook_stays(clone, objects, there):
    clone.write("a.py", notebook("a"))
    clone.push()
    (clone.folder / "notebooks/a.py").unlink()
    pushed = clone.push(overwrite=True)
    there("a/theirs", notebook("theirs"))
    back = take_back(clone, pushed)
    assert (told(back), back.exit_code) == ({"a.py": "left"}, LEFT)
    assert "a/theirs is in the way in the workspace" in back.results[0].reason
    assert back.results[0].hint == "move that away and run this again"
    assert objects()["a/theirs"][2] == notebook("theirs")
    assert back.backup is None


# -- a pull


def test_a_notebook_that_came_in_another_language_or_as_a_folder_goes_again(clone, there, gone):
    clone.write("g.sql", SQL)
    clone.write("k.py", notebook("k"))
    clone.push()
    before = files_here(clone)
    there("g", R, language="R")
    gone("k")
    there("k/inner", notebook("inner"))
    there("new", notebook("new"))
    pulled = clone.pull()
    after = files_here(clone)
    back = take_back(clone, pulled)
    assert hints(back) == []
    assert files_here(clone) == before
    assert hints(take_back(clone, back)) == []
    assert files_here(clone) == after
    assert hints(take_back(clone, pulled)) == []
    assert files_here(clone) == before
    again = clone.pull()
    assert hints(again) == []
    assert told(again) == {
        "g.sql": "kept",
        "k.py": "kept",
        "inner.py": "left",
        "new.py": "written",
    }
    assert_accepted(clone)


def test_what_was_edited_since_it_came_stays_and_so_does_what_it_excludes(clone, there):
    clone.write("g.sql", SQL)
    clone.push()
    there("g", R, language="R")
    there("one", notebook("theirs"))
    there("new", notebook("new"))
    pulled = clone.pull()
    clone.write("g.r", R + b"y <- 2\n")
    clone.write("new.py", notebook("mine"))
    back = take_back(clone, pulled)
    assert told(back) == {"one.py": "written", "g.r": "kept", "new.py": "kept", "g.sql": "left"}
    assert back.exit_code == LEFT
    assert clone.read("g.r") == R + b"y <- 2\n"
    assert_accepted(clone)


def test_a_pull_of_new_files_only_has_nothing_to_take_back(clone, there):
    clone.push()
    there("new", notebook("new"))
    assert clone.pull().backup is None
    assert list((clone.pair.state / "backup").glob("*")) == []


# -- both


def test_a_workspace_folder_that_is_gone_is_made_again(clone, objects):
    clone.push()
    clone.write("one.py", notebook("mine"))
    pushed = clone.push(overwrite=True)
    clone.pair.files.delete(clone.pair.target, recursive=True)
    assert told(take_back(clone, pushed)) == {"one.py": "created"}
    assert objects().keys() == {"one"}
    assert told(clone.push()) == {
        "one.py": "left",
        **{f"{name}.py": "created" for name in ("two", "three", "four", "five")},
    }


def test_what_is_so_already_is_not_written_again(clone, there):
    clone.push()
    clone.write("two.py", notebook("mine"))
    pushed = clone.push(overwrite=True)
    there("one", notebook("theirs"))
    there("new", notebook("new"))
    pulled = clone.pull()
    for report, count in ((pulled, 2), (pushed, 1)):
        assert len(take_back(clone, report).results) == count
        again = take_back(clone, report)
        assert (again.summary, again.backup) == ("nothing to do", None)


def test_a_settled_conflict_is_nothing_to_get_back(clone, there):
    clone.push()
    clone.write("one.py", notebook("mine"))
    there("one", notebook("theirs"))
    assert told(clone.pull()) == {"one.py": "conflict"}
    shutil.copyfile(clone.pair.state / "conflicts/one.py", clone.folder / "notebooks/one.py")
    pulled = clone.pull()
    assert (pulled.exit_code, pulled.backup) == (DONE, None)
    (kept,) = (clone.pair.state / "backup").glob("*/conflicts/one.py")
    assert kept.read_bytes() == notebook("theirs")


def test_a_pull_that_may_not_write_keeps_nothing(clone, there, monkeypatch):
    clone.push()
    there("one", notebook("theirs"))
    rename = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if Path(target).name == "one.py" and "notebooks" in Path(target).parts:
            raise PermissionError(1, "Operation not permitted")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    report = clone.pull()
    assert hints(report) == [
        f"{clone.folder}/notebooks/one.py cannot be written: Operation not permitted"
    ]
    assert report.backup is None
    assert list((clone.pair.state / "backup").glob("*")) == []


def test_a_push_that_may_not_write_keeps_nothing(clone, healthy):
    clone.push()
    clone.write("one.py", notebook("mine"))
    body = {"error_code": "PERMISSION_DENIED", "message": "no"}
    healthy.fault(kind="status", status=403, body=body, path="workspace/import")
    report = clone.push(overwrite=True)
    assert len(report.failures) == 1
    assert report.backup is None
    assert list((clone.pair.state / "backup").glob("*")) == []


def test_files_of_another_branch_are_not_put_into_this_one(clone, there):
    clone.push()
    there("one", notebook("theirs"))
    pulled = clone.pull()
    other = replace(clone.pair, target=WorkspacePath(f"{clone.pair.target}-other"))
    with pytest.raises(SyncError, match="holds files of the branch of") as raised:
        restore(other, find_backup(other.state, pulled.backup.name))
    assert "git switch" in raised.value.hint
    assert clone.read("one.py") == notebook("theirs")


def test_objects_of_another_branch_go_back_to_it(clone, objects):
    clone.push()
    before = objects()
    clone.write("one.py", notebook("mine"))
    pushed = clone.push(overwrite=True)
    other = replace(clone.pair, target=WorkspacePath(f"{clone.pair.target}-other"))
    back = restore(other, find_backup(other.state, pushed.backup.name))
    assert told(back) == {"one.py": "replaced"}
    assert objects() == before


def test_large_files_are_restored_in_pieces(clone, objects):
    size = 24 * 1024 * 1024
    clone.write("large.bin", os.urandom(size))
    clone.push()
    clone.write("large.bin", b"small")
    pushed = clone.push(overwrite=True)
    tracemalloc.start()
    try:
        back = take_back(clone, pushed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told(back) == {"large.bin": "replaced"}
    assert len(objects()["large.bin"][2]) == size
    assert peak < size / 2


SHAPES = (
    {},
    {"{}.py": notebook("1")},
    {"{}.py": notebook("2")},
    {"{}.py": b"x = 1\n"},
    {"{}.sql": SQL},
    {"{}.r": R},
    {"{}": b"no extension\n"},
    {"{}/in.py": notebook("in")},
    {"{}/in.py": b"in = 1\n", "{}/deep/in.sql": SQL},
    {"{}/in/deep.py": notebook("deep")},
)


def shaped(random_: random.Random) -> dict[str, bytes]:
    return {
        name.format(stem): content
        for stem in "abc"
        for name, content in random_.choice(SHAPES).items()
    }


def lay(clone, files: dict[str, bytes]) -> None:
    for name in files_here(clone):
        if name.rpartition("/")[2] in {f"{n}.py" for n in ("one", "two", "three", "four", "five")}:
            continue
        (clone.folder / "notebooks" / name).unlink()
    for folder in sorted((clone.folder / "notebooks").rglob("*"), reverse=True):
        if folder.is_dir():
            folder.rmdir()
    for name, content in files.items():
        clone.write(name, content)


@pytest.mark.parametrize("seed", range(12))
def test_any_run_is_taken_back_whatever_it_changed(clone, objects, make_clone, tmp_path, seed):
    random_ = random.Random(seed)
    lay(clone, shaped(random_))
    clone.push()
    before_here, before_there = files_here(clone), objects()
    other = make_clone(tmp_path / "other", clone.pair.target)
    other.pull()
    assert files_here(other).keys() == before_here.keys()
    lay(clone, shaped(random_))
    pushed = clone.push(overwrite=True)
    after_there = objects()
    pulled = other.pull()
    after_here = files_here(other)
    if pulled.backup:
        back = take_back(other, pulled)
        assert hints(back) == []
        assert files_here(other).keys() == before_here.keys()
        assert hints(take_back(other, back)) == []
        assert files_here(other) == after_here
        assert hints(take_back(other, pulled)) == []
    if pushed.backup:
        back = take_back(clone, pushed)
        assert hints(back) == []
        assert objects() == before_there
        if back.backup:
            assert hints(take_back(clone, back)) == []
            assert objects() == after_there
            take_back(clone, pushed)
    assert_accepted(other)
    assert_accepted(clone)
