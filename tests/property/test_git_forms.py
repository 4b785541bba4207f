"""What travels of a file is what git would commit, and it lands here as git would check it out."""

from __future__ import annotations

import os
import shutil

import pytest

from mlops_core.errors import DONE, LEFT
from mlops_core.sync.restore import find_backup, restore

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
