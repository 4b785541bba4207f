"""What a push and a pull promise, one promise a test, in-process over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from mlops_core.errors import DONE, FAILED, LEFT, NotFound, SettingsError, SyncError, UnsafeDelete
from mlops_core.sync.plan import Action
from mlops_core.sync.restore import find_backup, restore
from mlops_core.sync.versions import find_versions
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.retry import SystemClock

HEADER = b"# Databricks notebook source\n"
SEPARATOR = b"\n\n# COMMAND ----------\n\n"
SQL = b"-- Databricks notebook source\nSELECT 1\n"


def notebook(*cells: bytes) -> bytes:
    return HEADER + SEPARATOR.join(cells) + b"\n"


def actions(report) -> dict[str, str]:
    return {one.local.removeprefix("notebooks/"): one.action.value for one in report.results}


def failed(report) -> str:
    return "\n".join(one.error.message for one in report.failures)


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    clone.write("a.py", notebook(b"one", b"two", b"three"))
    clone.write("b.py", notebook(b"b"))
    clone.write("m.py", b"x = 1\n")
    clone.commit()
    assert clone.push().exit_code == DONE
    return clone


# -- push


def test_an_unchanged_push_asks_who_and_what_and_no_more(clone, healthy):
    clone.push()  # should the second have turned while the first was answered
    healthy.record()
    report = clone.push()
    assert report.summary == "3 unchanged"
    assert [one["path"].partition("?")[0] for one in healthy.requests()] == [
        "/api/2.0/workspace/list"
    ]


def test_a_changed_file_is_left_without_overwrite_and_replaced_with_it(clone, healthy):
    clone.write("a.py", notebook(b"new"))
    report = clone.push()
    assert actions(report) == {"a.py": "left"}
    assert report.exit_code == LEFT
    assert b"three" in healthy.read(f"{clone.pair.target}/a")
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert report.exit_code == DONE
    assert b"new" in healthy.read(f"{clone.pair.target}/a")
    assert (report.backup / "workspace" / "a.py").read_bytes().rstrip() == notebook(
        b"one", b"two", b"three"
    ).rstrip()
    assert clone.push(overwrite=True).results == ()


def test_what_a_colleague_changed_is_replaced_only_with_overwrite_and_kept(clone, there):
    there("a", notebook(b"theirs"))
    assert actions(clone.push()) == {"a.py": "left"}
    report = clone.push(overwrite=True)
    assert actions(report) == {"a.py": "replaced"}
    assert b"theirs" in (report.backup / "workspace" / "a.py").read_bytes()


def test_the_same_edit_on_both_sides_is_done(clone, there):
    there("a", notebook(b"same"))
    clone.write("a.py", notebook(b"same"))
    report = clone.push()
    assert (report.exit_code, report.results) == (DONE, ())
    assert clone.pull().results == ()


def test_a_deleted_file_is_deleted_there_only_with_overwrite(clone, healthy):
    (clone.folder / "notebooks" / "b.py").unlink()
    assert actions(clone.push()) == {"b.py": "left"}
    report = clone.push(overwrite=True)
    assert actions(report) == {"b.py": "deleted"}
    assert (report.backup / "workspace" / "b.py").exists()
    assert clone.push().results == ()


def test_what_is_not_ours_is_not_deleted(clone, there, healthy):
    there("theirs", notebook(b"theirs"))
    assert clone.push(overwrite=True).results == ()
    assert b"theirs" in healthy.read(f"{clone.pair.target}/theirs")


def test_a_folder_that_is_gone_is_made_again(clone, healthy):
    healthy.sdk.workspace.delete(clone.pair.target, recursive=True)
    assert clone.push().summary == "3 created"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_becomes_a_notebook_is_replaced_by_delete_then_import(
    clone, healthy, overwrite
):
    clone.write("m.py", notebook(b"now a notebook"))
    report = clone.push(overwrite=overwrite)
    if not overwrite:
        assert actions(report) == {"m.py": "left"}
        assert any("in the way" in one.reason for one in report.results)
        return
    assert report.exit_code == DONE
    assert b"now a notebook" in healthy.read(f"{clone.pair.target}/m")
    assert (report.backup / "workspace" / "m.py").read_bytes() == b"x = 1\n"
    assert clone.push(overwrite=True).results == ()


def test_a_notebook_that_becomes_a_file_or_a_folder_is_replaced(clone, healthy):
    clone.write("b.py", b"now = 'a module'\n")
    (clone.folder / "notebooks" / "a.py").unlink()
    clone.write("a/inside.py", notebook(b"inside"))
    assert clone.push().exit_code == LEFT
    report = clone.push(overwrite=True)
    assert report.exit_code == DONE
    assert b"inside" in healthy.read(f"{clone.pair.target}/a/inside")
    assert healthy.read(f"{clone.pair.target}/b.py", "AUTO") == b"now = 'a module'\n"
    # and back again
    (clone.folder / "notebooks" / "a" / "inside.py").unlink()
    (clone.folder / "notebooks" / "a").rmdir()
    clone.write("a.py", notebook(b"again"))
    assert clone.push(overwrite=True).exit_code == DONE
    assert b"again" in healthy.read(f"{clone.pair.target}/a")
    assert clone.pull().results == ()


def test_another_language_or_flavour_replaces_the_notebook(clone, healthy):
    (clone.folder / "notebooks" / "a.py").unlink()
    clone.write("a.sql", SQL)
    assert clone.push(overwrite=True).exit_code == DONE
    assert healthy.sdk.workspace.get_status(f"{clone.pair.target}/a").language.value == "SQL"
    assert clone.push().results == ()


def test_a_notebook_in_another_language_frees_its_name_for_a_file(clone, healthy):
    clone.write("q.sql", SQL)
    assert clone.push().exit_code == DONE
    clone.write("q.py", notebook(b"now in Python"))
    clone.write("q.sql", b"SELECT 2\n")
    report = clone.push(overwrite=True)
    assert report.exit_code == DONE
    assert actions(report) == {"q.py": "replaced", "q.sql": "created"}
    assert healthy.read(f"{clone.pair.target}/q.sql", "AUTO") == b"SELECT 2\n"
    assert b"now in Python" in healthy.read(f"{clone.pair.target}/q")
    assert (report.backup / "workspace" / "q.sql").read_bytes() == SQL
    assert clone.push(overwrite=True).results == ()


def test_a_stranger_of_the_same_full_name_makes_room_only_with_overwrite(clone, there):
    there("q", SQL, language="SQL")
    clone.write("q.sql", b"SELECT 2\n")
    report = clone.push()
    assert report.exit_code == LEFT
    assert [one.reason for one in report.results] == ["q is in the way in the workspace"]
    report = clone.push(overwrite=True)
    assert report.exit_code == DONE
    assert (report.backup / "workspace" / "q.sql").read_bytes() == SQL
    assert clone.push(overwrite=True).results == ()


def test_collisions_name_both_and_the_rest_is_done(clone):
    clone.write("a.sql", SQL)
    clone.write("b/x.py", notebook(b"x"))
    clone.write("c.py", notebook(b"c"))
    report = clone.push(overwrite=True)
    assert "a.py and a.sql would both be a" in failed(report)
    assert "b.py and b/ would both be b" in failed(report)
    assert actions(report)["c.py"] == "created"
    assert report.exit_code == FAILED
    assert "deleted" not in actions(report).values()


def test_what_collides_is_left_out_of_the_first_push_as_of_any_other(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "first")
    clone.write("b.py", notebook(b"b"))
    clone.write("b/x.txt", b"x\n")
    clone.write("ok.py", notebook(b"ok"))
    for _ in range(2):
        report = clone.push()
        assert failed(report) == "b.py and b/ would both be b in the workspace"
    names = [Path(one.path).name for one in healthy.sdk.workspace.list(clone.pair.target)]
    assert names == ["ok"]


def test_nothing_comes_in_the_place_of_files_that_collide(clone, there):
    clone.write("q.py", notebook(b"one"))
    clone.write("q.sql", SQL)
    there("q.py", b"x = 1\n", "RAW", "")
    for run in (clone.pull, clone.push):
        assert failed(run()) == "q.py and q.sql would both be q in the workspace"
    assert clone.read("q.py") == notebook(b"one")


def test_a_broken_notebook_is_named_and_the_rest_is_done(clone):
    clone.write("broken.ipynb", b'{"cells": 1}')
    clone.write("c.py", notebook(b"c"))
    report = clone.push()
    assert report.exit_code == FAILED
    assert "broken.ipynb: no valid Jupyter notebook" in failed(report)
    assert actions(report) == {"c.py": "created"}


def test_a_notebook_that_breaks_is_not_deleted_in_the_workspace(clone, healthy):
    good = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    clone.write("j.ipynb", json.dumps(good).encode())
    clone.push()
    clone.write("j.ipynb", b"{")
    report = clone.push(overwrite=True)
    assert report.exit_code == FAILED
    assert healthy.sdk.workspace.get_status(f"{clone.pair.target}/j")
    assert actions(clone.pull()) == {}
    assert clone.read("j.ipynb") == b"{"


def test_a_notebook_whose_file_is_broken_stays_in_the_way_and_is_named(clone, there):
    there("q", notebook(b"there"))
    clone.write("q.ipynb", b"broken")
    clone.write("q/inside.py", notebook(b"inside"))
    for _ in range(2):
        report = clone.push(overwrite=True)
        assert report.exit_code == FAILED
        assert sorted(one.path for one in report.failures) == ["q.ipynb", "q/inside"]
        assert "/q is in the way (its own file here cannot be read)" in failed(report)


def test_a_notebook_over_ten_mebibytes_is_refused_before_anything_is_sent(clone, healthy):
    clone.write("big.py", HEADER + b"#" * (10 * 1024 * 1024))
    healthy.record()
    report = clone.push()
    assert "big.py: 10,485,789 bytes" in failed(report)
    assert [one for one in healthy.requests() if one["method"] == "POST"] == []


def test_an_empty_or_missing_folder_is_refused(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "empty")
    with pytest.raises(SettingsError, match="there is no folder"):
        clone.push()
    (clone.folder / "notebooks").mkdir()
    with pytest.raises(SyncError, match="nothing in"):
        clone.push()


def test_links_nested_repositories_and_ignored_files_stay_here(clone, healthy):
    link = clone.folder / "notebooks" / "link.py"
    link.symlink_to(clone.folder / "notebooks" / "a.py")
    clone.write("nested/n.py", notebook(b"n"))
    clone.git("-C", "notebooks/nested", "init", "--quiet")
    (clone.folder / ".gitignore").write_text("secret.*\n", encoding="utf-8")
    clone.write("secret.py", notebook(b"secret"))
    report = clone.push(overwrite=True)
    assert report.results == ()
    assert {skip.path for skip in report.skipped} == {"link.py", "nested"}


def test_a_file_that_git_now_ignores_is_not_deleted_there(clone, healthy):
    clone.write("new.py", notebook(b"new"))
    clone.push()
    (clone.folder / ".gitignore").write_text("new.py\n", encoding="utf-8")
    report = clone.push(overwrite=True)
    assert report.results == ()
    assert healthy.read(f"{clone.pair.target}/new")
    assert clone.pull().results == ()


def test_a_file_renamed_in_case_only_is_renamed_in_the_workspace(clone, healthy):
    notebooks = clone.folder / "notebooks"
    clone.git("mv", "notebooks/b.py", "notebooks/B.py")
    if not (notebooks / "b.py").exists():  # as a system that ignores case has it
        (notebooks / "b.py").hardlink_to(notebooks / "B.py")
    (clone.folder / ".git" / "info" / "exclude").write_text("b.py\n")
    assert clone.push(overwrite=True).exit_code == DONE
    names = {Path(one.path).name for one in healthy.sdk.workspace.list(clone.pair.target)}
    assert names == {"a", "B", "m.py"}


# -- pull


def test_an_edit_there_comes_here_and_the_old_text_is_kept(clone, there):
    there("a", notebook(b"one", b"edited", b"three"))
    report = clone.pull()
    assert actions(report) == {"a.py": "written"}
    assert clone.read("a.py") == notebook(b"one", b"edited", b"three")
    assert (report.backup / "here" / "a.py").read_bytes() == notebook(b"one", b"two", b"three")
    assert clone.status() == " M notebooks/a.py\n"


def test_edits_of_both_sides_are_merged_cell_by_cell(clone, there):
    there("a", notebook(b"one", b"two", b"three theirs", b"four theirs"))
    clone.write("a.py", notebook(b"one ours", b"two", b"three"))
    report = clone.pull()
    assert actions(report) == {"a.py": "merged"}
    assert clone.read("a.py") == notebook(b"one ours", b"two", b"three theirs", b"four theirs")
    assert clone.pull().exit_code == DONE
    assert actions(clone.push(overwrite=True)) == {"a.py": "replaced"}


def test_a_conflict_keeps_ours_and_puts_theirs_aside(clone, there):
    there("a", notebook(b"one theirs", b"two", b"three"))
    clone.write("a.py", notebook(b"one ours", b"two", b"three"))
    report = clone.pull()
    assert actions(report) == {"a.py": "conflict"}
    assert report.exit_code == LEFT
    assert "git diff --no-index -- notebooks/a.py .mlops/conflicts/a.py" in report.results[0].hint
    assert b"one ours" in clone.read("a.py")
    aside = clone.pair.state / "conflicts" / "a.py"
    assert b"one theirs" in aside.read_bytes()
    written = aside.stat().st_mtime_ns
    assert actions(clone.pull()) == {"a.py": "conflict"}
    assert aside.stat().st_mtime_ns == written
    # their version over ours settles it
    clone.write("a.py", aside.read_bytes())
    assert clone.pull().exit_code == DONE
    assert not aside.exists()


def test_a_conflict_is_settled_by_overwriting(clone, there):
    there("a", notebook(b"one theirs", b"two", b"three"))
    clone.write("a.py", notebook(b"one ours", b"two", b"three"))
    clone.pull()
    report = clone.push(overwrite=True)
    assert report.exit_code == DONE
    assert b"one theirs" in (report.backup / "workspace" / "a.py").read_bytes()
    assert not (clone.pair.state / "conflicts" / "a.py").exists()
    assert clone.pull().results == ()


def test_text_files_are_merged_by_lines_and_binary_ones_are_conflicts(clone, there):
    clone.write("t.txt", b"1\n2\n3\n4\n5\n")
    clone.write("t.bin", b"\0one")
    clone.push()
    there("t.txt", b"1\n2\n3\n4\nfive\n", "RAW", "")
    there("t.bin", b"\0theirs", "RAW", "")
    clone.write("t.txt", b"one\n2\n3\n4\n5\n")
    clone.write("t.bin", b"\0ours")
    assert actions(clone.pull()) == {"t.txt": "merged", "t.bin": "conflict"}
    assert clone.read("t.txt") == b"one\n2\n3\n4\nfive\n"


def test_a_file_comes_under_the_name_that_a_notebook_leaves_in_the_same_pull(clone, there):
    clone.write("q.sql", SQL)
    clone.push()
    there("q", notebook(b"now in Python"))
    there("q.sql", b"SELECT 2\n", "RAW", "")
    report = clone.pull()
    assert report.exit_code == DONE
    assert clone.read("q.sql") == b"SELECT 2\n"
    assert b"now in Python" in clone.read("q.py")
    assert (report.backup / "here" / "q.sql").read_bytes() == SQL
    assert clone.pull().results == ()


def test_a_file_takes_the_place_of_an_empty_folder_and_of_no_other(clone, there):
    there("d", b"text\n", "RAW", "")
    there("e", b"text\n", "RAW", "")
    (clone.folder / "notebooks" / "d" / "nothing" / "in it").mkdir(parents=True)
    clone.write("e/ignored.log", b"log\n")
    (clone.folder / ".git" / "info" / "exclude").write_text("*.log\n")
    report = clone.pull()
    assert clone.read("d") == b"text\n"
    assert failed(report) == "e is there already, and git does not count it"
    assert clone.read("e/ignored.log") == b"log\n"


def test_what_was_deleted_there_is_deleted_here_and_kept(clone, healthy):
    healthy.sdk.workspace.delete(f"{clone.pair.target}/b")
    report = clone.pull()
    assert actions(report) == {"b.py": "deleted"}
    assert (report.backup / "here" / "b.py").exists()


def test_what_was_changed_here_and_deleted_there_stays(clone, healthy):
    clone.write("b.py", notebook(b"changed"))
    healthy.sdk.workspace.delete(f"{clone.pair.target}/b")
    report = clone.pull()
    assert actions(report) == {"b.py": "kept"}
    assert report.exit_code == DONE


def test_what_was_deleted_here_comes_back_only_if_it_changed_there(clone, there):
    (clone.folder / "notebooks" / "a.py").unlink()
    (clone.folder / "notebooks" / "b.py").unlink()
    there("b", notebook(b"changed"))
    report = clone.pull()
    assert actions(report) == {"a.py": "left", "b.py": "written"}
    assert report.exit_code == LEFT


def test_a_pull_that_would_delete_more_than_half_refuses(clone, healthy):
    for name in ("a", "b"):
        healthy.sdk.workspace.delete(f"{clone.pair.target}/{name}")
    with pytest.raises(UnsafeDelete, match="2 of 3 files"):
        clone.pull()
    assert clone.status() == ""


def test_a_pull_from_a_missing_folder_refuses(clone, healthy, make_clone, tmp_path):
    healthy.sdk.workspace.delete(clone.pair.target, recursive=True)
    with pytest.raises(NotFound, match="there is no folder"):
        clone.pull()
    assert clone.status() == ""
    bare = make_clone(tmp_path / "bare", clone.pair.target)
    with pytest.raises(NotFound):
        bare.pull()
    assert not (bare.folder / "notebooks").exists()


def test_a_fresh_clone_takes_what_is_newer_there(clone, there, make_clone, tmp_path):
    there("a", notebook(b"edited in the browser"))
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    assert actions(other.pull()) == {"a.py": "written"}


def test_a_fresh_clone_leaves_what_is_only_an_earlier_commit(clone, make_clone, tmp_path):
    clone.write("a.py", notebook(b"a newer commit"))
    clone.git("rm", "--quiet", "notebooks/b.py")
    clone.commit()
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    report = other.pull()
    assert actions(report) == {"a.py": "left", "b.py": "left"}
    assert other.status() == ""


def test_a_fresh_clone_with_an_edit_that_is_not_committed_has_a_conflict(
    clone, there, make_clone, tmp_path
):
    there("a", notebook(b"edited in the browser"))
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    other.write("a.py", notebook(b"not committed"))
    assert actions(other.pull()) == {"a.py": "conflict"}
    assert other.read("a.py") == notebook(b"not committed")


def test_an_earlier_commit_in_the_workspace_is_no_conflict_with_a_later_one(
    clone, there, make_clone, tmp_path
):
    clone.write("a.py", notebook(b"second"))
    clone.commit()
    clone.write("a.py", notebook(b"third"))
    clone.commit()
    there("a", notebook(b"second"))
    assert actions(clone.pull()) == {"a.py": "kept"}
    assert clone.read("a.py") == notebook(b"third")


def test_an_earlier_commit_in_the_workspace_does_not_replace_a_later_one(
    clone, make_clone, tmp_path
):
    behind = make_clone(tmp_path / "behind", clone.pair.target, clone)
    clone.write("a.py", notebook(b"newer"))
    clone.commit()
    clone.push(overwrite=True)
    behind.push(overwrite=True)
    report = clone.pull()
    assert actions(report) == {"a.py": "left"}
    assert [one.reason for one in report.results] == [
        "the workspace has an earlier commit's version"
    ]
    assert clone.read("a.py") == notebook(b"newer")


def test_a_run_in_the_workspace_is_no_change(clone, there, healthy):
    there("a", notebook(b"one", b"two", b"three"))  # another time, the same text
    report = clone.pull()
    assert (report.exit_code, report.results) == (DONE, ())
    healthy.record()
    assert clone.push().results == ()
    assert all("export" not in one["path"] for one in healthy.requests())


def test_objects_of_other_kinds_are_skipped_and_git_folders_not_entered(clone, healthy):
    for name, kind in (("repo", "REPO"), ("exp", "MLFLOW_EXPERIMENT"), ("lib", "LIBRARY")):
        body = {"path": f"{clone.pair.target}/{name}", "object_type": kind}
        healthy.control("POST", "objects", body)
    report = clone.pull()
    assert report.exit_code == DONE
    assert {skip.path for skip in report.skipped} == {"repo", "exp", "lib"}
    clone.write("exp.py", notebook(b"in the way"))
    assert "in the way" in failed(clone.push(overwrite=True))


def test_an_object_that_git_would_ignore_here_is_not_written(clone, there):
    (clone.folder / ".gitignore").write_text("secret.py\n", encoding="utf-8")
    there("secret", notebook(b"theirs"))
    report = clone.pull()
    assert report.results == ()
    assert [skip.path for skip in report.skipped] == ["secret.py"]


def test_two_objects_with_one_name_here_are_named(clone, there):
    # That is how a pull finds out that this system ignores case.
    clone.pair.state.with_name(clone.pair.state.name.upper()).mkdir(exist_ok=True)
    there("twin", notebook(b"twin"))
    there("TWIN", notebook(b"twin"))
    there("new", notebook(b"new"))
    for expected in ({"new.py": "written"}, {}):
        report = clone.pull()
        assert [one.path for one in report.failures] == ["TWIN", "twin"]
        assert "TWIN and twin would both be the file TWIN.py here" in failed(report)
        assert actions(report) == expected


# -- both


def test_a_run_can_be_taken_back(clone, there, healthy):
    there("a", notebook(b"theirs"))
    report = clone.push(overwrite=True)
    back = restore(clone.pair, find_backup(clone.pair.state, report.backup.name))
    assert [one.action for one in back.results] == [Action.REPLACE]
    assert b"theirs" in healthy.read(f"{clone.pair.target}/a")
    report = clone.pull()
    assert b"theirs" in clone.read("a.py")
    restore(clone.pair, find_backup(clone.pair.state, report.backup.name))
    assert clone.read("a.py") == notebook(b"one", b"two", b"three")
    with pytest.raises(SyncError, match="no backup nonsense"):
        find_backup(clone.pair.state, "nonsense")


def test_what_was_pulled_stays_even_if_it_is_edited_away(clone, there):
    there("a", notebook(b"pulled"))
    clone.pull()
    clone.write("a.py", notebook(b"edited away"))
    clone.push(overwrite=True)
    kept = find_versions(clone.pair.state, "notebooks/a.py")
    assert [path.read_bytes() for _, path in kept] == [
        notebook(b"edited away"),
        notebook(b"pulled"),
        notebook(b"one", b"two", b"three"),
    ]


def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_done(clone, monkeypatch):
    clone.write("c.py", notebook(b"c"))
    clone.write("d.py", notebook(b"d"))
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "c.py":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    report = clone.push()
    assert actions(report) == {"d.py": "created"}
    assert "c.py cannot be read: Permission denied" in failed(report)


def test_large_files_travel_in_pieces(clone, healthy, make_clone, tmp_path):
    clone.write("large.bin", os.urandom(24 * 1024 * 1024))
    assert actions(clone.push()) == {"large.bin": "created"}
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    assert actions(other.pull()) == {"large.bin": "written"}
    assert other.read("large.bin") == clone.read("large.bin")
    assert other.push().results == ()


# -- faults


def test_a_create_whose_answer_was_lost_is_a_success(clone, healthy):
    clone.write("new.py", notebook(b"new"))
    healthy.fault(kind="drop_after", path="import", times=1)
    report = clone.push()
    assert actions(report) == {"new.py": "created"}
    assert report.exit_code == DONE


@pytest.mark.parametrize("status", [429, 503])
def test_busy_answers_are_tried_again(clone, healthy, status):
    for number in range(6):
        clone.write(f"n{number}.py", notebook(b"n"))
    healthy.fault(
        kind="status", status=status, headers={"Retry-After": "0"}, path="import", times=4
    )
    assert clone.push().count(Action.CREATE) == 6


def test_what_may_not_be_read_is_told_and_the_rest_is_done(clone, there, healthy):
    there("a", notebook(b"secret"))
    there("b", notebook(b"open"))
    body = {"error_code": "PERMISSION_DENIED", "message": "no"}
    path = r"(export|get-status).*/a(&|$)"
    healthy.fault(kind="status", status=403, body=body, path=path)
    report = clone.pull()
    assert actions(report) == {"b.py": "written"}
    assert report.exit_code == FAILED
    assert [one.path for one in report.failures] == ["a"]
    healthy.heal()
    assert actions(clone.pull()) == {"a.py": "written"}


@pytest.mark.parametrize(
    ("status", "code"), [(404, "RESOURCE_DOES_NOT_EXIST"), (403, "PERMISSION_DENIED")]
)
def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(clone, there, healthy, status, code):
    clone.write("d/x.py", notebook(b"x"))
    clone.push()
    there("a", notebook(b"edited"))
    body = {"error_code": code, "message": "no"}
    healthy.fault(kind="status", status=status, body=body, path=r"list.*/d$")
    report = clone.pull()
    assert report.exit_code == FAILED
    assert actions(report) == {"a.py": "written"}
    assert clone.read("d/x.py")


def test_a_stale_listing_deletes_nothing(clone, healthy):
    clone.write("d/x.py", notebook(b"x"))
    healthy.fault(kind="stale", path="workspace/list")
    assert actions(clone.push()) == {"d/x.py": "created"}
    report = clone.pull()
    assert report.results == ()
    assert clone.read("d/x.py")


def test_one_wrong_answer_does_not_make_the_folder_gone(clone, healthy):
    body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}
    healthy.fault(kind="status", status=404, body=body, path="workspace/list", times=1)
    (clone.folder / "notebooks" / "b.py").unlink()
    with pytest.raises(SyncError, match="could not be listed"):
        clone.push()
    assert actions(clone.push()) == {"b.py": "left"}


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_ctrl_c_does_not_wait_for_the_listing(clone, healthy, make_clone, tmp_path):
    me, stops = threading.get_ident(), []

    class Interrupting(SystemClock):
        def sleep(self, seconds, stop=None):
            signal.pthread_kill(me, signal.SIGINT)
            stops.append(stop.wait(60))

    http = HttpClient(healthy.lease.host, healthy.login, clock=Interrupting())
    other = make_clone(tmp_path / "two", clone.pair.target, clone, http)
    healthy.fault(kind="status", status=503, headers={"Retry-After": "1"}, path="workspace/list")
    with pytest.raises(KeyboardInterrupt):
        other.pull()
    assert stops == [True]
    http.close()


def test_the_base_remembers_only_what_happened(clone, healthy):
    clone.write("c.py", notebook(b"c"))
    clone.write("d.py", notebook(b"d"))
    body = {"error_code": "PERMISSION_DENIED", "message": "no"}
    healthy.fault(kind="status", status=403, body=body, path="import", times=1)
    report = clone.push()
    assert report.exit_code == FAILED
    assert report.count(Action.CREATE) == 1
    healthy.heal()
    assert clone.push().count(Action.CREATE) == 1


def test_a_broken_base_is_named(clone):
    (base,) = (clone.pair.state / "base").glob("*.json")
    Path(base).write_text("{", encoding="utf-8")
    with pytest.raises(SyncError, match="cannot be read"):
        clone.push()
