"""What travels of a file is what git would commit, and it lands here as git would check it out."""

from __future__ import annotations

import os
import shutil

import pytest

from mlops_core.errors import DONE
from mlops_core.sync.commit import export_commit, read_commit
from mlops_core.sync.restore import find_backup, restore
from mlops_core.sync.tree import MAX_IN_MEMORY

HEADER = b"# Databricks notebook source\n"


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    clone.write("a.py", HEADER + b"one\n")
    clone.write("m.py", b"x = 1\ny = 2\n")
    clone.commit()
    assert clone.push().exit_code == DONE
    return clone


def actions(report) -> dict[str, str]:
    return {one.local.removeprefix("notebooks/"): one.action.value for one in report.results}


# -- the executable bit


@pytest.fixture
def program(clone):
    """A notebook and a module that git has as programs."""
    if os.name == "nt":
        pytest.skip("Windows has no executable bit")
    for name in ("a.py", "m.py"):
        (clone.folder / "notebooks" / name).chmod(0o755)
    clone.commit()
    return clone


def test_a_deleted_program_that_a_pull_writes_again_is_one(program):
    shutil.rmtree(program.folder / "notebooks")
    shutil.rmtree(program.pair.state)
    assert actions(program.pull()) == {"a.py": "written", "m.py": "written"}
    assert program.status() == ""


def test_a_replaced_program_stays_one(program, healthy):
    healthy.write(f"{program.pair.target}/m.py", b"x = 2\n", "RAW")
    program.pull()
    assert (program.folder / "notebooks" / "m.py").stat().st_mode & 0o100


def test_a_program_that_is_put_back_is_one(program, healthy):
    healthy.sdk.workspace.delete(f"{program.pair.target}/m.py")
    report = program.pull()
    assert actions(report) == {"m.py": "deleted"}
    restore(program.pair, find_backup(program.pair.state, report.backup.name))
    assert program.status() == ""


# -- line endings


def crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


@pytest.fixture
def windows(clone, make_clone, tmp_path):
    """Another clone of the same branch, as Git for Windows sets it up."""
    return windows_clone(clone, make_clone, tmp_path / "windows")


def windows_clone(clone, make_clone, folder):
    made = make_clone(folder, clone.pair.target, clone)
    made.git("config", "core.autocrlf", "true")
    shutil.rmtree(made.folder / "notebooks")
    made.git("checkout", "--", ".")
    assert made.status() == ""
    return made


def with_attributes(clone, text: str) -> None:
    (clone.folder / ".gitattributes").write_text(text, encoding="utf-8")
    clone.commit()


def there(clone, healthy, path: str) -> bytes:
    return healthy.read(f"{clone.pair.target}/{path}", "AUTO")


def change_there(clone, healthy, path: str, content: bytes) -> None:
    healthy.write(f"{clone.pair.target}/{path}", content, "RAW")


def are_clean(*clones) -> bool:
    return not any(clone.status() for clone in clones)


def test_the_same_commit_is_the_same_in_both_kinds_of_clone(clone, windows, healthy):
    assert windows.read("m.py") == b"x = 1\r\ny = 2\r\n"
    for command in (windows.pull, windows.push, clone.pull, clone.push):
        report = command()
        assert (report.exit_code, report.results) == (DONE, ())
    assert windows.push(overwrite=True).results == ()
    assert there(clone, healthy, "m.py") == b"x = 1\ny = 2\n"
    assert are_clean(clone, windows)


def test_what_a_windows_clone_sends_first_is_what_git_has(make_clone, tmp_path, clone, healthy):
    fresh = make_clone(tmp_path / "origin")
    fresh.write("m.py", b"x = 1\n")
    fresh.commit()
    windows = windows_clone(fresh, make_clone, tmp_path / "windows")
    assert actions(windows.push()) == {"m.py": "created"}
    assert there(fresh, healthy, "m.py") == b"x = 1\n"
    assert fresh.pull().results == windows.pull().results == ()
    assert are_clean(fresh, windows)


def test_an_edit_in_a_windows_clone_comes_to_the_other_as_an_edit_alone(clone, windows, healthy):
    windows.write("m.py", crlf(b"x = 1\ny = 3\n"))
    assert actions(windows.push(overwrite=True)) == {"m.py": "replaced"}
    assert there(clone, healthy, "m.py") == b"x = 1\ny = 3\n"
    assert actions(clone.pull()) == {"m.py": "written"}
    assert clone.read("m.py") == b"x = 1\ny = 3\n"
    assert windows.pull().results == windows.push().results == ()


