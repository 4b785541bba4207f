"""Cells of notebooks, as the driver takes them apart and runs them."""

import pickle
import sys
from pathlib import Path

import pytest

from mlops_core.local_workspace import driver_context
from mlops_core.local_workspace.notebook_runner import run_notebook, run_script, split_cells


@pytest.fixture
def restored_modules(monkeypatch):
    """The driver replaces `__main__` and puts the runtime's modules in place."""
    for name in ("__main__", "dbruntime", "dbruntime.databricks_repl_context"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name))


@pytest.fixture
def context(restored_modules):
    values = {"notebookPath": "/Users/a/n", "notebookId": "7", "jobId": "3", "apiToken": "secret"}
    return driver_context.install(values, {"given": "5"})


def run(context, source: str) -> dict:
    return dict(run_notebook(context, "/Users/a/n", source))


@pytest.mark.parametrize(
    ("source", "cells"),
    [
        ("# Databricks notebook source\na\n\n# COMMAND ----------\n\nb", ["a", "b"]),
        ("# Databricks notebook source\r\na\r\n# COMMAND ----------\r\nb\r\n", ["a", "b"]),
        ("# MAGIC %md\n# MAGIC # Title\n# MAGIC\n# MAGIC text", ["%md\n# Title\n\ntext"]),
        ("# DBTITLE 1,Named\na", ["a"]),
        ("x = '# COMMAND ----------'", ["x = '# COMMAND ----------'"]),
        ("# Databricks notebook source\n", []),
    ],
)
def test_split_cells(source, cells):
    assert split_cells(source) == cells


def test_cells_share_their_names_and_the_exit_value_is_the_result(context):
    source = "a = 1\n# COMMAND ----------\ndbutils.notebook.exit(a + 1)\n# COMMAND ----------\n1/0"
    assert run(context, source) == {"result": "2"}


def test_exit_passes_every_except_exception(context):
    source = "try:\n    dbutils.notebook.exit('out')\nexcept Exception:\n    pass\n1/0"
    assert run(context, source) == {"result": "out"}


def test_a_failure_names_cell_and_line(context):
    outcome = run(context, "1\n# COMMAND ----------\nx = 1\nx / 0\n")
    assert outcome["error"] == "ZeroDivisionError: division by zero"
    assert 'File "/Users/a/n (cell 2)", line 2, in <module>\n    x / 0' in outcome["error_trace"]
    assert "notebook_runner" not in outcome["error_trace"]


def test_a_syntax_error_is_a_failure(context):
    assert run(context, "def broken(:\n")["error"].startswith("SyntaxError")


def test_widgets_defaults_and_values_of_the_job(context):
    source = (
        "dbutils.widgets.text('given', '1')\n"
        "dbutils.widgets.dropdown('color', 'red', ['red', 'blue'])\n"
        "dbutils.notebook.exit(dbutils.widgets.getAll())\n"
    )
    assert run(context, source) == {"result": "{'given': '5', 'color': 'red'}"}


def test_the_context_is_found_in_both_ways(context, capsys):
    source = (
        "from dbruntime.databricks_repl_context import get_context\n"
        "print(get_context().notebookPath, get_context().isInJob)\n"
        "own = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
        "print(own.notebookPath().get(), own.tags().get('jobId').get())\n"
        "print(own.nothing().isDefined())\n"
        "print('secret' in own.toJson())\n"
    )
    assert run(context, source) == {}
    assert capsys.readouterr().out == "/Users/a/n True\n/Users/a/n 3\nFalse\nFalse\n"


def test_magics_between_lines_of_python_run_first(context):
    assert run(context, "a = 2\n%pip install pytest>=1\ndbutils.notebook.exit(a)") == {
        "result": "2"
    }


@pytest.mark.parametrize("magic", ["%sql", "%scala", "%r"])
def test_other_languages_are_refused(context, magic):
    assert "runs Python notebooks only" in run(context, f"# MAGIC {magic}\n# MAGIC x")["error"]


def test_display_shows_a_value(context, capsys):
    run(context, "display([1, 2])")
    assert capsys.readouterr().out == "[1, 2]\n"


def test_a_script_is_main_without_a_file(restored_modules, tmp_path: Path, capsys):
    file = tmp_path / "disk-name.py"
    file.write_text("class Thing: pass\nprint(__name__, '__file__' in globals())\n")
    assert run_script("/Workspace/task.py", file) == {}
    assert capsys.readouterr().out == "__main__ False\n"
    thing = sys.modules["__main__"].Thing()
    assert type(pickle.loads(pickle.dumps(thing))).__name__ == "Thing"
