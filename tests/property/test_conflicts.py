"""Conflicts: how long each stays open, and what its hint is good for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_core.errors import DONE, FAILED, LEFT
from mlops_core.paths import WorkspacePath

HEADER = b"# Databricks notebook source\n"
posix = pytest.mark.skipif(os.name == "nt", reason="no such names, and no sh")


def actions(report) -> dict[str, str]:
    return {one.local.removeprefix("notebooks/"): one.action.value for one in report.results}


def typed(clone, command: str) -> str:
    """What a command from a hint prints, in a shell."""
    done = subprocess.run(["sh", "-c", command], cwd=clone.folder, capture_output=True, check=False)
    assert done.stderr == b""
    return done.stdout.decode()


def compare(report) -> str:
    (hint,) = (one.hint for one in report.results if one.hint)
    found = re.match("compare: (git diff .*?); then edit", hint, re.DOTALL)
    assert found
    return found[1]


def changed_lines(diff: str) -> list[str]:
    lines = [line for line in diff.split("\n") if re.match(r"[+-](?!\+\+ |-- )", line)]
    return [line.rstrip("\r") for line in lines]


@pytest.fixture
def clone(healthy, make_clone, tmp_path):
    clone = make_clone(tmp_path / "one")
    clone.write("a.py", HEADER + b"one\n")
    clone.write("b.py", HEADER + b"b\n")
    clone.commit()
    assert clone.push().exit_code == DONE
    return clone


@pytest.fixture
def theirs(clone, there) -> Path:
    """Their side of a conflict about a.py."""
    there("a", HEADER + b"one theirs\n")
    clone.write("a.py", HEADER + b"one ours\n")
    assert actions(clone.pull()) == {"a.py": "conflict"}
    return clone.pair.state / "conflicts" / "a.py"


# -- how long it stays open


def test_a_conflict_about_what_cannot_be_read_stays_open(clone, theirs, healthy):
    body = {"error_code": "PERMISSION_DENIED", "message": "no"}
    healthy.fault(kind="status", status=403, body=body, path="export.*/a&")
    assert clone.pull().exit_code == FAILED
    assert theirs.read_bytes() == HEADER + b"one theirs\n"
    healthy.heal()
    assert actions(clone.pull()) == {"a.py": "conflict"}


def test_a_conflict_in_a_folder_that_cannot_be_read_stays_open(clone, there, healthy):
    clone.write("d/x.py", HEADER + b"ours\n")
    there("a", HEADER + b"one theirs\n")
    clone.push()
    clone.write("d/x.py", HEADER + b"ours changed\n")
    there("d/x", HEADER + b"theirs\n")
    assert actions(clone.pull())["d/x.py"] == "conflict"
    body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}
    healthy.fault(kind="status", status=404, body=body, path=r"list.*/d$")
    assert clone.pull().exit_code == FAILED
    assert (clone.pair.state / "conflicts" / "d" / "x.py").exists()


def test_a_conflict_about_what_git_ignores_by_now_stays_open(clone, theirs):
    clone.git("rm", "--cached", "--quiet", "notebooks/a.py")
    (clone.folder / ".gitignore").write_text("a.py\n")
    clone.pull()
    assert theirs.exists()


def test_a_conflict_of_another_branch_stays_open(clone, theirs, healthy):
    other = replace(clone.pair, target=WorkspacePath(f"{clone.pair.target}-other"))
    there = replace(clone, pair=other)
    ours = clone.read("a.py")
    clone.write("a.py", HEADER + b"one\n")
    assert there.push().exit_code == DONE
    assert there.pull().exit_code == DONE
    assert theirs.read_bytes() == HEADER + b"one theirs\n"
    # and one of its own about the same file finds a place
    healthy.write(f"{other.target}/a", HEADER + b"one elsewhere\n", "SOURCE", "PYTHON")
    clone.write("a.py", ours)
    report = there.pull()
    assert actions(report) == {"a.py": "conflict"}
    assert "+one elsewhere" in typed(clone, compare(report))
    assert "+one theirs" in typed(clone, compare(clone.pull()))
    there.push(overwrite=True)
    assert theirs.read_bytes() == HEADER + b"one theirs\n"
    clone.push(overwrite=True)
    assert list((clone.pair.state / "conflicts").iterdir()) == []


def test_a_conflict_is_over_when_neither_side_has_the_object(clone, there, healthy):
    clone.write("new.py", HEADER + b"ours\n")
    there("new", HEADER + b"theirs\n")
    assert actions(clone.pull()) == {"new.py": "conflict"}
    (clone.folder / "notebooks" / "new.py").unlink()
    healthy.sdk.workspace.delete(f"{clone.pair.target}/new")
    clone.pull()
    assert list((clone.pair.state / "conflicts").iterdir()) == []


# -- what its hint is good for


def test_theirs_differs_from_ours_in_what_they_wrote_only(clone, there):
    text = "# Databricks notebook source\none\ntwo\nthree\n"
    ours = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    clone.write("w.py", ours)
    clone.push()
    clone.git("config", "core.autocrlf", "false")
    clone.commit()
    there("w", text.replace("two", "two theirs").encode())
    clone.write("w.py", ours.replace(b"two", b"two ours"))
    report = clone.pull()
    assert changed_lines(typed(clone, compare(report))) == ["-two ours", "+two theirs"]
    aside = clone.pair.state / "conflicts" / "w.py"
    clone.write("w.py", aside.read_bytes())
    assert changed_lines(clone.git("diff")) == ["-two", "+two theirs"]
    assert clone.pull().exit_code == DONE
    assert not aside.exists()


def test_theirs_of_a_jupyter_notebook_keeps_our_json(clone, there):
    cells = [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"id-{number}",
            "metadata": {"tags": ["kept"]},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": [f"{number}\n"]}],
            "source": [f"print({number})\n", "x"],
        }
        for number in range(3)
    ]
    metadata = {"language_info": {"name": "python"}, "kernelspec": {"name": "mine"}}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    clone.write("j.ipynb", json.dumps(document, indent=1).encode() + b"\n")
    clone.push()
    clone.commit()
    before = clone.read("j.ipynb")
    lean = [{**cell, "id": f"{number}", "metadata": {}} for number, cell in enumerate(cells)]
    lean[1]["source"] = "print(1)\ntheirs"
    there("j", json.dumps({**document, "cells": lean}).encode(), "JUPYTER")
    clone.write("j.ipynb", before.replace(b'print(1)\\n",\n    "x"', b'print(1)\\n",\n    "ours"'))
    diff = typed(clone, compare(clone.pull()))
    assert changed_lines(diff) == ['-    "ours"', '+    "theirs"']
    aside = clone.pair.state / "conflicts" / "j.ipynb"
    clone.write("j.ipynb", aside.read_bytes())
    assert changed_lines(clone.git("diff")) == ['-    "x"', '+    "theirs"']
    assert clone.pull().exit_code == DONE


@posix
@pytest.mark.parametrize(
    "name", ["a$HOME", "a`id`", "a$(id)", 'a"b', "it's", "a b", "-a", "ä", "a;id"]
)
def test_a_shell_takes_the_names_in_a_hint_as_they_are(clone, there, name):
    clone.write(f"{name}.py", HEADER + b"ours\n")
    there(name, HEADER + b"theirs\n")
    assert changed_lines(typed(clone, compare(clone.pull()))) == ["-ours", "+theirs"]


def test_theirs_in_another_form_is_not_to_be_copied_over_ours(clone, there):
    clone.write("a.py", HEADER + b"one ours\n")
    there("a", b"-- Databricks notebook source\nSELECT 1\n", "SOURCE", "SQL")
    report = clone.pull()
    assert actions(report) == {"a.sql": "conflict"}
    assert report.results[0].hint.endswith(
        "or replace it by .mlops/conflicts/a.sql as notebooks/a.sql"
    )


@posix
def test_the_longest_name_can_have_a_conflict(clone, there):
    name = "n" * 252
    clone.write(f"{name}.py", HEADER + b"ours\n")
    there(name, HEADER + b"theirs\n")
    report = clone.pull()
    assert report.exit_code == LEFT
    assert changed_lines(typed(clone, compare(report))) == ["-ours", "+theirs"]
    clone.write(f"{name}.py", (clone.pair.state / "conflicts" / f"{name}.py").read_bytes())
    assert clone.pull().exit_code == DONE
