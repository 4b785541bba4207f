"""Files that one side can hold and the other cannot, or takes for something else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlops_core.errors import DONE, FAILED
from mlops_core.sync.tree import MAX_FILE

HEADER = b"# Databricks notebook source\n"
SQL = b"-- Databricks notebook source\nSELECT 1\n"
EMPTY = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}'
posix = pytest.mark.skipif(os.name == "nt", reason="no such files")


def actions(report) -> dict[str, str]:
    return {one.local.removeprefix("notebooks/"): one.action.value for one in report.results}


def failed(report) -> list[str]:
    return [one.error.message for one in report.failures]


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    clone.write("a.py", HEADER + b"one\n")
    clone.commit()
    assert clone.push().exit_code == DONE
    return clone


def make_link(file: Path) -> None:
    file.symlink_to("elsewhere")


def make_large(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(MAX_FILE + 1)


def make_broken(file: Path) -> None:
    file.write_bytes(b"{")


@posix
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("x.csv", make_link),
        ("x.py", make_link),
        ("x.pkl", make_large),
        ("x.ipynb", make_broken),
    ],
)
def test_a_file_that_stays_here_does_not_keep_a_folder_of_its_name(clone, there, name, make):
    make(clone.folder / "notebooks" / name)
    there("x/theirs", HEADER + b"theirs\n")
    assert actions(clone.pull()) == {"x/theirs.py": "written"}
    clone.write("x/ours.py", HEADER + b"ours\n")
    assert actions(clone.push(overwrite=True)) == {"x/ours.py": "created"}


@posix
def test_what_a_link_takes_the_place_of_stays_in_the_workspace(clone, healthy):
    clone.write("x.py", HEADER + b"x\n")
    clone.write("d", b"d\n")
    clone.push()
    for name in ("x.py", "d"):
        (clone.folder / "notebooks" / name).unlink()
        make_link(clone.folder / "notebooks" / name)
    for report in (clone.push(overwrite=True), clone.pull()):
        assert (report.exit_code, report.results) == (DONE, ())
    assert healthy.read(f"{clone.pair.target}/x")
    assert healthy.read(f"{clone.pair.target}/d", "AUTO")


def test_a_folder_takes_the_place_of_a_file(clone, healthy):
    clone.write("d", b"d\n")
    clone.push()
    (clone.folder / "notebooks" / "d").unlink()
    clone.write("d/x.py", HEADER + b"x\n")
    report = clone.push(overwrite=True)
    assert (failed(report), actions(report)) == ([], {"d": "deleted", "d/x.py": "created"})
    assert clone.push().results == ()


def test_a_broken_notebook_and_another_of_its_name_are_both_named(clone):
    clone.write("x.ipynb", b"{")
    clone.write("x.py", HEADER + b"x\n")
    report = clone.push()
    assert "x.ipynb and x.py would both be x in the workspace" in failed(report)
    assert actions(report) == {}


@pytest.mark.parametrize(
    ("path", "content"),
    [("x.py", HEADER + b"x\n"), ("x.SQL", SQL), ("x.ipynb", b"hello"), ("x.ipynb", EMPTY)],
)
def test_a_file_that_would_be_a_notebook_here_is_named_each_time(clone, there, path, content):
    there(path, content, "RAW", "")
    there("new", HEADER + b"new\n")
    first, second = clone.pull(), clone.pull()
    assert (actions(first), actions(second)) == ({"new.py": "written"}, {})
    for report in (first, second, clone.pull()):
        assert report.exit_code == FAILED
        assert failed(report) == [f"{path} is a file there, and would be a notebook here"]
    assert not (clone.folder / "notebooks" / path).exists()
    report = clone.push(overwrite=True)
    assert (report.exit_code, report.results) == (DONE, ())


def test_a_notebook_that_would_be_a_designer_file_here_is_named(clone, there):
    there("flow.designer", EMPTY, "JUPYTER", "")
    for _ in range(2):
        (message,) = failed(clone.pull())
        assert message == "flow.designer would be a Lakeflow Designer file here"


def test_a_notebook_may_be_called_as_what_never_travels(clone, healthy):
    for name in ("node_modules.py", "__pycache__.ipynb", ".venv.py"):
        clone.write(name, EMPTY if name.endswith(".ipynb") else HEADER + b"x\n")
    assert clone.push().exit_code == DONE
    for run in (clone.push, clone.pull):
        report = run()
        assert (report.exit_code, report.results, report.skipped) == (DONE, (), ())


@pytest.mark.parametrize("name", [".GIT", ".Mlops", ".Env", "git~1", "GIT~2", ".g\u200cit"])
def test_what_some_system_takes_for_gits_folder_does_not_come(clone, there, name):
    there(f"{name}/hooks/pre-commit", b"#!/bin/sh\n", "RAW", "")
    report = clone.pull()
    assert [skip.path for skip in report.skipped] == [name]
    assert report.results == ()


@posix
def test_a_notebook_and_a_module_of_one_full_name_are_both_named(clone):
    if (clone.folder / "NOTEBOOKS").exists():
        pytest.skip("this system takes p.R and p.r for one")
    clone.write("p.R", HEADER + b"x\n")
    clone.write("p.r", b"module\n")
    for _ in range(2):
        report = clone.push(overwrite=True)
        assert set(failed(report)) == {"p.R and p.r would both be p.r in the workspace"}
        assert actions(report) == {}


def jupyter(*cells: dict[str, object], minor: int = 2) -> bytes:
    metadata = {"language_info": {"name": "python"}}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return json.dumps(document).encode()


def code(source: str, **more: object) -> dict[str, object]:
    raw = {"cell_type": "code", "metadata": {}, "source": [source], "outputs": []}
    return {**raw, "execution_count": None, **more}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 200_000, "nested too deeply"),
        (jupyter().decode().encode("utf-16"), "not UTF-8"),
    ],
)
def test_json_that_cannot_be_read_is_named_and_the_rest_is_done(clone, content, why):
    clone.write("odd.ipynb", content)
    clone.write("c.py", HEADER + b"c\n")
    report = clone.push()
    assert actions(report) == {"c.py": "created"}
    assert why in failed(report)[0]


def test_an_image_that_was_pasted_in_the_browser_comes_here(clone, there):
    text = {"cell_type": "markdown", "metadata": {}, "source": ["text"]}
    clone.write("j.ipynb", jupyter(text))
    clone.push()
    image = {"p.png": {"image/png": "AAAA"}}
    edited = {**text, "source": ["![p](attachment:p.png)"], "attachments": image}
    there("j", jupyter(edited), "JUPYTER", "")
    assert actions(clone.pull()) == {"j.ipynb": "written"}
    (cell,) = json.loads(clone.read("j.ipynb"))["cells"]
    assert cell["attachments"] == image


def test_a_new_cell_has_an_id_only_where_the_format_has_them(clone, there):
    clone.write("j.ipynb", jupyter(code("a")))
    clone.push()
    there("j", jupyter(code("a", id="aaaa"), code("b", id="bbbb"), minor=5), "JUPYTER", "")
    clone.pull()
    cells = json.loads(clone.read("j.ipynb"))["cells"]
    assert [sorted(cell) for cell in cells] == [sorted(code(""))] * 2


def test_half_a_character_edited_on_both_sides_is_merged(clone, there):
    lines = "a = '\ud83d'\nb = 1\nc = 1\nd = 1"
    clone.write("j.ipynb", jupyter(code(lines)))
    clone.push()
    there("j", jupyter(code(lines + "  # theirs")), "JUPYTER", "")
    clone.write("j.ipynb", jupyter(code("# ours\n" + lines)))
    assert actions(clone.pull()) == {"j.ipynb": "merged"}
    (cell,) = json.loads(clone.read("j.ipynb"))["cells"]
    assert "".join(cell["source"]) == f"# ours\n{lines}  # theirs"
