"""Executes a task's code in this process: a Python file, or a notebook cell by cell."""

from __future__ import annotations

import linecache
import posixpath
import re
import shlex
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_core.local_workspace.dbutils import NotebookExit, NotHere
from mlops_core.local_workspace.driver_context import DriverContext, read_notebook
from mlops_core.local_workspace.packages import missing_requirements

_HEADER = "# Databricks notebook source"
_SEPARATOR = re.compile(r"^# COMMAND ----------[ \t]*$", re.MULTILINE)
_MAGIC = re.compile(r"^# MAGIC ?", re.MULTILINE)
_OTHER_LANGUAGES = {"%sql", "%scala", "%r"}


def run_script(path: str, file: Path) -> Mapping[str, str]:
    """Run ``file`` as `__main__`, without `__file__`, as a cluster does; how it ended."""
    namespace = _main_namespace({})
    return _outcome(lambda: _execute(file.read_bytes(), path, namespace))


def run_notebook(context: DriverContext, path: str, source: str) -> Mapping[str, str]:
    """Run a Python notebook's cells in one namespace; how it ended, with its exit value."""
    namespace = _main_namespace(context.names())
    return _outcome(lambda: _run_cells(path, source, namespace))


def split_cells(source: str) -> list[str]:
    """The cells of a source-format notebook, header line and `# MAGIC` prefixes removed. Pure."""
    text = source.replace("\r\n", "\n").removeprefix(_HEADER)
    cells = (cell.strip("\n") for cell in _SEPARATOR.split(text))
    return [_without_magic(cell) for cell in cells if cell.strip()]


def _without_magic(cell: str) -> str:
    lines = [line for line in cell.split("\n") if not line.startswith("# DBTITLE ")]
    return _MAGIC.sub("", "\n".join(lines))


def _main_namespace(names: Mapping[str, object]) -> dict[str, object]:
    # Pickle finds a script's own classes under `__main__`.
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__dict__.update(names)
    return module.__dict__


def _run_cells(path: str, source: str, namespace: dict[str, object]) -> None:
    for number, cell in enumerate(split_cells(source), start=1):
        first = cell.lstrip().split(maxsplit=1)[0]
        if first.startswith("%"):
            _run_magic(path, first, cell.lstrip(), namespace)
        else:
            _run_python(cell, f"{path} (cell {number})", path, namespace)


def _run_python(cell: str, name: str, path: str, namespace: dict[str, object]) -> None:
    """Line magics may stand between a cell's Python lines; they run before the cell does."""
    lines = cell.split("\n")
    for index, line in enumerate(lines):
        words = line.split(maxsplit=1)
        if words and words[0] in {"%pip", "%run", "%matplotlib", "%config", "%load_ext"}:
            _run_magic(path, words[0], line, namespace)
            lines[index] = ""
    _execute("\n".join(lines), name, namespace)


def _run_magic(path: str, magic: str, text: str, namespace: dict[str, object]) -> None:
    argument = text[len(magic) :].strip()
    if magic == "%python":
        _execute(argument, path, namespace)
    elif magic == "%run":
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), argument.strip("\"'")))
        _run_cells(other, read_notebook(other), namespace)
    elif magic == "%pip":
        _check_pip(argument)
    elif magic == "%sh":
        subprocess.run(argument, shell=True, check=True)  # noqa: S602 - the cell asks for a shell
    elif magic in _OTHER_LANGUAGES:
        raise NotHere(
            f"{path} has a {magic} cell; the embedded workspace runs Python notebooks only"
        )


def _check_pip(argument: str) -> None:
    """`%pip install` is checked against what is installed; nothing is ever installed."""
    command, *words = shlex.split(argument.split("\n")[0], comments=True) or [""]
    wanted = [word for word in words if not word.startswith("-")] if command == "install" else []
    if missing := missing_requirements(wanted):
        raise RuntimeError(
            f"%pip install: {', '.join(missing)}; the embedded workspace installs nothing, so run "
            f"this on its machine: {sys.executable} -m pip install {argument.split(maxsplit=1)[1]}"
        )


def _execute(source: str | bytes, name: str, namespace: dict[str, object]) -> None:
    text = source if isinstance(source, str) else source.decode("utf-8-sig", "replace")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    code = compile(source, name, "exec", dont_inherit=True)
    exec(code, namespace)  # noqa: S102 - running what it is sent is this module's purpose


def _outcome(work: Callable[[], None]) -> Mapping[str, str]:
    try:
        work()
    except NotebookExit as end:
        return {"result": end.value}
    except SystemExit as end:
        if end.code in (None, 0):
            return {}
        return _failure(end)
    except BaseException as error:  # noqa: BLE001 - whatever ends the task is its outcome
        return _failure(error)
    return {}


def _failure(error: BaseException) -> Mapping[str, str]:
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    return {"error": lines[-1].strip(), "error_trace": "".join(lines)}
