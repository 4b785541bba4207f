"""Names that cannot go to the other side."""

from __future__ import annotations

import pytest

from mlops_core.notebooks.formats import A_FILE, Form
from mlops_core.sync.names import (
    LocalRules,
    find_collisions,
    find_unholdable,
    is_within,
    local_name,
    parents,
)

WINDOWS = LocalRules(is_windows=True, is_case_sensitive=False)
MAC = LocalRules(is_case_sensitive=False)
LINUX = LocalRules()
R = Form("NOTEBOOK", "R", "SOURCE")


@pytest.mark.parametrize(
    "name", ["a:b", "a?.py", "con", "NUL.txt", "com1.py", "dot.", "space ", 'q"', "x/aux/y", "\x01"]
)
def test_windows_cannot_hold_every_name(name):
    assert WINDOWS.why_not(name)
    assert not LINUX.why_not(name)


@pytest.mark.parametrize("name", ["a b+#%.py", "console.py", "x.con", "größe"])
def test_and_holds_the_usual_ones(name):
    assert not WINDOWS.why_not(name)


def test_names_can_be_too_long():
    assert LINUX.why_not("é" * 200)


def test_an_object_that_cannot_be_a_file_is_named():
    (trouble,) = find_unholdable({"d/a:b": "d/a:b.py", "ok": "ok.py"}, WINDOWS)
    assert trouble.path == "d/a:b"
    assert "d/a:b cannot be a file here: 'a:b.py' has ':' in it" in trouble.error.message
    assert trouble.error.hint


def test_names_that_differ_in_case_only_are_both_named_where_that_matters():
    wanted = {"A": "A.py", "a": "a.py", "b": "b.py"}
    assert find_unholdable(wanted, LINUX) == ()
    troubles = find_unholdable(wanted, MAC)
    assert [trouble.path for trouble in troubles] == ["A", "a"]
    assert "A and a would both be the file A.py here" in troubles[0].error.message


def test_a_notebook_and_a_file_of_one_local_name_are_both_named():
    troubles = find_unholdable({"a": "a.py", "a.py": "a.py"}, LINUX)
    assert [trouble.path for trouble in troubles] == ["a", "a.py"]


def test_two_files_with_one_workspace_name_are_both_named():
    found = [("a", "a.py", "a.py"), ("a", "a.sql", "a.sql"), ("b", "b.py", "b.py")]
    (trouble,) = find_collisions(found)
    assert "a.py and a.sql would both be a in the workspace" in trouble.error.message


def test_a_notebook_beside_a_folder_of_its_name_is_named():
    found = [("a", "a.py", "a.py"), ("a/b", "a/b.py", "a/b.py"), ("a.txt", "a.txt", "a.txt")]
    (trouble,) = find_collisions(found)
    assert "a.py and a/ would both be a" in trouble.error.message


def test_a_notebook_and_a_file_of_one_full_name_are_both_named():
    troubles = find_collisions([("p", "p.r", "p.R"), ("p.r", "p.r", "p.r"), ("q", "q.r", "q.r")])
    assert [trouble.path for trouble in troubles] == ["p", "p.r"]
    for trouble in troubles:
        assert trouble.error.message == "p.R and p.r would both be p.r in the workspace"


def test_two_notebooks_of_one_path_and_full_name_are_told_once():
    (trouble,) = find_collisions([("a", "a.py", "a.py"), ("a", "a.py", "a.PY")])
    assert trouble.error.message == "a.PY and a.py would both be a in the workspace"


def test_an_extension_in_capitals_is_kept():
    assert local_name("N", R, ["N.R"]) == "N.R"
    assert local_name("N", R, ["n.R", "N.RR"]) == "N.r"
    assert local_name("N", A_FILE, []) == "N"


def test_folders():
    assert parents("a/b/c") == ["a/b", "a"]
    assert is_within("a/b/c", {"a"})
    assert is_within("a", {"a"})
    assert not is_within("ab", {"a"})