@pytest.mark.parametrize("is_there", [True, False])
def test_an_edit_elsewhere_gets_the_endings_of_the_windows_clone(clone, windows, healthy, is_there):
    if not is_there:
        (windows.folder / "notebooks" / "m.py").unlink()
    clone.write("m.py", b"x = 1\ny = 3\n")
    clone.write("new.py", b"new = 1\n")
    clone.push(overwrite=True)
    assert actions(windows.pull()) == {"m.py": "written", "new.py": "written"}
    assert windows.read("m.py") == b"x = 1\r\ny = 3\r\n"
    assert windows.read("new.py") == b"new = 1\r\n"
    assert windows.push().results == windows.pull().results == ()
    windows.git("add", "--all")
    diff = windows.git("diff", "--cached", "--unified=0").splitlines()
    changed = [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-y = 2", "+y = 3", "+new = 1"]


def test_a_file_that_has_lf_in_a_windows_clone_keeps_it(clone, windows, healthy):
    windows.write("m.py", b"x = 1\ny = 2\n")
    change_there(clone, healthy, "m.py", b"x = 1\ny = 3\n")
    assert actions(windows.pull()) == {"m.py": "written"}
    assert windows.read("m.py") == b"x = 1\ny = 3\n"


def test_a_new_file_of_a_windows_clone_is_sent_as_git_would_commit_it(clone, windows, healthy):
    windows.write("new.py", b"a = 1\r\nb = 2\r\n")
    windows.write("new.bin", b"\0\r\n")
    assert actions(windows.push()) == {"new.py": "created", "new.bin": "created"}
    assert there(clone, healthy, "new.py") == b"a = 1\nb = 2\n"
    assert there(clone, healthy, "new.bin") == b"\0\r\n"
    assert windows.push().results == windows.pull().results == ()
    clone.pull()
    assert (clone.read("new.py"), clone.read("new.bin")) == (b"a = 1\nb = 2\n", b"\0\r\n")
    windows.commit()
    assert windows.git("show", "HEAD:notebooks/new.py") == "a = 1\nb = 2\n"


def test_both_edits_are_merged_in_the_endings_of_this_clone(clone, windows, healthy):
    text = b"".join(b"%d\n" % number for number in range(9))
    clone.write("m.py", text)
    clone.push(overwrite=True)
    windows.pull()
    windows.write("m.py", crlf(text.replace(b"1", b"ours")))
    change_there(clone, healthy, "m.py", text.replace(b"7", b"theirs"))
    assert actions(windows.pull()) == {"m.py": "merged"}
    merged = text.replace(b"1", b"ours").replace(b"7", b"theirs")
    assert windows.read("m.py") == crlf(merged)
    windows.push(overwrite=True)
    assert there(clone, healthy, "m.py") == merged
    clone.pull()
    assert clone.read("m.py") == merged


def test_their_side_of_a_conflict_has_the_endings_of_this_clone(clone, windows, healthy):
    windows.pull()
    windows.write("m.py", b"x = 1\r\ny = 'ours'\r\n")
    change_there(clone, healthy, "m.py", b"x = 1\ny = 'theirs'\n")
    assert actions(windows.pull()) == {"m.py": "conflict"}
    aside = windows.pair.state / "conflicts" / "m.py"
    assert aside.read_bytes() == b"x = 1\r\ny = 'theirs'\r\n"
    windows.write("m.py", aside.read_bytes())
    assert windows.pull().exit_code == DONE
    assert windows.push().results == ()


def test_what_is_put_back_is_what_was_here(clone, windows, healthy):
    windows.pull()
    change_there(clone, healthy, "m.py", b"theirs = 1\n")
    report = windows.pull()
    restore(windows.pair, find_backup(windows.pair.state, report.backup.name))
    assert windows.read("m.py") == b"x = 1\r\ny = 2\r\n"
    assert are_clean(windows)
    report = windows.push(overwrite=True)
    assert there(clone, healthy, "m.py") == b"x = 1\ny = 2\n"
    restore(windows.pair, find_backup(windows.pair.state, report.backup.name))
    assert there(clone, healthy, "m.py") == b"theirs = 1\n"


def test_crlf_there_is_no_change_to_a_clone_that_would_commit_lf(clone, windows, healthy):
    windows.pull()
    change_there(clone, healthy, "m.py", b"x = 1\r\ny = 2\r\n")
    assert windows.pull().results == windows.push().results == ()
    change_there(clone, healthy, "new.py", b"new = 1\r\n")
    assert actions(windows.pull()) == {"new.py": "written"}
    assert windows.read("new.py") == b"new = 1\r\n"
    assert windows.push().results == windows.pull().results == ()


def test_what_is_changed_back_by_hand_is_what_it_was(clone, windows):
    windows.pull()
    windows.write("m.py", b"edited\r\n")
    assert actions(windows.push()) == {"m.py": "left"}
    windows.git("checkout", "--", ".")
    assert windows.push().results == windows.pull().results == ()


# -- files for which git converts nothing


def test_where_git_converts_nothing_line_endings_are_content(clone, make_clone, tmp_path, healthy):
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    other.pull()
    clone.write("m.py", b"x = 1\r\ny = 2\r\n")
    assert actions(clone.push()) == {"m.py": "left"}
    assert actions(clone.push(overwrite=True)) == {"m.py": "replaced"}
    assert there(clone, healthy, "m.py") == b"x = 1\r\ny = 2\r\n"
    assert actions(other.pull()) == {"m.py": "written"}
    assert other.read("m.py") == b"x = 1\r\ny = 2\r\n"
    assert other.status() == clone.status() == " M notebooks/m.py\n"


def test_a_file_that_was_committed_with_crlf_travels_with_it(clone, make_clone, tmp_path, healthy):
    clone.write("m.py", b"x = 1\r\ny = 2\r\n")
    clone.commit()
    clone.push(overwrite=True)
    windows = windows_clone(clone, make_clone, tmp_path / "windows")
    assert windows.pull().results == windows.push().results == ()
    windows.write("m.py", b"x = 1\r\ny = 3\r\n")
    windows.push(overwrite=True)
    assert there(clone, healthy, "m.py") == b"x = 1\r\ny = 3\r\n"
    clone.pull()
    assert clone.read("m.py") == b"x = 1\r\ny = 3\r\n"
    clone.git("checkout", "--", ".")
    clone.push(overwrite=True)
    windows.pull()
    assert are_clean(clone, windows)


def test_an_unknown_edit_is_taken_over_a_commit_with_crlf(clone, make_clone, tmp_path, healthy):
    clone.write("m.py", b"x = 1\r\ny = 2\r\n")
    clone.commit()
    windows = windows_clone(clone, make_clone, tmp_path / "windows")
    change_there(clone, healthy, "m.py", b"x = 1\r\ny = 'edited'\r\n")
    assert actions(windows.pull()) == {"m.py": "written"}


@pytest.mark.parametrize("attributes", ["m.py -text", "*.py binary", "m.py filter=anything"])
def test_attributes_can_say_that_a_file_stays_as_it_is(
    clone, make_clone, tmp_path, healthy, attributes
):
    with_attributes(clone, attributes + "\n")
    windows = windows_clone(clone, make_clone, tmp_path / "windows")
    windows.pull()
    windows.write("m.py", b"x = 1\r\n")
    windows.push(overwrite=True)
    assert there(clone, healthy, "m.py") == b"x = 1\r\n"
    clone.pull()
    assert clone.read("m.py") == b"x = 1\r\n"
    change_there(clone, healthy, "m.py", b"x = 2\n")
    windows.pull()
    assert windows.read("m.py") == b"x = 2\n"


# -- what .gitattributes say holds in every clone


@pytest.mark.parametrize("attributes", ["*.py text eol=crlf", "*.py text=auto eol=crlf"])
def test_files_with_crlf_in_every_checkout_travel_with_lf(
    clone, make_clone, tmp_path, healthy, attributes
):
    with_attributes(clone, attributes + "\n")
    clone.write("m.py", b"x = 1\r\ny = 3\r\n")
    clone.write("new.py", b"new = 1\r\n")
    clone.commit()
    clone.push(overwrite=True)
    assert there(clone, healthy, "m.py") == b"x = 1\ny = 3\n"
    assert there(clone, healthy, "new.py") == b"new = 1\n"
    other = make_clone(tmp_path / "other", clone.pair.target, clone)
    assert other.read("m.py") == b"x = 1\r\ny = 3\r\n"
    assert other.pull().results == clone.pull().results == ()
    change_there(clone, healthy, "m.py", b"x = 1\ny = 4\n")
    change_there(clone, healthy, "other.py", b"other = 1\n")
    other.pull()
    assert other.read("m.py") == b"x = 1\r\ny = 4\r\n"
    assert other.read("other.py") == b"other = 1\r\n"
    assert other.push().results == ()
    other.git("checkout", "--", ".")
    (other.folder / "notebooks" / "other.py").unlink()
    assert are_clean(clone, other)


def test_a_commit_is_mirrored_as_it_is_stored(clone, make_clone, tmp_path):
    clone.write("sub/w.txt", b"w\n")
    clone.write(".gitattributes", b"w.txt text eol=crlf\n")
    clone.write("raw.csv", b"a,b\r\n")
    clone.commit()
    windows = windows_clone(clone, make_clone, tmp_path / "windows")
    assert windows.read("sub/w.txt") == b"w\r\n"
    for one in (clone, windows):
        target = tmp_path / "exported" / one.folder.name
        export_commit(one.folder, read_commit(one.folder), {"notebooks": target})
        assert (target / "m.py").read_bytes() == b"x = 1\ny = 2\n"
        assert (target / "sub" / "w.txt").read_bytes() == b"w\n"
        assert (target / "raw.csv").read_bytes() == b"a,b\r\n"


# -- the limits


def test_a_big_text_travels_byte_for_byte(clone, windows, healthy):
    big = b"0123456789abcde\r\n" * (MAX_IN_MEMORY // 16)
    windows.write("big.csv", big)
    windows.push()
    assert there(clone, healthy, "big.csv") == big
    assert windows.push().results == windows.pull().results == ()


def test_git_is_asked_about_line_endings_only_where_there_are_any(clone, monkeypatch, healthy):
    asked = []
    real = type(clone.pair.checkout())._run

    def run(self, *arguments, stdin=b""):
        asked.append(arguments[0])
        return real(self, *arguments, stdin=stdin)

    monkeypatch.setattr(type(clone.pair.checkout()), "_run", run)
    clone.write("m.py", b"x = 3\n")
    clone.push(overwrite=True)
    assert asked == ["ls-files"]
